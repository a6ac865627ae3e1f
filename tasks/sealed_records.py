"""The record of a stored result, sealed by a hash of all of it.

Guarantees: a record that was changed in any place after it was written is found, measured values
included; `digest`, which other records name, covers all that is not measured.
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
_CORE = ("stage", "summary", "metrics", "facts", "tables", "figures", "outputs", "files")


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
        checks = [unmeasured(check) for check in record["checks"]]
        core = {name: record[name] for name in _CORE}
        if seal is not None and (BYTES not in record or hash_of(record) != seal):
            return f"{RECORD} does not have the hash that it names"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{RECORD} is no record of a result"
    if hash_of({**core, "checks": checks}) != digest:
        return f"{RECORD} does not have the digest that it names"
    return None


def unmeasured(check: Mapping[str, Any]) -> dict[str, Any]:
    """What the digest covers of a check: of one that was measured, all but what was measured."""
    if not check["measured"]:
        return dict(check)
    kept = ("id", "stage", "title", "severity", "limit", "required", "measured")
    return {name: check[name] for name in kept}
