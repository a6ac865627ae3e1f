"""From the source file to a typed, keyed and fingerprinted table.

`reading` says what the file holds, `cell_types` what kind each column is and which cells do not
fit, `role_resolution` what each column is for, `row_keys` how a row is named, `judging` whether all
that is good enough; `stage` puts them together.
"""

from tasks.ingestion.role_resolution import resolve_roles, unknown_columns
from tasks.ingestion.stage import ingest

__all__ = ["ingest", "resolve_roles", "unknown_columns"]
