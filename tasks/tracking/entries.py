"""The shared ledger: its entries are the versions of a registered model of its own.

Guarantees: the store numbers the versions of a model and gives no number twice, also to writers on
different machines; a version and its tags are written in one transaction, so that an entry is
there whole or not at all.
"""

from __future__ import annotations

import contextlib

from mlflow.exceptions import MlflowException

from tasks.ledger import StoredEntry
from tasks.tracking.store import Store

_LEDGER = "{}.ledger"
_ENTRY = "assayline.entry"
_COMPLETED = "assayline.completed"
_ROWS = "assayline.rows"


class Entries(Store):
    """The ledgers of the store."""

    def read_entries(self, project: str) -> list[StoredEntry]:
        """The ledger's entries: the versions of a model of its own, which the store numbers."""
        found = [stored for _, stored in self._search(f"name = '{_LEDGER.format(project)}'")]
        return sorted(found, key=lambda stored: stored.number)

    def read_other_entries(self, project: str) -> list[StoredEntry]:
        """The entries of all other ledgers, by ledger and number."""
        own = _LEDGER.format(project)
        found = [one for one in self._search(f"name LIKE '{_LEDGER.format('%')}'") if one[0] != own]
        return [stored for _, stored in sorted(found, key=lambda one: (one[0], one[1].number))]

    def _search(self, wanted: str) -> list[tuple[str, StoredEntry]]:
        found = []
        token = None
        with self._reaching():
            while True:
                page = self._client.search_model_versions(wanted, page_token=token)
                for one in page:
                    text, rows = one.tags.get(_ENTRY, ""), one.tags.get(_ROWS, "")
                    stored = StoredEntry(int(one.version), text, _COMPLETED in one.tags, rows)
                    found.append((str(one.name), stored))
                token = page.token
                if not token:
                    return found

    def add_entry(self, project: str, text: str, summary: str, rows: str = "") -> int:
        """One more version of the ledger's model, with the entry as its tag, in one transaction."""
        name = _LEDGER.format(project)
        with self._reaching():
            with contextlib.suppress(MlflowException):
                self._client.create_registered_model(
                    name, description=f"The ledger of {project}: an entry a version. Keep it."
                )
            made = self._client.create_model_version(
                name,
                # A version needs a source; an entry has none, and outlives the model it is about.
                f"ledger:/{project}",
                tags={_ENTRY: text, **({_ROWS: rows} if rows else {})},
                description=summary,
            )
        return int(made.version)

    def complete_entry(self, project: str, number: int) -> None:
        """Mark the entry by a tag of its own."""
        with self._reaching():
            self._client.set_model_version_tag(
                _LEDGER.format(project), str(number), _COMPLETED, "true"
            )
