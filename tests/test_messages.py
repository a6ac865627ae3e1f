"""Parts of sentences that name things."""

import json

import pytest

from flows.terminal import print_json
from tasks.messages import did_you_mean, listed, nearest_name


def test_the_nearest_name_is_asked_for_or_what_else_helps_is_said():
    assert nearest_name("agee", ["job", "age"]) == "age"
    assert nearest_name("zzz", ["job", "age"]) is None
    assert did_you_mean("agee", {"job": 1, "age": 2}, "no") == "did you mean 'age'?"
    assert did_you_mean("zzz", ["job", "age"], "it has job") == "it has job"


def test_the_first_names_are_listed_and_the_others_counted():
    names = ["a", "b", "c"]
    assert (listed(names), listed(names, 3)) == ("a, b, c", "a, b, c")
    assert listed(names, 1) == "a and 2 more"
    assert listed(names, 2, " & ") == "a & b and 1 more"


def test_a_document_is_one_json_text_that_every_reader_knows(capsys):
    print_json({"a": [1]})
    assert json.loads(capsys.readouterr().out) == {"a": [1]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"a": float("inf")})
