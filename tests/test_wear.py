"""What a later judgement counts as the same test rows, and what it does not."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.ledger import Ledger, StoredEntry
from tasks.ledger_entries import Draft
from tasks.project.data_sections import SplitSection
from tasks.project.roles import Roles
from tasks.row_marks import KEPT, RowMarks, known_share, mark_rows, marks_of
from tasks.splitting.sides import drawn_sides
from tasks.splitting.units import base_units
from tasks.wear import Wear, count_questions, measure_wear

ROLES = Roles(
    target="y",
    positive_class="yes",
    numeric=("a", "b"),
    categorical=("c",),
    key_columns=("a", "b", "c"),
)


def table(rows=400, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=rows),
            "b": random.integers(0, 1000, rows),
            "c": random.choice(["x", "z"], rows),
            "y": random.choice(["yes", "no"], rows),
        }
    )
    frame.index = pd.Index([hashlib.sha256(repr(r).encode()).hexdigest() for r in frame.values])
    return frame.rename_axis("row_key")


def split_of(frame, epoch=1, roles=ROLES):
    units = base_units(frame, roles)
    return pd.DataFrame({"unit": units, "side": drawn_sides(units, SplitSection(epoch=epoch))})


def marks(frame, epoch=1, roles=ROLES):
    return mark_rows(frame, split_of(frame, epoch, roles), roles)


def share(today, earlier, *, same_project=True):
    return known_share(
        marks_of(today, test_only=True), marks_of(earlier), same_project=same_project
    )


def relabelled(frame):
    labels = frame["y"].copy()
    labels.iloc[:9] = "no"
    return frame.assign(y=labels)


@pytest.mark.parametrize("same_project", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: frame.iloc[::-1, ::-1],
        lambda frame: frame.drop(frame.index[7]),
        lambda frame: frame.astype({"b": "float64"}),
        relabelled,
        lambda frame: frame.set_axis(
            pd.Index([f"new-{place}" for place in range(len(frame))], name="row_key")
        ),
    ],
    ids=["same", "order", "one row less", "type", "labels", "keys"],
)
def test_the_same_rows_are_known_whatever_they_are_called(change, same_project):
    frame = table()
    today = change(frame)
    assert share(marks(today), marks(frame), same_project=same_project) == 1.0
    assert share(marks(today, epoch=5), marks(frame), same_project=same_project) == 1.0


def test_an_excluded_feature_leaves_the_rows_what_they_are():
    fewer = replace(ROLES, numeric=("b",), excluded={"a": "not served"})
    assert share(marks(table(), roles=fewer), marks(table()), same_project=False) == 1.0


def test_another_target_is_another_question_of_the_same_table():
    other = replace(ROLES, target="c", categorical=(), positive_class="x")
    today = mark_rows(table(), pd.DataFrame({"unit": "u", "side": "test"}, table().index), other)
    assert share(today, marks(table()), same_project=False) == 0.0


def test_new_rows_are_new_and_old_ones_known_in_proportion():
    old, new = table(400), table(400, seed=1)
    both = pd.concat([old, new])
    today = marks(both)
    split = split_of(both)
    test = split.index[split["side"] == "test"]
    assert share(today, marks(old)) == pytest.approx(test.isin(old.index).mean())
    assert share(marks(new), marks(old)) == 0.0


def test_copies_of_old_rows_are_not_new():
    frame = table()
    copies = frame.set_axis([f"copy-{place}" for place in range(len(frame))]).rename_axis("row_key")
    assert share(marks(pd.concat([frame, copies])), marks(frame)) == 1.0
    assert share(marks(pd.concat([frame, copies])), marks(frame), same_project=False) == 1.0


def test_a_large_table_is_known_by_a_sample_of_its_rows():
    old, new = table(6000), table(6000, seed=1)
    kept = marks(old)
    assert (kept.groupby("kind").size() == KEPT).all()
    assert share(marks(old, epoch=3), kept) == 1.0
    assert share(marks(pd.concat([old, new])), kept) == pytest.approx(0.5, abs=0.1)
    assert len(marks_of(kept).text()) < 30_000


def test_marks_are_one_text_and_come_back():
    found = marks_of(marks(table()))
    assert RowMarks.parse(found.text()) == found


def judge(ledger, question, frame=None, *, epoch="1", action="reject", when="2026-01-01"):
    entries = ledger.entries()
    return ledger.append(
        Draft(
            action,
            run_id="r",
            candidate_version=question,
            expected_champion=None,
            who="assayline",
            why="because",
            when=when,
            model_digest=question,
            question=question,
            place=count_questions(entries, question),
            rows="" if frame is None else marks_of(marks(frame)).text(),
            epoch=epoch,
        )
    )


def wear_of(ledger, question, frame, epoch="1", project="p"):
    own, others = ledger.judged_rows()
    test = marks_of(marks(frame, int(epoch)), test_only=True)
    return measure_wear(own, others, project=project, epoch=epoch, question=question, test=test)


def test_distinct_questions_count_and_the_same_one_once(ledger):
    frame = table()
    assert wear_of(ledger, "m", frame) == Wear(project="p", epoch="1")
    judge(ledger, "m", frame)
    judge(ledger, "n", frame)
    judge(ledger, "n", frame)  # under other limits
    assert wear_of(ledger, "o", frame).judgements == 3.0
    # Asked again, it is the first one that it was.
    assert wear_of(ledger, "m", frame).judgements == 1.0
    assert wear_of(ledger, "n", frame).judgements == 2.0


def test_a_judgement_whose_question_lost_its_place_is_not_written(ledger):
    judge(ledger, "m", table())
    assert count_questions(ledger.entries(), "o") == 2
    late = {"run_id": "r", "candidate_version": "o", "expected_champion": None, "who": "a"}
    about = {**late, "why": "b", "when": "c", "model_digest": "o", "question": "o"}
    assert ledger.append(Draft("reject", **about, place=1)) is None
    assert ledger.append(Draft("reject", **about, place=2)).question == "o"


def test_earlier_epochs_are_counted_and_named(ledger):
    judge(ledger, "m", table(), epoch="1")
    judge(ledger, "n", table(), epoch="2")
    worn = wear_of(ledger, "o", table(), epoch="10")
    assert (worn.judgements, worn.in_number) == (3.0, 3)
    assert worn.elsewhere == "2 under split.epoch 1, 2"


def test_a_copy_under_another_name_goes_on_counting_and_strangers_do_not(ledger, tmp_path):
    copied = Ledger(type(ledger.store)(), "first name", tmp_path / "first.jsonl")
    judge(copied, "m", table())
    strange = Ledger(type(ledger.store)(), "strange", tmp_path / "strange.jsonl")
    judge(strange, "m", table(seed=9))
    old = Ledger(type(ledger.store)(), "old", tmp_path / "old.jsonl")
    judge(old, "m")  # of before rows were kept
    for one in (copied, strange, old):
        ledger.store.others += one.store.read_entries("")
    ledger.store.others.append(StoredEntry(9, "no entry", False))
    worn = wear_of(ledger, "m", table())
    assert worn.judgements == 2.0
    assert worn.elsewhere == "1 under the name first name"


def test_rows_that_are_gone_changed_or_were_never_kept_count_whole(ledger):
    judge(ledger, "m", table(seed=9))
    assert wear_of(ledger, "o", table()).judgements == 1.0
    ledger.store.rows[0] = ""
    assert wear_of(ledger, "o", table()).judgements == 2.0
    ledger.store.rows[0] = marks_of(marks(table(seed=8))).text()
    assert wear_of(ledger, "o", table()).judgements == 2.0
    judge(ledger, "n")
    assert wear_of(ledger, "o", table()).judgements == 3.0


def test_new_rows_give_back_in_proportion(ledger):
    old = table(400)
    for question in "mno":
        judge(ledger, question, old)
    today = pd.concat([old, table(400, seed=1)])
    known = share(marks(today), marks(old))
    assert 0.4 < known < 0.6
    assert wear_of(ledger, "q", today).judgements == pytest.approx(1 + 3 * known, abs=1e-5)


def test_wear_is_kept_as_facts():
    worn = Wear(project="p", epoch="2")
    assert Wear.from_facts(worn.facts()) == worn
