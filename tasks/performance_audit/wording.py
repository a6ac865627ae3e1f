"""How the audit writes its numbers, and whose limits they are, in sentences."""

from __future__ import annotations

STAGE = "performance_audit"

_SHARES = frozenset({"accuracy", "precision", "recall"})


def shown(metric: str, value: float) -> str:
    """A share as a percentage, any other metric with three decimals."""
    return f"{value:.1%}" if metric in _SHARES else f"{value:.3f}"


def size(size_bytes: int) -> str:
    """A size in MB, or in kB below a tenth of one (a million, a thousand bytes)."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:.1f} kB"


def declared_by(owner: str, reason: str) -> str:
    """Who set a limit and why, as a sentence with a space before it; empty where neither is told.

    The words are the project file's own.
    """
    if owner and reason:
        return f" Limit set by {owner}: {reason.rstrip('.')}."
    if owner or reason:
        return f" Limit set by {owner}." if owner else f" Reason: {reason.rstrip('.')}."
    return ""


def numbered(subject: str, taken: set[str]) -> str:
    """`subject`, or with a number behind it where it is taken; it is taken from now on."""
    name, number = subject, 1
    while name in taken:
        number += 1
        name = f"{subject} ({number})"
    taken.add(name)
    return name
