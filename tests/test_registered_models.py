import pytest
import skops.io
from sklearn.dummy import DummyClassifier

from tasks.errors import UnavailableError
from tasks.ledger import open_ledger
from tasks.registered_models import read_version, version_problem

JUDGED = {"d" * 64}


class Broken:
    def __init__(self, failure):
        self.failure = failure

    def registered_model(self, *_):
        raise self.failure


@pytest.mark.parametrize(
    "failure", [KeyError("model.skops"), ValueError("no JSON"), UnavailableError("gone")]
)
def test_a_version_whose_files_cannot_be_read_does_not_pass(failure):
    words = "the stored files of version 2 cannot be read: "
    assert version_problem(Broken(failure), "p", "2", JUDGED) == f"{words}{failure}"
    with pytest.raises(UnavailableError, match=words):
        read_version(Broken(failure), "p", "2")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("extra_files/model.skops", "it was changed after it was registered"),
        ("model.skops", "version 1, as the registry hands it out, does not reproduce its golden"),
    ],
    ids=["judged", "served"],
)
def test_a_stored_model_that_was_replaced_is_not_promoted(
    assayline, small_project, home, name, reason
):
    code, first, _ = assayline(small_project, "--set=approval.mode=approve")
    assert (code, first["candidate_version"]) == (5, "1")
    (stored,) = (home / "mlflow-artifacts" / first["project"] / "models").glob("*/artifacts")
    skops.io.dump(DummyClassifier().fit([[0], [0], [0]], ["no", "no", "yes"]), stored / name)
    code, document, _ = assayline(small_project)
    assert (code, document["champion_version"]) == (0, "2")
    promoted = document["stages"][-1]["checks"][0]["detail"]
    assert promoted.startswith("registered anew as version 2, because ")
    assert reason in promoted
    assert promoted.endswith("version 2 is the champion, was no version")


def test_a_stored_model_that_is_what_was_judged_is_used_again(assayline, small_project, home):
    from tasks.tracking import Tracking

    _, first, _ = assayline(small_project, "--set=approval.mode=approve")
    code, document, _ = assayline(small_project)
    assert (code, document["champion_version"]) == (0, "1")
    tracking, project = Tracking(home), first["project"]
    pending = open_ledger(home, tracking, project).entries()[0]
    assert version_problem(tracking, project, "1", {pending.model_digest}) is None
    assert tracking.versions(project) == ["1"]
