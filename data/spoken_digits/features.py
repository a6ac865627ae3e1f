"""Turns the recordings into the table beside this file; needs them, the repository has them not.

    python data/spoken_digits/features.py recordings.zip metadata.csv

Each recording is cut to its loud part, that part into eight pieces of equal length, and each piece
is told by its mean log power in ten mel bands from 100 to 3,800 Hz, less the mean of the recording
(so that loudness does not count). The table holds those 80 numbers, the length, and the metadata.
"""

from __future__ import annotations

import io
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import stft

PIECES, BANDS = 8, 10
RATE = 8000
QUIET = 0.02
"""A recording begins and ends where its envelope exceeds this share of the largest value."""


def describe(samples: NDArray[np.float64]) -> dict[str, float]:
    """The numbers of one recording by column name."""
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    spoken = samples[loud[0] : loud[-1] + 1]
    frequencies, _, spectrum = stft(spoken, RATE, nperseg=min(256, len(spoken)), noverlap=None)
    power = np.abs(spectrum) ** 2
    edges = _mel_edges()
    bands = np.array(
        [
            power[(frequencies >= low) & (frequencies < high)].sum(axis=0)
            for low, high in pairwise(edges)
        ]
    )
    levels = np.log10(bands + 1e-12)
    pieces = [piece.mean(axis=1) for piece in np.array_split(levels, PIECES, axis=1)]
    table = np.array(pieces) - levels.mean()
    named = {
        f"t{piece + 1}_band{band + 1}": round(float(table[piece, band]), 2)
        for piece in range(PIECES)
        for band in range(BANDS)
    }
    return {"seconds": round(len(spoken) / RATE, 3), **named}


def _mel_edges() -> NDArray[np.float64]:
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (100, 3800))
    mels = np.linspace(low, high, BANDS + 1)
    return 700 * (10 ** (mels / 2595) - 1)


def main(recordings: Path, metadata: Path) -> None:
    """Write `spoken_digits.parquet` beside this file."""
    about = pd.read_csv(metadata)
    rows = []
    with zipfile.ZipFile(recordings) as archive:
        for name in about["file"]:
            rate, samples = wavfile.read(io.BytesIO(archive.read(name)))
            if rate != RATE:
                raise SystemExit(f"{name} has {rate} samples a second, not {RATE}")
            rows.append(describe(samples.astype(np.float64)))
    numbers = pd.DataFrame(rows).astype("float32")
    kept = about[["file", "digit", "speaker", "take", "accent"]]
    target = Path(__file__).with_name("spoken_digits.parquet")
    pd.concat([kept, numbers], axis=1).to_parquet(target, compression="zstd", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
