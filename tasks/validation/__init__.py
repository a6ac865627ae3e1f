"""Is this the data that the project expects, and can anything be learned from it?

`expectations` runs the project's own rules, `table` what is always judged, `stage` acts on both.
"""

from tasks.validation.stage import validate

__all__ = ["validate"]
