"""The log files of a home: one JSON object a line, one file a UTC day.

Guarantees: lines of several processes never mix, because each is one write to a file that is opened
for appending; a line that cannot be written stops nothing; nothing is printed; no line holds a
password of the servers and databases that the process uses.
"""

from __future__ import annotations

import datetime
import logging
import os
from pathlib import Path

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from tasks.addresses import public_text

LOGGER = "assayline"
_FOR_PREFECT = "flow_run_id"
"""What a record tells Prefect's own handler; the file says it by another name."""
_ADDRESSES = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


class _Lines(JsonFormatter):
    """Records as JSON objects that begin with the time, in UTC."""

    def formatTime(  # noqa: N802 - the name that logging asks for
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        return when.isoformat(timespec="milliseconds")


class DailyFiles(logging.Handler):
    """Appends each record to the file of its day in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.setFormatter(
            _Lines(
                ["asctime", "levelname", "message", "process"],
                rename_fields={"asctime": "time", "levelname": "level", "process": "pid"},
                reserved_attrs=[*RESERVED_ATTRS, _FOR_PREFECT],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line. A disk that is full or read-only loses it."""
        try:
            line = f"{self.format(record)}\n".encode()
            day = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
            self._append(self.folder / f"{day:%Y-%m-%d}.jsonl", line)
        except OSError:
            return
        except Exception:
            self.handleError(record)

    def _append(self, path: Path, line: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Opened for each line: retention may take the file away, and the day may end.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def open_logs(home: Path) -> logging.Logger:
    """The logger whose records go into the log files of this home, and of no other."""
    logger = logging.getLogger(LOGGER)
    folder = home / "logs"
    ours = [handler for handler in logger.handlers if isinstance(handler, DailyFiles)]
    for handler in ours:
        if handler.folder != folder:
            logger.removeHandler(handler)
    if not any(handler.folder == folder for handler in ours):
        logger.addHandler(DailyFiles(folder))
    logger.setLevel(logging.INFO)
    # A person sees the progress of the run, not its log.
    logger.propagate = False
    return logger


def loggable(text: str) -> str:
    """The text without the passwords of the servers and databases that this process uses."""
    return public_text(text, *(os.environ.get(name, "") for name in _ADDRESSES))
