"""The priority table: the textbook's example through all of it, importance, and the advice."""

import numpy as np
import pandas as pd
import pytest
from test_error_analysis import COUNTS, analyse, data, project, roles

from tasks.error_analysis import analyse_errors
from tasks.error_analysis.advice import SuspectedLabels, TrainErrors, advise, difference
from tasks.error_analysis.dev_errors import DevErrors
from tasks.error_analysis.evidence import TrainSide, suspected_labels
from tasks.error_analysis.priorities import Reference, rank_tags, require_known
from tasks.error_analysis.tag_estimates import Resamples
from tasks.error_analysis.tag_rows import TagRows
from tasks.error_analysis.tagged import WorkEvidence, rank_work
from tasks.error_analysis.tags import Tag, measure_tags
from tasks.errors import ProjectFileError
from tasks.intervals import Estimate, wilson
from tasks.labels.human_level import COLUMNS
from tasks.project.dataset import Dataset
from tasks.slice_metrics import named_slices

# (right, wrong) of 10,000 rows: 60 % clean at 94 % and so on, as the textbook has it.
SPEECH = {
    "clean": (5640, 360, 0.95),
    "car": (356, 44, 0.93),
    "people": (2610, 390, 0.89),
    "low": (420, 180, 0.70),
}


def speech(**more):
    counts = {}
    for noise, (right, wrong, _) in SPEECH.items():
        counts |= {(noise, "no", "no"): right, (noise, "no", "yes"): wrong}
    frame, split, predictions = data(counts)
    level = [("slice", f"g={n}", "accuracy", hlp, 0.6, 1.0, 500) for n, (*_, hlp) in SPEECH.items()]
    people = pd.DataFrame(level, columns=list(COLUMNS))
    tags = [{"name": f"g={name}", "condition": f"g == '{name}'"} for name in SPEECH]
    chosen = project(error_analysis={"tags": tags, **more})
    return analyse_errors(Dataset(frame, split, roles()), chosen, predictions, [], people)


def test_the_textbook_example_comes_through_the_whole_table():
    table = speech().tables["priorities"].frame.set_index("label")
    assert table["value"].to_dict() == pytest.approx(
        {"g=clean": 0.6, "g=people": 0.6, "g=car": 0.16, "g=low": 0.0}, abs=1e-9
    )
    assert table["share"].to_dict() == {
        "g=clean": 0.6,
        "g=people": 0.3,
        "g=car": 0.04,
        "g=low": 0.06,
    }
    assert table["room"].to_dict() == pytest.approx(
        {"g=clean": 0.01, "g=people": 0.02, "g=car": 0.04, "g=low": 0.0}, abs=1e-9
    )
    assert table.loc["g=low", "value"] == 0
    assert table.loc["g=low", "advice"] == "nothing to gain"
    assert table.loc["g=clean", "reference"] == "people on 500 such items"
    # Both are worth 0.6 points; of the clean ones more rows say so.
    assert table.index.tolist() == ["g=clean", "g=people", "g=car", "g=low"]


def test_importance_moves_a_tag_up_and_ease_stands_beside_it():
    work = {"g=people": {"importance": 2, "ease": "hard", "note": "a new microphone"}}
    result = speech(work=work)
    table = result.tables["priorities"].frame.set_index("label")
    assert table.index[0] == "g=people"
    row = table.loc["g=people"]
    assert (row["value"], row["gain"]) == pytest.approx((1.2, 0.6))
    assert (row["importance"], row["ease"], row["note"]) == (2, "hard", "a new microphone")
    assert table.loc["g=car", ["importance", "ease"]].tolist() == [1, ""]
    first = result.facts["priorities"][0]
    assert (first["importance"], first["gain_points"]) == (2, pytest.approx(0.6))
    (chart,) = (one for one in result.figures if one.table == "priorities")
    assert chart.unit == "points of accuracy x importance"


@pytest.mark.parametrize("importance", [0, -1, "much"])
def test_an_importance_is_a_number_above_nothing(importance):
    with pytest.raises(ValueError, match="importance"):
        project(error_analysis={"work": {"g=b": {"importance": importance}}})


def test_work_on_a_tag_that_there_is_not_is_refused():
    with pytest.raises(ProjectFileError, match=r"names the tag 'g=bb', .* did you mean 'g=b'\?"):
        analyse(slices=["g"], error_analysis={"work": {"g=bb": {}}})
    with pytest.raises(ProjectFileError, match="there are g=a, g=b, y=no, y=yes"):
        analyse(slices=["g"], error_analysis={"work": {"accent": {}}})
    assert analyse(slices=["g"], error_analysis={"work": {"g=b": {}}}).facts["priorities"]


def test_tags_by_hand_come_and_go_but_a_slip_is_still_refused():
    rules, by_hand = {"car noise"}, {"accent", "accents in song"}
    work = ["accent", "people noise", "car noise"]
    assert require_known(work, rules, by_hand) == ("accent", "people noise")
    with pytest.raises(ProjectFileError, match="did you mean 'accent'"):
        require_known(["accents"], rules, by_hand)
    with pytest.raises(ProjectFileError, match="people noise"):
        require_known(["people noise"], rules)


def test_tags_by_hand_are_ranked_beside_rules():
    frame, split, predictions = data(COUNTS)
    errors = DevErrors.of(frame.iloc[:100], Dataset(frame, split, roles()), predictions)
    has = errors.wrong | (np.arange(100) % 15 == 0)
    known = errors.wrong | (np.arange(100) % 3 == 0)
    weights = np.where(errors.wrong, 1.0, 88 / (known & ~errors.wrong).sum())
    said = [TagRows("blurred", has, known, weights)]
    chosen = project(slices=["g"], error_analysis={"work": {"blurred": {"ease": "easy"}}})
    slices = named_slices(chosen.slices, frame).on(np.arange(101) < 100)
    found = rank_work(errors, slices, roles(), chosen, [], WorkEvidence(people={}), said)
    table = found.tables["tags"].frame.set_index("tag")
    assert table.loc["blurred", "known"] == known.sum()
    assert table.loc["g=b", "known"] == 100
    assert table.loc["blurred", "status"] == "ranked"
    work = found.tables["priorities"].frame.set_index("label")
    assert work.loc["blurred", "ease"] == "easy"
    assert work.loc["blurred", "advice"] == "not known on train"
    gone = rank_work(
        errors, slices, roles(), chosen, [], WorkEvidence(people={}, hand_tags=("blurred",))
    )
    assert "Work is declared for blurred" in gone.checks[0].detail


def test_classes_are_not_ranked_beside_tags():
    tags = {"tags": [{"name": "b", "condition": "g == 'b'"}]}
    result = analyse(error_analysis=tags)
    assert [p["name"] for p in result.facts["priorities"]] == ["b"]
    status = result.tables["tags"].frame.set_index("tag")["status"]
    assert status["y=yes"] == "a class, not ranked beside tags"


def test_the_interval_of_a_gain_holds_the_share_too():
    tag = Tag.counted("t", n=20, wrong=18, rows=2000, errors=60)
    (found,) = rank_tags([tag], Reference(1.0, "people"), 10)
    rate, share = wilson(18, 20), wilson(20, 2000)
    below = np.hypot(0.01 * (0.9 - rate[0]), 0.9 * (0.01 - share[0]))
    above = np.hypot(0.01 * (rate[1] - 0.9), 0.9 * (share[1] - 0.01))
    assert (found.low, found.high) == pytest.approx((0.9 - 100 * below, 0.9 + 100 * above))
    # Of the share alone, between 0.65 and 1.54 %, comes more than of the error rate.
    assert found.low < 90 * share[0]


def test_the_gain_of_a_tag_by_hand_comes_from_the_draws():
    n = 1000
    wrong = np.arange(n) < 100
    known = wrong | (np.arange(n) % 9 == 0)
    has = np.arange(n) % 2 == 0
    weights = np.where(wrong, 1.0, 900 / (known & ~wrong).sum())
    tags = measure_tags([TagRows("t", has, known, weights)], wrong, Resamples(400, 1))
    (found,) = rank_tags(tags, Reference(0.95, "people"), 10)
    assert found.gain_points == pytest.approx(
        100 * (tags[0].error_rate.value - 0.05) * tags[0].share.value
    )
    assert 0 < found.low < found.gain_points < found.high


def rate(wrong, n):
    low, high = wilson(wrong, n)
    return Estimate(value=wrong / n, low=low, high=high, n=n, method="wilson")


def ranked(wrong=60, n=200, reached=0.95):
    tag = Tag.counted("t", n=n, wrong=wrong, rows=10_000, errors=wrong + 20)
    (found,) = rank_tags([tag], Reference(reached, "people"), 10)
    return found


def action(found=None, train=None, labels=None, texts=False):
    return advise(found or ranked(), train, labels, texts=texts).action


def test_much_worse_on_dev_than_on_train_asks_for_data():
    # 30 % against 2 %: room 25 points, of which 28 come from train to dev.
    learned = rate(8, 400)
    assert action(train=TrainErrors(learned, 0.1)) == "collect more data"
    assert action(train=TrainErrors(learned, 0.4)) == "augment"
    assert action(train=TrainErrors(learned, 0.01)) == "augment"
    assert action(train=TrainErrors(learned, 0.1), texts=True) == "augment"
    told = advise(ranked(), TrainErrors(rate(0, 400), 0.1, by_heart=True), None, texts=False)
    assert "2.0% of such" not in told.evidence
    assert "0.0% of such train rows are wrong (n = 400) and 30.0% of the dev rows" in told.evidence
    assert "It knows train by heart" in told.evidence


def test_wrong_on_train_as_well_asks_for_a_feature():
    assert action(train=TrainErrors(rate(108, 400), 0.2)) == "add a feature"
    # Significantly worse on dev, but most of the room is there on train already.
    assert action(ranked(1800, 6000), TrainErrors(rate(2500, 10_000), 0.2)) == "add a feature"


def test_intervals_that_are_too_wide_support_nothing():
    # Dev: 4 of 12, train: 1 of 8; the difference reaches from below 0, the lack too.
    few = ranked(7, 12, 0.8)
    assert few.low > 0
    assert action(few, TrainErrors(rate(3, 8), 0.1)) == "not enough rows to tell"
    unsure = ranked(14, 200)
    assert unsure.low == 0
    assert action(unsure, TrainErrors(rate(0, 400), 0.1)) == "not enough rows to tell"


def test_nothing_to_gain_where_there_is_no_room_or_hardly_any():
    assert action(ranked(10, 200)) == "nothing to gain"
    tiny = Tag.counted("t", n=30, wrong=3, rows=1_000_000, errors=5000)
    (found,) = rank_tags([tiny], Reference(0.95, "people"), 10)
    assert (found.room.value > 0, found.high < 0.05) == (True, True)
    assert action(found) == "nothing to gain"


def test_labels_that_stand_out_are_to_be_fixed_first():
    train = TrainErrors(rate(8, 400), 0.1)
    many = SuspectedLabels(rate(30, 60), rate(10, 100), "yes")
    alike = SuspectedLabels(rate(30, 60), rate(48, 100), "yes")
    few = SuspectedLabels(rate(9, 60), rate(0, 100), "yes")
    assert action(train=train, labels=many) == "fix labels"
    assert action(train=train, labels=alike) == "collect more data"
    assert action(train=train, labels=few) == "collect more data"
    told = advise(ranked(), train, many, texts=False)
    assert "50% have a label that looks wrong (n = 60), against 10%" in told.evidence
    assert "assayline labels review" in told.evidence


def test_a_tag_by_hand_is_not_known_on_train():
    assert action() == "not known on train"


def test_a_difference_of_two_wilson_intervals_is_newcombes():
    # Newcombe 1998, Table II, method 10: 56/70 - 48/80.
    assert difference(rate(56, 70), rate(48, 80)) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_suspected_labels_are_compared_among_errors_of_one_class():
    # Errors of class yes: 4 with the tag (3 suspected), 4 without (1); one of class no; 4 right.
    labels = ["yes"] * 8 + ["no"] + ["yes"] * 4
    predicted = ["no"] * 8 + ["yes"] * 5
    has = np.array([True] * 4 + [False] * 4 + [True] * 5)
    suspected = np.array([True] * 3 + [False, True] + [False] * 3 + [True] * 5)
    index = pd.Index([f"r{i:02d}" for i in range(13)], name="row_key")
    frame = pd.DataFrame({"g": "a", "y": labels}, index=index).astype("str")
    split = pd.DataFrame({"side": "dev"}, index=index)
    predictions = pd.DataFrame({"predicted": predicted}, index=index).astype("str")
    errors = DevErrors.of(frame, Dataset(frame, split, roles()), predictions)
    found = suspected_labels(TagRows.of_all("t", has), errors, suspected, Resamples(200, 0))
    assert (found.within.value, found.within.n, found.of_class) == (0.75, 4, "yes")
    assert (found.elsewhere.value, found.elsewhere.n) == (0.25, 4)
    unknown = TagRows("t", has, has, np.ones(13))
    assert suspected_labels(unknown, errors, suspected, Resamples(200, 0)) is None
    nobody = TagRows.of_all("t", np.zeros(13, dtype=bool))
    assert suspected_labels(nobody, errors, suspected, Resamples(200, 0)) is None


def suspected_of_class(other_errors):
    """A tag that is the class yes: 40 errors, 36 suspected; of the class no 5 %."""
    labels = ["yes"] * 40 + ["no"] * 200
    predicted = ["no"] * 40 + ["yes"] * other_errors + ["no"] * (200 - other_errors)
    suspected = np.array([True] * 36 + [False] * 4 + ([True] + [False] * 19) * 10)
    index = pd.Index([f"r{i:03d}" for i in range(240)], name="row_key")
    frame = pd.DataFrame({"g": "a", "y": labels}, index=index).astype("str")
    split = pd.DataFrame({"side": "dev"}, index=index)
    predictions = pd.DataFrame({"predicted": predicted}, index=index).astype("str")
    errors = DevErrors.of(frame, Dataset(frame, split, roles()), predictions)
    tag = TagRows.of_all("y=yes", (frame["y"] == "yes").to_numpy())
    return suspected_labels(tag, errors, suspected, Resamples(200, 0))


@pytest.mark.parametrize(
    ("other_errors", "n", "others"),
    [(60, 60, "errors of other classes"), (3, 200, "rows of other classes")],
)
def test_labels_of_a_whole_class_are_compared_with_other_classes(other_errors, n, others):
    found = suspected_of_class(other_errors)
    assert (found.within.value, found.within.n, found.of_class) == (0.9, 40, "yes")
    assert (found.elsewhere.value, found.elsewhere.n) == (0.05, n)
    assert (found.others, found.whole_class) == (others, True)
    told = advise(ranked(), TrainErrors(rate(0, 400), 0.4), found, texts=False)
    assert told.action == "fix labels"
    assert (
        f"90% have a label that looks wrong (n = 40), against 5% of the {others}" in told.evidence
    )


def test_a_rare_class_needs_most_of_its_labels_to_look_wrong():
    train = TrainErrors(rate(8, 400), 0.4)
    some = SuspectedLabels(rate(24, 60), rate(10, 100), "yes", "errors of other classes", True)
    most = SuspectedLabels(rate(36, 60), rate(10, 100), "yes", "errors of other classes", True)
    assert action(train=train, labels=some) == "augment"
    assert action(train=train, labels=most) == "fix labels"


def test_train_is_scored_once_and_tells_what_the_model_learned():
    frame, split, predictions = data(COUNTS, train=["no"] * 60 + ["yes"] * 20)
    calls = []

    def score(rows):
        calls.append(len(rows))
        return pd.DataFrame({"predicted": ["no"] * len(rows)}, index=rows.index)

    quality = pd.DataFrame({"issue": False}, index=frame.index)
    chosen = project(slices=["g"])
    result = analyse_errors(
        Dataset(frame, split, roles()), chosen, predictions, [], None, score, quality
    )
    assert calls.count(80) == 1
    advice = result.tables["advice"].frame.set_index("tag")
    # All 20 train rows of the class are wrong, and 8 of 23 dev rows.
    assert advice.loc["y=yes", "advice"] == "add a feature"
    assert "100.0% of such train rows are wrong (n = 20)" in advice.loc["y=yes", "evidence"]
    # No train row has g=b.
    assert advice.loc["g=b", "advice"] == "not known on train"


def test_without_train_rows_there_is_no_train_side():
    frame, _, _ = data(COUNTS)
    assert TrainSide.of(frame.iloc[:0], {}, roles(), project(), lambda rows: rows) is None
