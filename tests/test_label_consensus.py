"""What several people say together as corrections: which labels change, and which stay."""

import pandas as pd
import pytest

from flows.cli import main
from flows.runs import label_queue
from flows.runs.label_queue import FoundConsensus
from tasks.label_review.consensus import WHO, take_consensus
from tasks.label_review.overlay import Relabel

ABOUT = Relabel(
    key="", old="", new="", when="2026-01-02", rule="v1", reason="by majority", run_id="r1"
)


def tables(**rows):
    """Each row: side, label, consensus (None: none), confidence, labels, tied."""
    columns = ["side", "label", "consensus", "confidence", "labels", "tied"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame[columns[2:]], frame[columns[:2]]


def take(found, relabels=(), reviewed=(), sides=("train", "dev"), least=0.7):
    return take_consensus(
        *found, list(relabels), set(reviewed), sides=sides, least=least, about=ABOUT
    )


def test_a_label_that_is_not_the_consensus_becomes_it():
    found = tables(
        a=("train", "x", "y", 0.9, 3, False),
        b=("dev", "y", "x", 0.8, 3, False),
        c=("train", "y", "y", 0.9, 3, False),
    )
    taken = take(found)
    assert [(one.key, one.old, one.new) for one in taken.relabels] == [
        ("a", "x", "y"),
        ("b", "y", "x"),
    ]
    first = taken.relabels[0]
    assert (first.who, first.when, first.rule, first.run_id) == (WHO, "2026-01-02", "y@v1", "r1")
    assert first.reason == "by majority, confidence 0.90"
    assert take(found, taken.relabels).relabels == ()


def test_test_labels_change_only_where_test_is_named():
    found = tables(
        a=("test", "x", "y", 0.9, 3, False),
        b=("train", "y", "y", 0.9, 3, False),
    )
    assert take(found).relabels == ()
    assert [one.key for one in take(found, sides=("train", "test")).relabels] == ["a"]


def test_ties_weak_ones_single_labels_and_unknown_classes_stay():
    found = tables(
        a=("train", "x", None, 0.5, 2, True),
        b=("train", "x", "y", 0.6, 3, False),
        c=("train", "x", "y", 1.0, 1, False),
        d=("train", "x", "z", 1.0, 3, False),
        e=("train", "y", "y", 1.0, 3, False),
    )
    taken = take(found)
    assert (taken.relabels, taken.tied, taken.weak, taken.by_person) == ((), 1, 1, 0)
    assert [one.key for one in take(found, least=0.6).relabels] == ["b"]


def test_what_a_person_said_stays():
    found = tables(
        a=("train", "x", "y", 0.9, 3, False),
        b=("train", "y", "x", 0.9, 3, False),
    )
    by_hand = Relabel(key="a", old="z", new="x", who="Ada")
    taken = take(found, [by_hand], ["b"])
    assert (taken.relabels, taken.by_person) == ((), 2)


RATED = """
name: {name}
source: rows.csv
target: bought
positive_class: yes
key: id
seed: 3
features: {{numeric: [age, income]}}
labels: {{max_issue_share: 0.5, {ratings}}}
training:
  metric: roc_auc
  candidates: [{{name: tree, estimator: sklearn.tree.DecisionTreeClassifier}}]
gate: {{replicates: 300}}
"""


def write_rated(folder, name, ratings):
    """A project of which five people labelled every row, and the label is another in forty rows."""
    from conftest import small_rows, write_small

    rows = small_rows()
    rows.insert(0, "id", [f"c{n:03d}" for n in range(len(rows))])
    said = pd.concat([rows[["id", "bought"]]] * 5).rename(columns={"bought": "label"})
    said.to_csv(folder / "said.csv", index=False)
    rows.loc[:39, "bought"] = rows.loc[:39, "bought"].map({"yes": "no", "no": "yes"})
    return write_small(folder, name, RATED.format(name=name, ratings=ratings), rows)


def test_without_several_labels_there_is_nothing_to_take(tmp_path, assayline, capsys):
    path = write_rated(tmp_path, "rated-once", "")
    assayline(path)
    assert main(["labels", "consensus", str(path)]) == 2
    assert "has no consensus: give two labels or more an item" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["labels", "consensus", str(path), "--least", "1.5"])
    assert "'1.5' is no number from 0 to 1" in capsys.readouterr().err


def test_a_model_sets_no_test_label(tmp_path, monkeypatch, capsys):
    path = write_rated(tmp_path, "rated-assisted", "ratings: {path: said.csv, item: id}")
    path.write_text(path.read_text().replace("labels: {", "labels: {overlay: new/labels.csv, "))
    consensus, quality = tables(a=("train", "x", "y", 0.9, 3, False), b=("test", "y", "x", 1, 3, 0))
    found = FoundConsensus(consensus, quality, frozenset(), "model_assisted", ABOUT)
    monkeypatch.setattr(label_queue, "consensus_of_newest_run", lambda *_: found)
    assert main(["labels", "consensus", str(path), "--test"]) == 2
    assert "a model may not set test labels" in capsys.readouterr().err
    assert not (tmp_path / "new" / "labels.csv").exists()
    assert main(["labels", "consensus", str(path)]) == 0
    lines = (tmp_path / "new" / "labels.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["a"]


def test_the_next_run_learns_from_the_consensus(tmp_path, assayline, capsys):
    path = write_rated(tmp_path, "rated-five", "ratings: {path: said.csv, item: id, matches: id}")
    _, before, _ = assayline(path)
    assert main(["labels", "consensus", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "labels became the consensus" in printed
    lines = (tmp_path / "project.labels.csv").read_text().splitlines()
    assert 20 < len(lines) - 1 < 40  # those of train and dev
    assert main(["labels", "consensus", str(path), "--test"]) == 0
    assert "new version of the test set" in capsys.readouterr().out
    lines = (tmp_path / "project.labels.csv").read_text().splitlines()
    assert len(lines) - 1 == 40
    _, after, _ = assayline(path)

    def share(document):
        labels = next(one for one in document["stages"] if one["name"] == "label_consistency")
        return next(c["value"] for c in labels["checks"] if c["id"].endswith(".consensus"))

    assert share(before) == pytest.approx(560 / 600)
    assert share(after) == 1.0
