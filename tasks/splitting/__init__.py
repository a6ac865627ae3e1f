"""Who learns from which rows: train, dev and test, drawn so that no example is on two sides.

`units` says which rows must stay together, `sides` where each unit goes, `stage` proves it.
"""

from tasks.splitting.stage import split_rows

__all__ = ["split_rows"]
