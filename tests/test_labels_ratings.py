"""Ratings in every form: wide, long, anonymous, labelled twice; and what cannot be used."""

import numpy as np
import pandas as pd
import pytest

from tasks.errors import NotFoundError, ProjectFileError
from tasks.labels.ratings import as_labels, find_classes, wide_ratings
from tasks.labels.ratings_file import read_ratings
from tasks.project.label_sections import LabelsSection
from tasks.project.sections import Project

ITEMS = pd.Series(["i1", "i2", "i3"], dtype="str")
CLASSES = ("no", "yes")


def read(tmp_path, text, classes=CLASSES, items=ITEMS, limit=0.0, **settings):
    path = tmp_path / "ratings.csv"
    path.write_text(text)
    labels = LabelsSection(ratings={"path": "ratings.csv", **settings}, max_unusable_ratings=limit)
    return read_ratings(path, labels, items, classes)


def test_a_file_that_is_not_there_is_said(tmp_path):
    labels = LabelsSection(ratings={"path": "gone.csv"})
    with pytest.raises(NotFoundError, match=r"gone\.csv"):
        read_ratings(tmp_path / "gone.csv", labels, ITEMS, CLASSES)


@pytest.mark.parametrize(
    ("text", "settings", "sentence"),
    [
        ("", {}, "ratings.csv is empty (0 bytes); export it again."),
        ("item,label\n", {}, "ratings.csv holds no rating."),
        (
            "item,labels\ni1,yes\n",
            {},
            "labels.ratings names the column 'label', which ratings.csv lacks; it has 'labels'.",
        ),
        (
            "item,label\ni1,yes\n",
            {"annotator": "who"},
            "labels.ratings names the column 'who', which ratings.csv lacks; it has item, label.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_fails_in_one_sentence(tmp_path, text, settings, sentence):
    found = read(tmp_path, text, **settings)
    assert found.ratings is None
    assert (found.check.outcome, found.check.severity) == ("failed", "critical")
    assert found.check.detail == sentence


def test_a_column_that_does_not_tell_rows_apart_is_refused(tmp_path):
    found = read(
        tmp_path,
        "item,label\ni1,yes\n",
        items=pd.Series(["i1", "i1"], dtype="str"),
        matches="document",
    )
    assert found.check.detail == (
        "labels.ratings.matches names the column 'document', whose value 'i1' stands in 2 rows; "
        "name a column that tells rows apart."
    )


def test_rows_without_a_name_have_no_ratings(tmp_path):
    items = pd.Series(["i1", None, None, "i2"], dtype="str")
    found = read(tmp_path, "item,label\ni2,yes\n,yes\ni3,no\n", items=items, limit=1.0)
    assert found.ratings.votes().tolist() == [[0, 0], [0, 0], [0, 0], [0, 1]]
    assert found.facts["unusable"] == {
        "no item": 1,
        "an item that is not among the rows": 1,
    }


def test_a_column_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(
        ProjectFileError, match=r"ratings\.csv.* has the column 'label' more than once"
    ):
        read(tmp_path, "item,label,label\ni1,yes,no\n")


def test_every_row_is_used_or_counted_with_its_reason(tmp_path):
    text = (
        "item,who,label,when\n"
        "i1,ann,yes,2026-01-01\n"
        "i9,ann,yes,2026-01-01\n"
        ",ann,yes,2026-01-01\n"
        "i2,ann,,2026-01-01\n"
        "i2,,no,2026-01-01\n"
        "i2,bob,maybe,2026-01-01\n"
        "i2,bob,no,soon\n"
        "i2,bob,no\n"
    )
    found = read(tmp_path, text, annotator="who", time="when", limit=0.5)
    assert found.facts["ratings"] == 8
    assert found.facts["used"] == 1
    assert sum(found.facts["unusable"].values()) == 7
    assert (found.check.outcome, found.check.value, found.check.n) == ("failed", 7 / 8, 8)
    assert found.check.limit == 0.5
    assert "1 with an item that is not among the rows (first: line 3, 'i9')" in found.check.detail
    assert "1 with a label that is none of the classes (first: line 7, 'maybe')" in (
        found.check.detail
    )
    shown = found.unusable.frame
    assert shown["line"].tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert shown["reason"].tolist()[1:4] == ["no item", "no label", "no annotator"]


def test_ratings_within_the_limit_pass(tmp_path):
    found = read(tmp_path, "item,label\ni1,yes\ni2,no\n")
    assert (found.check.outcome, found.check.value) == ("passed", 0.0)
    assert found.check.detail == "2 of 2 ratings in ratings.csv are used."
    assert found.unusable is None


def test_raters_without_a_name_stay_anonymous(tmp_path):
    found = read(tmp_path, "item,label\ni1,yes\ni1,yes\ni2,no\n").ratings
    assert found.annotator is None
    assert found.annotators == ()
    assert found.votes().tolist() == [[0, 2], [1, 0], [0, 0]]


AGAIN = "item,who,label,when\ni1,ann,yes,2\ni1,ann,no,1\ni1,bob,no,1\ni2,ann,no,1\n"


def test_of_labels_given_twice_the_latest_counts_and_both_are_kept(tmp_path):
    found = read(tmp_path, AGAIN, annotator="who", time="when")
    assert found.ratings.votes().tolist() == [[1, 1], [1, 0], [0, 0]]
    assert found.facts["labelled_again"] == 1
    assert found.ratings.repeats.label.tolist() == [0, 1]
    assert "1 times an annotator labelled one item again" in found.check.detail


def test_without_a_time_somebody_who_contradicts_himself_casts_no_vote(tmp_path):
    found = read(tmp_path, AGAIN, annotator="who")
    assert found.ratings.votes().tolist() == [[1, 0], [1, 0], [0, 0]]
    thrice = AGAIN + "i1,ann,yes,1\n"
    assert read(tmp_path, thrice, annotator="who").ratings.votes().tolist()[0] == [1, 1]


def test_the_order_of_the_file_decides_nothing(tmp_path):
    lines = AGAIN.splitlines()
    turned = "\n".join([lines[0], *reversed(lines[1:])]) + "\n"
    for settings in ({"annotator": "who"}, {"annotator": "who", "time": "when"}):
        first = read(tmp_path, AGAIN, **settings).ratings
        second = read(tmp_path, turned, **settings).ratings
        assert first.votes().tolist() == second.votes().tolist()
        assert sorted(first.repeats.label) == sorted(second.repeats.label)


def test_parquet_reads_as_csv_does_and_has_the_same_fingerprint(tmp_path):
    as_csv = read(tmp_path, "item,label\n1,1\n2,0\n", ("0", "1"), pd.Series(["1", "2"]))
    path = tmp_path / "ratings.parquet"
    pd.DataFrame({"item": [1, 2], "label": [1, 0]}).to_parquet(path)
    labels = LabelsSection(ratings={"path": "ratings.parquet"})
    as_parquet = read_ratings(path, labels, pd.Series(["1", "2"]), ("0", "1"))
    assert as_parquet.ratings.votes().tolist() == as_csv.ratings.votes().tolist()
    assert as_parquet.facts["fingerprint"] == as_csv.facts["fingerprint"]


def test_on_an_interval_scale_every_number_is_a_label(tmp_path):
    found = read(tmp_path, "item,label\ni1,2.5\ni1,-1\ni2,x\n", None, limit=0.5)
    assert found.ratings.classes == ("-1", "2.5")
    assert found.facts["unusable"] == {"a label that is none of the classes": 1}


def test_a_number_is_one_class_however_it_is_written(tmp_path):
    found = read(
        tmp_path, "item,label\ni1,1\ni1,1.0\ni2,2.50\ni2,2.5\ni2,25e-1\ni2,02.5\n", None
    ).ratings
    assert found.classes == ("1", "2.5")
    assert found.votes().tolist() == [[2, 0], [0, 4], [0, 0]]
    nominal = find_classes(pd.Series(["1", "1.0", "01", None, "2"], dtype="str"), ("1.0", "2.0"))
    assert nominal.tolist() == [0, 0, -1, -1, 1]
    assert find_classes(pd.Series(["1.00"], dtype="str"), ("1", "1.0")).tolist() == [-1]


def test_truth_values_are_those_of_the_target(tmp_path):
    frame = pd.DataFrame({"a": [True, False], "b": [True, None]})
    ratings, outside = wide_ratings(frame, ["a", "b"], ("false", "true"))
    assert (ratings.votes().tolist(), outside.to_dict()) == ([[0, 2], [1, 0]], {})
    said = read(tmp_path, "item,label\ni1,True\n", ("false", "true")).ratings
    assert said.votes().tolist()[0] == [0, 1]


def test_columns_of_annotators_hold_labels_that_are_none_of_the_classes():
    frame = pd.DataFrame({"a": ["yes", "no", "perhaps"], "b": ["yes", None, "perhaps"]})
    ratings, outside = wide_ratings(frame, ["a", "b"], CLASSES)
    assert ratings.votes().tolist() == [[0, 2], [1, 0], [0, 0]]
    assert ratings.annotators == ("a", "b")
    assert outside.to_dict() == {"perhaps": 2}
    anonymous, _ = wide_ratings(frame, ["a", "b"], CLASSES, anonymous=True)
    assert (anonymous.annotator, anonymous.annotators) == (None, ())


def test_whole_numbers_read_the_same_with_and_without_missing_ones():
    assert as_labels(pd.Series([1.0, np.nan, -1.0])).fillna("-").tolist() == ["1", "-", "-1"]
    assert as_labels(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert as_labels(pd.Series([0.5, 1.0])).tolist() == ["0.5", "1.0"]
    assert as_labels(pd.Series(["yes", None], dtype="str")).isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"annotators": ["a", "b"], "ratings": {"path": "r.csv"}}, "not both"),
        ({"scale": "ordinal"}, "needs the classes from the lowest"),
        ({"order": ["a", "a"]}, "names a class twice"),
        ({"scale": "interval", "order": ["low", "high"]}, "takes numbers"),
        ({"anonymous": True, "ratings": {"path": "r.csv", "annotator": "who"}}, "'anonymous'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(labels, words):
    with pytest.raises(ValueError, match=words):
        Project(name="p", source="x.csv", target="y", labels=labels)


def test_an_order_of_numbers_is_one_of_words():
    assert LabelsSection(scale="ordinal", order=[1, 2]).order == ("1", "2")
