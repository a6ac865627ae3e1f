"""The labels of the nearest rows, as the reason that a reviewer reads."""

import numpy as np
import pandas as pd
from test_labels_stage import make_roles

from tasks import neighbours
from tasks.labels.neighbours import explain_issues, prepare_rows


def make_rows(values, labels, sides=None, suspects=()):
    index = pd.Index([f"k{i:02d}" for i in range(len(values))], name="row_key")
    frame = pd.DataFrame(
        {"a": np.array(values, dtype=float), "b": 0.0, "y": pd.Series(list(labels), dtype="str")}
    ).set_index(index)
    sides = pd.Series(sides or ["train"] * len(values), index=index)
    quality = pd.DataFrame({"side": sides, "issue": False, "quality": 0.5}, index=index)
    quality.loc[list(suspects), "issue"] = True
    return frame, sides, quality


def test_the_majority_of_the_nearest_rows_is_said():
    # The nearest eight of k00 are k01 to k08: seven n, one p.
    frame, sides, quality = make_rows([0, 1, 2, 3, 4, 5, 6, 7, 8, 50, 60], "pnnnnnnnppp")
    quality.loc["k00", "issue"] = True
    reasons = explain_issues(quality, frame, sides, make_roles(), 10).reasons
    assert reasons["k00"] == "7 of 8 nearest rows are n"
    assert (reasons.drop("k00") == "").all()


def test_nothing_is_said_where_the_given_label_leads_or_ties():
    frame, sides, quality = make_rows([0, 1, 2, 3, 4, 5, 6, 7, 8, 90], "pppppnnnnn", None, ["k00"])
    assert (explain_issues(quality, frame, sides, make_roles(), 10).reasons == "").all()


def test_nothing_is_asked_where_nothing_is_suspected():
    frame, sides, quality = make_rows([0, 1, 2], "pnn")
    finding = explain_issues(quality, frame, sides, make_roles(), 10)
    assert (finding.reasons == "").all()
    assert finding.checks == ()


def test_test_rows_are_no_neighbours_and_are_not_explained():
    sides = ["train", *["test"] * 4, *["train", "dev"] * 4, "train"]
    frame, sides, quality = make_rows(range(14), "p" + "n" * 4 + "m" * 8 + "n", sides)
    quality.loc[["k00", "k01"], "issue"] = True
    reasons = explain_issues(quality, frame, sides, make_roles(), 10).reasons
    assert reasons["k00"] == "8 of 8 nearest rows are m"
    assert reasons["k01"] == ""


def test_the_worst_suspects_are_explained_first():
    frame, sides, quality = make_rows([0, 1, 2, 3], "pnnp", None, ["k00", "k03"])
    quality.loc["k03", "quality"] = 0.1
    reasons = explain_issues(quality, frame, sides, make_roles(), 1).reasons
    assert (reasons["k00"], reasons["k03"]) == ("", "2 of 3 nearest rows are n")


def test_chunks_and_few_rows(monkeypatch):
    monkeypatch.setattr(neighbours, "_CHUNK_CELLS", 8)
    frame, sides, _ = make_rows([0, 1, 10, 11], "pnpn")
    prepared = prepare_rows(frame, sides, make_roles())
    near = prepared.nearest(np.array([0, 3]), np.arange(4))
    assert near.shape == (2, 3)
    assert np.sort(near, axis=1).tolist() == [[1, 2, 3], [0, 1, 2]]


def test_texts_are_near_by_the_words_they_share():
    words = ["win cash now"] * 9 + ["see you later"] * 9
    frame, sides, quality = make_rows([0] * 18, "n" + "p" * 8 + "n" * 9, None, ["k00"])
    frame["t"] = pd.Series(words, index=frame.index, dtype="str")
    roles = make_roles(numeric=(), text=("t",))
    reasons = explain_issues(quality, frame, sides, roles, 10).reasons
    assert reasons["k00"] == "8 of 8 nearest rows are p"
