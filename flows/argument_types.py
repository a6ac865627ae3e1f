"""What a word on the command line may be, and the sentence where it is something else."""

from __future__ import annotations

import argparse


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 1")
    return found


def port(text: str) -> int:
    """A port's number."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port: a number from 1 to 65535")
    return int(text)


def minutes(text: str) -> float:
    """Minutes, 0.1 or more."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.1 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of minutes from 0.1")
    return found


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)
