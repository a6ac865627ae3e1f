"""What runs are called in the two UIs."""

import pytest
from prefect.utilities.names import generate_slug

from flows.runs.run_names import (
    describe_run,
    first_name,
    is_drawn,
    is_first_name,
    verdict_tags,
)


def document(verdict="promote", version="2", standing="promote", unchanged_since=None):
    return {
        "run_id": "20261130T221013-46e506",
        "project": "loans",
        "verdict": verdict,
        "candidate_version": version,
        "standing": standing,
        "unchanged_since": unchanged_since,
    }


@pytest.mark.parametrize(
    "name", ["my retrain after incident 42", "nightly-retrain", "loans", "v2", "retrain-2026-12"]
)
def test_a_typed_name_stays(name):
    assert first_name(name, "/srv/loans/project.yaml") == name
    assert not is_first_name(name, "/srv/loans/project.yaml")


@pytest.mark.parametrize("name", ["", "zeta-andromedae-prime", "alpha2-canis-majoris"])
def test_a_name_that_prefect_drew_gives_way_to_the_project_file(name):
    assert first_name(name, "/srv/loans/project.yaml") == "loans/project.yaml"
    assert is_first_name("loans/project.yaml", "/srv/loans/project.yaml")


def test_every_name_that_the_server_draws_is_known():
    assert all(is_drawn(generate_slug(2)) for _ in range(500))


@pytest.mark.parametrize(
    ("given", "name", "tags"),
    [
        (document(), "loans 22:10 promote v2", ["verdict:promote"]),
        (
            document(standing="pending"),
            "loans 22:10 promote v2 unsigned",
            ["verdict:promote", "awaiting-signature"],
        ),
        (
            document("reject", None, None, "r1"),
            "loans 22:10 reject unchanged",
            ["verdict:reject", "unchanged"],
        ),
        (document(None, None, None), "loans 22:10 refused", ["verdict:refused"]),
    ],
)
def test_a_finished_run_is_named_by_project_time_and_verdict(given, name, tags):
    assert describe_run(given) == name
    assert verdict_tags(given) == tags
