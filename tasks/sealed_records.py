"""The record of a stored result, sealed by a hash of all of it.

Guarantees: a record that was changed in any place after it was written is found, measured values
included; `digest`, which other records name, covers all that is neither measured nor words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tasks.canonical import hash_of

RECORD = "result.json"
BYTES, SEAL = "bytes", "seal"
"""The hash of each stored file, and that of the record without its seal."""
FORMAT = 2
"""From the second on the digest covers no words."""
_CORE = ("stage", "summary", "metrics", "facts", "tables", "figures", "outputs", "files")
_WORDS = frozenset({"summary", "title", "detail", "note", "alt"})


def sealed(record: Mapping[str, Any]) -> str:
    """The text of a record, with its seal."""
    # Sealed as it reads back: JSON has no tuples and no keys that are numbers.
    whole = json.loads(json.dumps(dict(record), ensure_ascii=False, allow_nan=False))
    whole.pop(SEAL, None)
    return json.dumps({**whole, SEAL: hash_of(whole)}, ensure_ascii=False, indent=1)


@lru_cache(maxsize=256)
def record_problem(text: str) -> str | None:
    """Why the text of a record is not as it was written, as a clause; None where it is."""
    try:
        record = json.loads(text)
        seal, digest = record.pop(SEAL, None), record["digest"]
        found = digest_of(record)
        if seal is None and record.get("format", 1) > 1:
            return f"{RECORD} has lost its seal"
        if seal is not None and (BYTES not in record or hash_of(record) != seal):
            return f"{RECORD} does not have the hash that it names"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{RECORD} is no record of a result"
    if found != digest:
        return f"{RECORD} does not have the digest that it names"
    return None


def digest_of(record: Mapping[str, Any]) -> str:
    """The hash of the core of a record, as the version that wrote it took it."""
    core = {name: record[name] for name in _CORE}
    checks = [_unmeasured(check) for check in record["checks"]]
    if record.get("format", 1) == 1:
        return hash_of({**core, "checks": checks})
    del core["summary"]
    core["tables"] = {name: without_words(table) for name, table in core["tables"].items()}
    core["figures"] = [without_words(figure) for figure in core["figures"]]
    return hash_of({**core, "checks": [without_words(check) for check in checks]})


def without_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a check, a table or a figure, without what a reader is told of them."""
    return {name: value for name, value in values.items() if name not in _WORDS}


def _unmeasured(check: Mapping[str, Any]) -> dict[str, Any]:
    """What the digest covers of a check: of one that was measured, all but what was measured."""
    if not check["measured"]:
        return dict(check)
    kept = ("id", "stage", "title", "severity", "limit", "required", "measured")
    return {name: check[name] for name in kept}
