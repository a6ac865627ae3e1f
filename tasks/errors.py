"""Failures that end a command with one sentence: what is wrong, both values, the next move.

Bad data is never one of these: data is judged by checks. Which exit code a command then ends with
is said in `flows/exit_codes.py` alone.
"""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the operating system says of a full disk."""
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
"""What it says of a place that may not be written."""


class UserError(Exception):
    """Base of the failures that a user can act on."""


class ProjectFileError(UserError):
    """The project file, or a file that belongs to it, cannot be used as it is."""


class UsageError(UserError):
    """A word of the command line or of a form, or a file that it hands in, cannot be used."""


class NotFoundError(UserError):
    """A file, a run, a version or a row that is named is not there."""


class ConflictError(UserError):
    """Two people, or two answers of one, say different things about a label."""


class DrillFailedError(UserError):
    """The version before the champion could not serve again."""


class RefusedDataError(UserError):
    """Rows that were given to a model cannot be read as the rows that it learned from."""


class UnavailableError(UserError):
    """A server, a disk or a file that the run needs is not available."""
