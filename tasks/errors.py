"""Failures that end a command with one sentence: what is wrong, both values, the next move.

Bad data is never one of these: data is judged by checks.
"""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the operating system says of a full disk."""
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
"""What it says of a place that may not be written."""


class AssaylineError(Exception):
    """Base of the failures that a user can act on; `exit_code` is what the command ends with."""

    exit_code = 1


class ProjectError(AssaylineError):
    """The project file, or a word on the command line, cannot be used as it is."""

    exit_code = 2


class RefusedDataError(AssaylineError):
    """Rows that were given to a model cannot be read as the rows that it learned from."""

    exit_code = 3


class UnavailableError(AssaylineError):
    """A server, a disk or a file that the run needs is not available."""

    exit_code = 6
