"""Which exit code, and which sentence, a failure ends a command with.

Guarantees: every class of `tasks.errors` has one code; a failure that is none of them is told as
what it means for the user where the machine is the cause (a full disk, a place that may not be
written, a server that is gone), and as an internal error otherwise.
"""

from __future__ import annotations

from tasks.errors import (
    FULL,
    UNWRITABLE,
    ConflictError,
    DrillFailedError,
    NotFoundError,
    ProjectFileError,
    RefusedDataError,
    UnavailableError,
    UsageError,
    UserError,
)

INTERNAL = 1
UNAVAILABLE = 6
INTERRUPTED = 130
OF_ERRORS: dict[type[UserError], int] = {
    ProjectFileError: 2,
    UsageError: 2,
    NotFoundError: 2,
    RefusedDataError: 3,
    ConflictError: 4,
    DrillFailedError: 4,
    UnavailableError: UNAVAILABLE,
}


def explained(failure: Exception) -> tuple[int, str] | None:
    """The exit code and the sentence of a failure that its user can act on; None of any other."""
    if isinstance(failure, UserError):
        return OF_ERRORS[type(failure)], str(failure)
    if isinstance(failure, OSError) and failure.errno in FULL:
        place = failure.filename or "the home folder"
        return UNAVAILABLE, f"the disk is full at {place}; {_AGAIN.format('free space and ')}"
    if isinstance(failure, OSError) and failure.errno in UNWRITABLE:
        advice = "make it writable, or set ASSAYLINE_HOME"
        return UNAVAILABLE, f"{failure.filename}: {failure.strerror}; {advice}"
    if any(kind.__module__.partition(".")[0] == "httpx" for kind in type(failure).__mro__):
        gone = f"the Prefect server stopped answering ({type(failure).__name__})"
        return UNAVAILABLE, f"{gone}; {_AGAIN.format('')}"
    return None


_AGAIN = "{}run again: finished stages are kept"
