"""A class that is several things is found; borders, frequent classes and scales are not."""

import numpy as np
import pandas as pd
from test_labels_stage import make_roles

from tasks.labels.mixed_classes import judge_mixed_classes
from tasks.labels.probabilities import LabelProbabilities


def make_classes(places, owners, rows=60):
    """Rows around places on a line; at each, half have its class and half the bag's, or all."""
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.resize(owner, rows) for owner in owners])
    values = np.concatenate([place + rng.normal(scale=0.3, size=rows) for place in places])
    index = pd.Index([f"k{i:04d}" for i in range(len(labels))], name="row_key")
    frame = pd.DataFrame({"a": values, "b": 0.0, "y": pd.Series(labels, dtype="str")})
    return frame.set_index(index), pd.Series("train", index=index)


def make_probabilities(frame, taken):
    """Rows whose key stands in `taken` are most probably of the class given there."""
    classes = sorted(frame["y"].unique())
    matrix = np.full((len(frame), len(classes)), 0.01)
    best = frame["y"].copy()
    for key, name in taken.items():
        best[key] = name
    matrix[np.arange(len(frame)), [classes.index(name) for name in best]] = 0.9
    return LabelProbabilities(classes=tuple(classes), matrix=matrix, families=("one", "two"))


def check_of(finding):
    (check,) = finding.checks
    return check


def taken_rows(frame, given, name, count):
    return dict.fromkeys(frame.index[frame["y"] == given][:count], name)


def mixed_case():
    """Four classes; at each of three places half of the rows are of the class "bag"."""
    frame, sides = make_classes([0, 10, 20], [["bag", "p"], ["bag", "q"], ["bag", "r"]])
    taken = {}
    for name in "pqr":
        taken |= taken_rows(frame, name, "bag", 12)
    bag = frame.index[frame["y"] == "bag"]
    taken |= dict.fromkeys(bag[:15], "p") | dict.fromkeys(bag[-6:], "r")
    return frame, sides, taken


def test_a_mixed_bag_is_found_with_what_it_consists_of():
    frame, sides, taken = mixed_case()
    probabilities = make_probabilities(frame, taken)
    finding = judge_mixed_classes(frame, sides, make_roles(), probabilities)
    check = check_of(finding)
    assert (check.outcome, check.severity, check.value, check.n) == ("failed", "warning", 1, 180)
    assert check.detail.startswith(
        "bag seems to be several things: 23% (16% to 33%) of its 90 rows look like another class, "
        "3 of 3 other classes lose most of their lost rows to it"
    )
    assert finding.facts == {"mixed_classes": ["bag"]}
    table = finding.tables["mixed_classes"].frame.set_index("class")
    assert table["mixed"].tolist() == [True, False, False, False]
    assert table.loc["bag", "losers"] == 3
    assert table.loc["bag", "cohesion_high"] < 0.5
    groups = finding.tables["mixed_groups"].frame.set_index("closest_to")
    assert groups["taken_for_it"].to_dict() == {"p": 15, "r": 6}
    assert groups["share"].sum() == 1


def test_a_class_with_a_core_of_its_own_is_none():
    # The same confusions, but most rows of the class lie together, apart from the others.
    frame, sides, taken = mixed_case()
    bag = frame.index[frame["y"] == "bag"]
    frame.loc[bag[10:80], "a"] = 50 + np.arange(70) * 0.01
    finding = judge_mixed_classes(frame, sides, make_roles(), make_probabilities(frame, taken))
    assert check_of(finding).outcome == "passed"
    row = finding.tables["mixed_classes"].frame.set_index("class").loc["bag"]
    assert (row["losers"], row["mixed"]) == (3, False)
    assert row["cohesion"] > 0.5


def test_two_others_are_a_border_and_no_bag():
    frame, sides, taken = mixed_case()
    taken = {key: "q" if frame["y"][key] == "r" else name for key, name in taken.items()}
    finding = judge_mixed_classes(frame, sides, make_roles(), make_probabilities(frame, taken))
    assert check_of(finding).outcome == "passed"
    assert finding.tables["mixed_classes"].frame["cohesion"].isna().all()


def test_clean_classes_pass():
    frame, sides, _ = mixed_case()
    finding = judge_mixed_classes(frame, sides, make_roles(), make_probabilities(frame, {}))
    assert check_of(finding).outcome == "passed"
    assert finding.summary == ""


def test_test_rows_choose_nothing():
    frame, sides, taken = mixed_case()
    sides[list(taken)] = "test"
    finding = judge_mixed_classes(frame, sides, make_roles(), make_probabilities(frame, taken))
    assert (check_of(finding).outcome, check_of(finding).n) == ("passed", 180 - len(taken))


def test_three_classes_and_no_probabilities_do_not_apply():
    frame, sides = make_classes([0, 10], [["bag", "p"], ["bag", "q"]])
    finding = judge_mixed_classes(frame, sides, make_roles(), make_probabilities(frame, {}))
    assert check_of(finding).outcome == "not_applicable"
    assert "4 classes are needed; there are 3" in check_of(finding).detail
    none = LabelProbabilities(reason="too few rows")
    finding = judge_mixed_classes(frame, sides, make_roles(), none)
    assert check_of(finding).outcome == "not_applicable"
    assert "too few rows" in check_of(finding).detail
