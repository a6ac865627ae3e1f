"""Results that Prefect has stored are read as plain JSON, whatever the file says about itself.

Guarantees: a stored result is never unpickled and never names code to be called: a file whose
metadata name another serializer than `json`, or whose value names a class, is refused with one
sentence, and the stage that it stands for is computed again.

Prefect reads by the serializer that the file names, and its JSON calls what `__class__` names, so
that whoever can write a file there could run code in the next run.
"""

from __future__ import annotations

import json
from typing import Any

from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.serializers import JSONSerializer
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

from flows.runs import progress
from tasks.errors import UnavailableError

_CALLS = ("__class__", "__exc_type__")
"""By these words Prefect's JSON says what is to be imported and called."""


def read_results_plainly() -> None:
    """From now on this process reads stored results as plain JSON alone."""
    # Prefect has no setting for it: a store hands over its serializer only where a file has none.
    for name, reader in (
        ("deserialize", _deserialize),
        ("deserialize_from_result_and_metadata", _deserialize_apart),
    ):
        setattr(ResultRecord, name, classmethod(reader))


def _deserialize(
    cls: type[ResultRecord[Any]], data: bytes, backup_serializer: object = None
) -> ResultRecord[Any]:
    record = _parsed(data)
    return _record(cls, record.get("metadata"), record.get("result"))


def _deserialize_apart(
    cls: type[ResultRecord[Any]], result: bytes, metadata: bytes
) -> ResultRecord[Any]:
    return _record(cls, _parsed(metadata), result)


def _record(cls: type[ResultRecord[Any]], metadata: Any, value: Any) -> ResultRecord[Any]:
    serializer = metadata.get("serializer") if isinstance(metadata, dict) else None
    named = serializer.get("type") if isinstance(serializer, dict) else serializer
    if named != "json":
        raise _refusal(f"is to be read by '{named}', which can run code")
    # What else is said of the serializer, such as a decoder of its own, is not heeded.
    own = ResultRecordMetadata.model_validate({**metadata, "serializer": JSONSerializer()})
    try:
        return cls(metadata=own, result=json.loads(value, object_hook=_plain))
    except (ValueError, TypeError):
        raise _refusal("is not JSON") from None


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    for word in _CALLS:
        if word in value:
            raise _refusal(f"asks for '{value[word]}' to be called")
    return value


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        raise _refusal("is not JSON") from None
    return found if isinstance(found, dict) else {}


def _refusal(why: str) -> UnavailableError:
    place = PREFECT_LOCAL_STORAGE_PATH.value()
    sentence = (
        f"a stored result of Prefect in {place} {why[:200]}; it was not read: find out who wrote "
        "it, and delete the folder"
    )
    # Prefect takes a result that cannot be read for one that is not there, and says nothing.
    progress.active().say(sentence)
    return UnavailableError(sentence)
