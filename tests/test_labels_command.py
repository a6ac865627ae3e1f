"""`assayline labels` from end to end: draw, answer, apply, run again; on real runs of a project."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import HOME, SMALL, small_rows, write_small
from sklearn.metrics import roc_auc_score

from flows.cli import main
from tasks.estimators import predict
from tasks.evidence import EvidenceStore
from tasks.label_review.overlay import read_overlay
from tasks.models import load_model
from tasks.project.roles import Roles
from tasks.tracking import Tracking

NAME = "labels-small"
# Without expectations: nothing here is about them, and their library takes seconds to load.
LIGHT = SMALL[: SMALL.index("validation:")] + SMALL[SMALL.index("training:") :]
RULES = """
no: {definition: did not buy within a week}
yes: {definition: bought within a week, borderline: [a returned item counts]}
"""


def true_rows(rows=1000):
    """Customers whose purchase depends on age and income, with little noise."""
    table = small_rows(rows)
    score = (table["age"] - 54) / 20 + (table["income"] - 50) / 15
    noise = np.random.default_rng(1).normal(0, 0.2, rows)
    return table.assign(bought=np.where(score + noise > 0, "yes", "no"))


def flipped(table, share=0.06):
    wrong = np.random.default_rng(2).random(len(table)) < share
    other = np.where(table["bought"] == "yes", "no", "yes")
    return table.assign(bought=np.where(wrong, other, table["bought"]))


class Loop:
    """A project of which every label is known, and its commands."""

    def __init__(self, folder, name=NAME):
        self.truth = true_rows()
        text = LIGHT.replace("slices:", "labels: {rules: rules.yaml, max_error_rate: 0.2}\nslices:")
        self.path = write_small(folder, name, text, flipped(self.truth))
        (folder / "rules.yaml").write_text(RULES)
        self.overlay, self.reviews = folder / "project.labels.csv", folder / "project.reviews.csv"

    def answers(self, queue, sides, name="answers.csv"):
        """The answers that the truth gives to the rows of those sides, as a file."""
        right = dict(zip(self.names(queue), self.answers_of(queue), strict=True))
        rows = [row for row in queue["rows"] if row["side"] in sides]
        path = self.path.parent / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["queue", "key", "given", "answer"])
            writer.writerows([queue["id"], r["key"], r["given"], right[r["key"]]] for r in rows)
        return path

    def names(self, queue):
        return [row["key"] for row in queue["rows"]]

    def answers_of(self, queue):
        frame = evidence(queue["run_id"], "validation", "curated")
        keyed = frame.loc[self.names(queue), ["age", "income"]]
        truth = self.truth.set_index(["age", "income"])["bought"]
        return [truth.loc[(a, i)] for a, i in keyed.itertuples(index=False)]


def evidence(run_id, stage, output=None):
    """An output of a run's stage, or its facts."""
    keys = json.loads((HOME / "runs" / run_id / "evidence.json").read_text())["keys"]
    store = EvidenceStore(HOME / "evidence")
    return store.output(stage, keys[stage], output) if output else store.facts(stage, keys[stage])


def checks_of(document, stage):
    (found,) = [one for one in document["stages"] if one["name"] == stage]
    return {check["id"].partition(".")[2]: check for check in found["checks"]}


@pytest.fixture(scope="module")
def story(prefect_server, tmp_path_factory):
    """Run, review, apply the answers of train and dev, run, apply those of test, run."""
    import contextlib
    import io

    def command(*words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(word) for word in words])
        text = out.getvalue()
        return code, json.loads(text) if text.startswith("{") else text, err.getvalue()

    loop = Loop(tmp_path_factory.mktemp("labels"))
    loop.command = command
    loop.first = command("run", loop.path, "--json")[1]
    page = command("labels", "review", loop.path, "--count", 240, "--json")[1]["page"]
    loop.folder = loop.path.parent / "out"
    command("labels", "review", loop.path, "--count", 240, "--out", loop.folder)
    loop.page = page
    loop.queue = json.loads((loop.folder / "design.json").read_text())
    loop.known = loop.answers(loop.queue, ("train", "dev"))
    loop.applied = command("labels", "apply", loop.path, loop.known, "--name", "Ada", "--json")
    loop.second = command("run", loop.path, "--json")[1]
    loop.of_test = loop.answers(loop.queue, ("test",), "answers-test.csv")
    loop.applied_test = command("labels", "apply", loop.path, loop.of_test, "--name", "Ada")
    loop.third = command("run", loop.path, "--json")[1]
    return loop


# What is refused, and changes nothing


def state(loop):
    return loop.overlay.read_bytes(), loop.reviews.read_bytes()


def refused(loop, rows, *words):
    """The exit code and the sentence for a file with these rows; nothing may have changed."""
    before, path = state(loop), loop.path.parent / "wrong.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    code, _, error = loop.command("labels", "apply", loop.path, path, *words)
    assert state(loop) == before
    return code, error


def line(loop, place=0, **changes):
    row = loop.queue["rows"][place]
    return {"queue": loop.queue["id"], "key": row["key"], "answer": row["given"], **changes}


def test_a_row_that_is_not_in_the_queue_is_refused(story):
    code, error = refused(story, [line(story, key="nobody")])
    assert code == 2
    assert f"row nobody is not in queue {story.queue['id']}" in error


def test_a_queue_that_is_not_known_is_refused(story):
    code, error = refused(story, [line(story, queue="0123")])
    assert code == 2
    assert "has no review queue '0123'" in error


def test_a_class_that_the_project_has_not_is_refused_with_those_it_has(story):
    code, error = refused(story, [line(story, answer="maybe")])
    assert code == 2
    assert "'maybe', which is no class: there are no, yes" in error


def test_a_given_label_that_the_queue_did_not_show_is_refused_with_both(story):
    given = story.queue["rows"][0]["given"]
    other = "no" if given == "yes" else "yes"
    code, error = refused(story, [line(story, given=other)])
    assert code == 4
    assert f"the label '{other}', and the queue showed '{given}'" in error


def test_two_answers_to_one_row_are_refused_with_both(story):
    rows = [line(story, answer="yes"), line(story, answer="no")]
    code, error = refused(story, rows)
    assert code == 4
    assert f"answers row {rows[0]['key']} twice: 'yes' and 'no'" in error


def test_an_answer_that_contradicts_an_earlier_one_is_refused_with_both(story):
    said = {row["key"]: row["answer"] for row in csv.DictReader(story.reviews.open())}
    key = story.queue["rows"][0]["key"]
    other = "no" if said[key] == "yes" else "yes"
    code, error = refused(story, [line(story, answer=other)])
    assert code == 4
    assert f"row {key} is answered '{other}', and Ada answered '{said[key]}' on" in error


@pytest.mark.parametrize(
    ("text", "says"),
    [("queue,key\n1,2\n", "has no column 'answer'"), ("queue,key,answer\n1,2,\n", "no answers")],
)
def test_a_file_without_answers_is_refused(story, text, says):
    path = story.path.parent / "empty.csv"
    path.write_text(text)
    code, _, error = story.command("labels", "apply", story.path, path)
    assert (code, says in error) == (2, True), error


def test_a_project_without_a_run_has_no_queue(story, tmp_path):
    path = write_small(tmp_path, "never-ran")
    code, _, error = story.command("labels", "review", path)
    assert (code, "run the project first" in error) == (2, True)


def test_a_review_of_too_few_rows_is_refused(story):
    code, _, error = story.command("labels", "review", story.path, "--count", 5)
    assert (code, "a review needs 20 rows or more" in error) == (2, True)


# The queue


def design(page):
    return json.loads((Path(page).parent / "design.json").read_text())


def test_the_same_run_gives_the_same_queue(story):
    assert design(story.page) == story.queue


def test_a_reviewer_sees_no_flag_no_stratum_and_no_given_label(story):
    header, *rows = (story.folder / "queue.csv").read_text().splitlines()
    assert header == ("queue,key,consider,feature age,feature income,feature city,answer,comment")
    assert len(rows) == len(story.queue["rows"]) == 240
    assert all(",no or yes," in row for row in rows)
    page = (story.folder / "queue.html").read_text()
    assert not [word for word in ("ranked", "flagged", "probability") if word in page]


def test_test_rows_are_drawn_at_random_only(story):
    strata = {(row["side"], row["stratum"]) for row in story.queue["rows"]}
    assert {stratum for side, stratum in strata if side == "test"} == {"random"}
    assert ("train", "ranked suspects") in strata
    assert ("train", "others") in strata


# What applying changed


def test_corrections_are_appended_with_who_when_and_by_which_rule(story):
    code, document, _ = story.applied
    relabels = read_overlay(story.overlay)
    of_test = [r for r in story.queue["rows"] if r["side"] == "test"]
    assert code == 0
    assert document["answers"] == document["new_answers"] == 240 - len(of_test)
    changed = document["relabelled"]
    assert changed["test"] == 0
    assert 20 < changed["train"] + changed["dev"] < len(relabels)
    one = relabels[0]
    assert one.who == "Ada"
    assert one.when[:4].isdigit()
    assert one.run_id == story.first["run_id"]
    assert one.rule.startswith(f"{one.new}@")
    assert {one.old, one.new} == {"no", "yes"}


def test_changed_test_labels_are_said(story):
    _, text, _ = story.applied_test
    assert "of them are test labels: the next run judges on a new version of the test set" in text


def test_applying_twice_changes_nothing_and_says_so(story):
    before = state(story)
    code, text, _ = story.command("labels", "apply", story.path, story.known, "--name", "Eve")
    assert (code, text.startswith("nothing changed: all")) == (0, True)
    assert state(story) == before


def test_labels_are_kept_in_folders_that_are_not_there_yet(story):
    text = story.path.read_text()
    places = "labels: {overlay: new/labels.csv, reviews: deep/er/reviews.csv, "
    path = story.path.parent / "elsewhere.yaml"
    path.write_text(text.replace("labels: {", places))
    code, document, error = story.command("labels", "apply", path, story.known, "--json")
    assert (code, error) == (0, "")
    assert document["relabelled"] == story.applied[1]["relabelled"]
    names = [story.path.parent / name for name in ("new/labels.csv", "deep/er/reviews.csv")]
    assert [name.is_file() for name in names] == [True, True]
    path.write_text(text.replace("labels: {", "labels: {overlay: rows.csv/labels.csv, "))
    code, _, error = story.command("labels", "apply", path, story.known)
    assert (code, "no labels can be kept in" in error) == (2, True)


def test_the_source_is_as_it_was(story):
    rows = pd.read_csv(story.path.parent / "rows.csv")
    assert rows.equals(flipped(story.truth))


# What the next run makes of it


def test_a_relabelling_shows_as_labels_only_and_moves_no_row(story):
    first, second = (evidence(run["run_id"], "validation") for run in (story.first, story.second))
    changed = {n for n in first if n.startswith("fingerprint") and first[n] != second[n]}
    assert changed == {"fingerprint", "fingerprint_labels"}
    corrected = story.applied[1]["relabelled"]
    assert second["relabels"] == {"applied": sum(corrected.values()), "unused": 0}
    splits = [evidence(run["run_id"], "splitting", "split") for run in (story.first, story.second)]
    assert splits[0].equals(splits[1])
    facts = evidence(story.second["run_id"], "splitting")
    assert facts["relabelled"] == corrected
    assert checks_of(story.second, "splitting")["relabels"]["value"] == sum(corrected.values())
    assert "relabels" not in checks_of(story.first, "splitting")


def verdict(run):
    return json.loads((HOME / "runs" / run["run_id"] / "verdict.json").read_text())["core"]


def test_changed_test_labels_make_a_new_test_version_and_give_nothing_back(story):
    cores = [verdict(run) for run in (story.first, story.second, story.third)]
    versions = [core["test_version"] for core in cores]
    assert versions[0] == versions[1] != versions[2]
    assert [core["wear"] for core in cores] == [1, 2, 3]


def test_the_champion_is_scored_on_the_corrected_test_labels(story):
    core, run_id = verdict(story.third), story.third["run_id"]
    champion = Tracking(HOME).champion(NAME, core["champion"]).package
    frame = evidence(run_id, "validation", "curated")
    test = frame[evidence(run_id, "splitting", "split")["side"] == "test"]
    roles = Roles.from_facts(champion.facts["roles"])
    chances = predict(load_model(champion), test, roles, None)["p:yes"]
    bought = test["bought"] == "yes"
    candidate = evidence(run_id, "performance_audit", "test_predictions")["p:yes"]
    expected = roc_auc_score(bought, candidate) - roc_auc_score(bought, chances)
    (against,) = [d for d in evidence(run_id, "gate")["differences"] if d["against"] == "champion"]
    assert against["value"] == pytest.approx(expected)


def test_what_a_person_answered_is_no_suspect_any_more(story):
    reviewed = [row["key"] for row in story.queue["rows"] if row["side"] in ("train", "dev")]
    before, after = (
        evidence(run["run_id"], "label_consistency", "label_quality").loc[reviewed, "issue"]
        for run in (story.first, story.second)
    )
    assert before.any()
    assert not after.any()


def test_the_error_rate_is_estimated_judged_and_falls(story):
    first = checks_of(story.first, "label_consistency")["error_rate"]
    assert first["outcome"] == "not_applicable"
    assert "No label was reviewed" in first["detail"]
    second = checks_of(story.second, "label_consistency")["error_rate"]
    assert (second["outcome"], second["severity"], second["limit"]) == ("passed", "critical", 0.2)
    before = story.second["metrics"]["label_consistency.error_rate_before"]
    low, high = second["interval"]
    assert low <= second["value"] < before
    assert low < high < 0.2
    # 6 % of the labels were turned.
    assert 0.02 < before < 0.12
    precision = checks_of(story.second, "label_consistency")["flag_precision"]
    assert precision["interval"][0] <= precision["value"] <= precision["interval"][1]


def test_a_limit_that_has_to_be_judged_blocks_until_it_can_be(story):
    required = ("labels.max_error_rate=0.0001", "labels.error_rate_required=true")
    words = [word for one in required for word in ("--set", one)]
    code, run, _ = story.command("run", story.path, "--json", *words)
    assert (code, run["refused_by"]) == (3, ["label_consistency.error_rate"])
    # A refused run can be reviewed like another.
    code, document, _ = story.command("labels", "review", story.path, "--json")
    assert (code, document["run_id"]) == (0, run["run_id"])


def test_reviewed_rows_are_not_asked_about_again(story):
    _, document, _ = story.command("labels", "review", story.path, "--json")
    rows = design(document["page"])["rows"]
    asked = {row["key"] for row in story.queue["rows"]}
    assert not asked & {row["key"] for row in rows}
    assert all(row["known_rows"] > 0 for row in rows)


def test_the_version_of_the_label_rules_is_recorded(story):
    rules = evidence(story.first["run_id"], "label_consistency")["label_rules"]
    assert len(rules) == 12
    assert read_overlay(story.overlay)[0].rule.endswith(rules)
    assert checks_of(story.first, "label_consistency")["rules"]["outcome"] == "passed"


def test_compare_counts_the_relabelled_rows(story):
    words = ("compare", story.path, story.first["run_id"], story.second["run_id"], "--json")
    document = story.command(*words)[1]
    data = document["changes"]["data"]
    assert sum(data["relabelled"].values()) == sum(story.applied[1]["relabelled"].values())
    assert data["added"] == data["removed"] == {"train": 0, "dev": 0, "test": 0}
    assert data["moved"] == []
    assert any("relabelled" in sentence for sentence in story.second["compared"])
    labels = {one["name"]: (one["before"], one["after"]) for one in document["labels"]}
    rate = story.second["metrics"]["label_consistency.error_rate"]
    assert labels["estimated error rate"] == (None, pytest.approx(rate))
    before, after = labels["suspects in train"]
    assert after < before
    assert "estimated error rate" in story.command(*words[:-1])[1]


def test_suspects_are_left_out_of_train_or_weigh_less_where_the_project_says_so(story):
    # Every suspect of the story was answered for, and is none any more.
    words = ("run", story.path, "--json", "--set", "labels.reviews=none.csv")
    for handling, fact in (("leave_out", "left_out"), ("weight", "weighted")):
        run = story.command(*words, "--set", f"labels.suspects={handling}")[1]
        quality = evidence(run["run_id"], "label_consistency", "label_quality")
        suspects = int((quality["issue"] & (quality["side"] == "train")).sum())
        assert suspects > 0
        assert evidence(run["run_id"], "training")["suspects"][fact] == suspects
        assert checks_of(run, "training")["suspects"]["value"] == suspects
    assert evidence(story.first["run_id"], "training")["suspects"] == {"left_out": 0, "weighted": 0}


# The record


def test_versions_from_before_and_after_the_overlay_replay(story, replay_here):
    for version in ("1", story.second["candidate_version"]):
        code, document, error = story.command("replay", story.path, version, "--here", "--json")
        assert (code, document["equal"]) == (0, True), (document, error)


def test_an_approval_is_void_where_labels_were_corrected_since(prefect_server, tmp_path, story):
    text = LIGHT + "approval: {mode: approve}\n"
    path = write_small(tmp_path, "labels-void", text, flipped(true_rows(600)))
    code, run, _ = story.command("run", path, "--json")
    assert code == 5
    key = evidence(run["run_id"], "validation", "curated").index[0]
    (tmp_path / "project.labels.csv").write_text(f"key,old,new\n{key},no,yes\n")
    who = ("--project", path, "--name", "Ada", "--reason", "fine")
    who += ("--verdict", run["verdict_hash"][:8])
    code, text, _ = story.command("approve", run["run_id"], *who)
    assert code == 4
    assert "void" in text
    assert "the data file" in text
