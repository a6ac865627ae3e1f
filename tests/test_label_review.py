"""The parts of a review: rules, queue, answers, the estimated error rate, and what is shown."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from browser import find_chromium, open_browser, wait_for
from sklearn.neighbors import KNeighborsClassifier

from tasks.errors import ConflictError, NotFoundError, ProjectFileError, UsageError
from tasks.estimators.fitting import fit_estimator
from tasks.label_review.answers import Said, read_answers, take_answers
from tasks.label_review.error_rate import (
    Known,
    error_rate_before,
    error_rate_now,
    finite_interval,
    flag_precision,
    reviews_for,
)
from tasks.label_review.files import find_label_files
from tasks.label_review.overlay import Relabel
from tasks.label_review.queue import Queue, draw_queue
from tasks.label_review.records import Answer
from tasks.label_review.reviews import UNSURE, Review, as_frame, read_reviews, write_reviews
from tasks.label_review.rules import ClassRule, LabelRules, read_rules
from tasks.labels.review_estimates import is_confirmed
from tasks.labels.reviewed import judge_reviews, judge_rules
from tasks.labels.suspects import suspect_weights
from tasks.project.dataset import Dataset
from tasks.project.label_sections import LabelsSection
from tasks.project.loading import load_project
from tasks.project.model_sections import TrainingSection
from tasks.project.roles import Roles
from tasks.reports.review import render_review, review_table
from tasks.training.search import train_rows

# Label rules

RULES = "no: {definition: not bought}\nyes: {definition: bought, examples: [a sale]}\n"


def rules_of(folder, text):
    path = folder / "rules.yaml"
    path.write_text(text)
    return read_rules(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yes: bought\n", "'yes': .*a class has definition, examples and borderline"),
        ("yes: {meaning: bought}\n", "'yes.definition': Field required"),
        ("yes: {definition: a, exmples: [b]}\n", "'yes.exmples': Extra inputs"),
        ("- yes\n", "must be a YAML mapping"),
        ("yes: {definition: a}\nyes: {definition: b}\n", "the key 'yes' stands twice"),
    ],
)
def test_what_is_no_set_of_rules_is_refused(tmp_path, text, says):
    with pytest.raises(ProjectFileError, match=says):
        rules_of(tmp_path, text)


def test_the_version_is_that_of_what_is_said_and_not_of_how_it_is_laid_out(tmp_path):
    first = rules_of(tmp_path, RULES)
    assert rules_of(tmp_path, f"# words\n{RULES}").version == first.version
    assert rules_of(tmp_path, RULES.replace("a sale", "a big sale")).version != first.version
    assert set(rules_of(tmp_path, "0: {definition: a}\ntrue: {definition: b}\n").classes) == {
        "0",
        "true",
    }


def test_rules_that_the_project_names_have_to_be_there(tmp_path):
    path = tmp_path / "project.yaml"
    path.write_text("name: p\nsource: x.csv\ntarget: y\nlabels: {rules: none.yaml}\n")
    with pytest.raises(NotFoundError, match=r"no label rules at .*none.yaml"):
        find_label_files(load_project(path))
    path.write_text("name: p\nsource: x.csv\ntarget: y\nlabels: {overlay: deep/o.csv}\n")
    assert find_label_files(load_project(path)).present == {}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "o.csv").write_text("key,old,new\n")
    (tmp_path / "project.reviews.csv").write_text("")
    assert set(find_label_files(load_project(path)).present) == {"overlay", "reviews"}


def test_rules_are_checked_against_the_classes():
    labels = pd.Series(["no", "yes"], dtype="str")
    rules = LabelRules({"no": ClassRule(definition="d")})
    (check,) = judge_rules(rules, labels).checks
    assert (check.outcome, check.value) == ("failed", 1.0)
    assert "does not define yes" in check.detail
    both = {name: ClassRule(definition="d") for name in ("no", "yes")}
    assert judge_rules(LabelRules(both), labels).checks[0].outcome == "passed"
    (check,) = judge_rules(LabelRules({**both, "spam": both["no"]}), labels).checks
    assert (check.outcome, check.value) == ("failed", 1.0)
    assert "defines spam, which no row has" in check.detail
    (check,) = judge_rules(None, labels).checks
    assert check.outcome == "not_applicable"
    assert judge_rules(None, labels).facts == {"label_rules": None}


# The queue


def judged_rows(rows=400, suspects=40):
    """Labels of two classes; every tenth row is a suspect; 60 % train, 20 % dev, 20 % test."""
    at = np.arange(rows)
    keys = pd.Index([f"k{number:04d}" for number in at], name="row_key")
    side = np.select([at % 10 < 6, at % 10 < 8], ["train", "dev"], "test")
    issue = at % (rows // suspects) == 3
    label = np.where(at % 3 == 0, "a", "b")
    other = np.where(label == "a", "b", "a")
    return pd.DataFrame(
        {
            "side": pd.Series(side, index=keys, dtype="str"),
            "label": pd.Series(label, index=keys, dtype="str"),
            "likely_label": pd.Series(np.where(issue, other, label), index=keys, dtype="str"),
            "quality": at / rows,
            "issue": issue,
        },
        index=keys,
    )


def drawn(quality=None, reviewed=(), count=60, seed=0):
    quality = judged_rows() if quality is None else quality
    ranking = list(quality.index[quality["issue"]])
    about = {"run_id": "r1", "project": "p", "rule": "abc"}
    return draw_queue(quality, ranking, reviewed, count=count, seed=seed, about=about)


def test_a_queue_of_too_few_rows_is_refused():
    with pytest.raises(ProjectFileError, match="20 rows or more: 19 are wanted"):
        drawn(count=19)
    quality = judged_rows()
    with pytest.raises(ProjectFileError, match="5 rows are not reviewed yet"):
        drawn(reviewed=quality.index[5:])


def test_half_is_ranked_half_is_random_and_probabilities_are_recorded():
    queue = drawn()
    assert len(queue.rows) == 60
    by_stratum = pd.DataFrame([vars_of(row) for row in queue.rows]).groupby(["side", "stratum"])
    counts = by_stratum.size()
    assert counts.loc[["train", "dev"], "ranked suspects"].sum() == 30
    assert {stratum for side, stratum in counts.index if side == "test"} == {"random"}
    for row in queue.rows:
        drawn_of_it = counts.loc[(row.side, row.stratum)]
        assert row.probability == pytest.approx(drawn_of_it / row.stratum_rows)
        assert row.side_rows == {"train": 240, "dev": 80, "test": 80}[row.side]
    whole = by_stratum["stratum_rows"].first().groupby("side").sum()
    assert whole.to_dict() == {"train": 240, "dev": 80, "test": 80}


def vars_of(row):
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_a_model_has_no_say_in_which_test_rows_are_drawn():
    quality = judged_rows()
    turned = quality.copy()
    test = turned["side"] == "test"
    turned.loc[test, "issue"] = ~turned.loc[test, "issue"]
    turned.loc[test, "likely_label"] = "a"
    rows = [[row for row in drawn(one).rows if row.side == "test"] for one in (quality, turned)]
    assert rows[0] == rows[1]
    assert not any(row.flagged for row in rows[0])


def test_the_order_of_rows_changes_nothing_and_the_seed_does():
    quality = judged_rows()
    shuffled = quality.sample(frac=1, random_state=1)
    ranking = list(quality.index[quality["issue"]])
    about = {"run_id": "r1", "project": "p", "rule": "abc"}
    same = [
        draw_queue(one, ranking, [], count=60, seed=0, about=about) for one in (quality, shuffled)
    ]
    assert same[0] == same[1]
    assert drawn(seed=1).id != drawn().id


def test_reviewed_rows_are_left_out_and_counted():
    quality = judged_rows()
    first = drawn()
    second = drawn(reviewed=[row.key for row in first.rows])
    assert not {row.key for row in first.rows} & {row.key for row in second.rows}
    train = next(row for row in second.rows if row.side == "train")
    assert train.known_rows == sum(row.side == "train" for row in first.rows)
    assert train.side_rows == int((quality["side"] == "train").sum())


def test_suspects_and_others_offer_labels_alike():
    quality = judged_rows()
    quality["label"] = quality["label"].where(np.arange(len(quality)) % 4 != 0, "c").astype("str")
    quality["likely_label"] = quality["label"]
    suspects = quality["issue"]
    nexts = quality["label"].map({"a": "b", "b": "c", "c": "a"})
    quality.loc[suspects, "likely_label"] = nexts[suspects]
    queue = drawn(quality)
    assert {row.other for row in queue.rows if row.flagged and row.given == "a"} == {"b"}
    plain = [row for row in queue.rows if not row.flagged and row.side != "test"]
    assert {row.other for row in plain if row.given == "a"} == {"b"}
    assert all(row.other != row.given for row in queue.rows)


def test_a_queue_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "design.json"
    path.write_text(drawn().text())
    assert Queue.read(path) == drawn()
    path.write_text(drawn().text().replace('"stratum_rows": ', '"stratum_rows": 1', 1))
    with pytest.raises(ProjectFileError, match="is not the queue that was drawn"):
        Queue.read(path)
    path.write_text("{}")
    with pytest.raises(ProjectFileError, match="holds no review queue"):
        Queue.read(path)


# Answers


def answered(folder, rows):
    path = folder / "a.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return read_answers(path)


def take(folder, rows, reviews=(), relabels=(), revise=False):
    queue = drawn()
    answers = answered(folder, [{"queue": queue.id, **row} for row in rows])
    said = Said(reviews=reviews, relabels=relabels)
    return take_answers(answers, queue, said, name="Ada", when="2026-01-02T03:04", revise=revise)


def one_row(flagged=True):
    return next(row for row in drawn().rows if row.flagged == flagged)


def other(label):
    return "b" if label == "a" else "a"


def test_a_confirmed_label_is_a_review_and_no_relabel(tmp_path):
    row = one_row()
    found = take(tmp_path, [{"key": row.key, "answer": row.given}])
    assert found.relabels == ()
    (review,) = found.reviews
    assert (review.who, review.answer, review.rule, review.flagged) == (
        "Ada",
        row.given,
        "abc",
        True,
    )


def test_a_corrected_label_is_both(tmp_path):
    row = one_row()
    rows = [
        {"key": row.key, "answer": other(row.given), "who": "Eve", "comment": "see above"},
    ]
    found = take(tmp_path, rows)
    assert found.relabels == (
        Relabel(
            key=row.key,
            old=row.given,
            new=other(row.given),
            who="Eve",
            when="2026-01-02T03:04",
            rule=f"{other(row.given)}@abc",
            reason="see above",
            run_id="r1",
        ),
    )
    again = take(tmp_path, rows, found.reviews, found.relabels)
    assert (again.reviews, again.relabels) == ((), ())


def test_what_was_half_written_is_finished(tmp_path):
    rows = [{"key": one_row().key, "answer": other(one_row().given)}]
    found = take(tmp_path, rows)
    assert take(tmp_path, rows, found.reviews, ()).relabels == found.relabels
    assert take(tmp_path, rows, (), found.relabels).reviews == found.reviews
    assert take(tmp_path, rows, (), found.relabels).relabels == ()


def test_unsure_is_kept_and_may_be_settled_later(tmp_path):
    row = one_row()
    unsure = take(tmp_path, [{"key": row.key, "answer": UNSURE}])
    assert unsure.relabels == ()
    sure = take(tmp_path, [{"key": row.key, "answer": row.given}], unsure.reviews)
    assert [one.answer for one in sure.reviews] == [row.given]
    back = take(tmp_path, [{"key": row.key, "answer": UNSURE}], sure.reviews)
    assert back.reviews == ()


def test_another_answer_is_refused_unless_it_is_to_replace_the_first(tmp_path):
    row = one_row()
    first = take(tmp_path, [{"key": row.key, "answer": other(row.given)}])
    change = [{"key": row.key, "answer": row.given}]
    with pytest.raises(ConflictError, match=f"'{row.given}', and Ada answered '{other(row.given)}"):
        take(tmp_path, change, first.reviews, first.relabels)
    found = take(tmp_path, change, first.reviews, first.relabels, revise=True)
    assert [(one.old, one.new) for one in found.relabels] == [(other(row.given), row.given)]
    assert [one.answer for one in found.reviews] == [row.given]


def test_a_file_that_revised_another_changes_nothing_when_it_is_taken_again(tmp_path):
    row = one_row()
    first = [{"key": row.key, "answer": row.given}]
    second = [{"key": row.key, "answer": other(row.given)}]
    one = take(tmp_path, first)
    two = take(tmp_path, second, one.reviews, one.relabels, revise=True)
    said = (*one.reviews, *two.reviews), (*one.relabels, *two.relabels)
    again = take(tmp_path, second, *said)
    assert (again.reviews, again.relabels) == ((), ())
    with pytest.raises(ConflictError, match=f"Ada answered '{other(row.given)}'"):
        take(tmp_path, first, *said)
    # The first may have been the answer to another queue.
    said = (replace(one.reviews[0], queue="q0"), *two.reviews), said[1]
    again = take(tmp_path, second, *said)
    assert (again.reviews, again.relabels) == ((), ())


def meant(answer, *, given, classes):
    queue = drawn()
    row = replace(queue.rows[0], given=given)
    queue = replace(queue, classes=classes, rows=(row,))
    answers = [Answer(design=queue.id, key=row.key, said={"": answer}, given=given)]
    said = Said(reviews=(), relabels=())
    found = take_answers(answers, queue, said, name="Ada", when="2026", revise=False)
    return found.reviews[0].answer, len(found.relabels)


def test_blanks_around_a_class_are_its_own_and_forgiven_where_they_mean_no_other():
    assert meant("a ", given="a ", classes=("a", "a ")) == ("a ", 0)
    assert meant("a", given="a ", classes=("a", "a ")) == ("a", 1)
    assert meant("a", given="a ", classes=("a ", "b")) == ("a ", 0)
    assert meant(" b", given="a ", classes=("a ", "b")) == ("b", 1)
    with pytest.raises(UsageError, match="which is no class"):
        meant("a", given="b", classes=("a ", " a", "b"))


def test_a_class_that_is_the_mark_of_the_unsure_is_refused():
    with pytest.raises(UsageError, match=r"the class '\?' cannot be reviewed"):
        meant("a", given="a", classes=("?", "a"))


def test_an_answer_to_a_label_that_the_overlay_changed_since_is_refused(tmp_path):
    row = one_row()
    overlay = (Relabel(key=row.key, old=row.given, new=other(row.given)),)
    with pytest.raises(ConflictError, match=f"the overlay has made it '{other(row.given)}' since"):
        take(tmp_path, [{"key": row.key, "answer": row.given}], (), overlay)
    assert (
        take(tmp_path, [{"key": row.key, "answer": other(row.given)}], (), overlay).relabels == ()
    )


def test_an_answer_by_other_rules_binds_nobody(tmp_path):
    row = one_row()
    first = take(tmp_path, [{"key": row.key, "answer": row.given}]).reviews
    change = [{"key": row.key, "answer": other(row.given)}]
    with pytest.raises(ConflictError):
        take(tmp_path, change, first)
    older = [replace(one, rule="old", queue="q0") for one in first]
    (relabel,) = take(tmp_path, change, older).relabels
    assert (relabel.new, relabel.rule) == (other(row.given), f"{other(row.given)}@abc")


def test_a_label_is_confirmed_by_the_latest_answer_only(tmp_path):
    first, second = reviews("others", 10, 2, 0)
    labels = pd.Series("a", index=[first.key, second.key, "never asked"])
    said = [
        replace(first, answer="b"),
        replace(first, answer="a"),
        replace(second, answer=UNSURE),
    ]
    assert is_confirmed(said, labels).tolist() == [True, False, False]
    assert is_confirmed([*said, replace(first, answer="b")], labels).tolist() == [False] * 3
    assert is_confirmed([], labels).tolist() == [False] * 3


def test_reviews_are_read_as_they_were_written(tmp_path):
    found = take(tmp_path, [{"key": one_row().key, "answer": "a", "comment": 'a, "b"\nc'}])
    path = tmp_path / "r.csv"
    write_reviews(found.reviews, path)
    assert read_reviews(path) == found.reviews
    path.write_text(path.read_text().replace(",240,", ",many,").replace(",80,", ",many,"))
    with pytest.raises(ProjectFileError, match="side_rows must be a whole number, and is 'many'"):
        read_reviews(path)


def test_a_spreadsheet_writes_flags_in_its_own_case(tmp_path):
    path = tmp_path / "r.csv"
    write_reviews(reviews("suspects", 10, 1, 0), path)
    text = path.read_text()
    path.write_text(text.replace(",True,", ",TRUE,"))
    assert read_reviews(path)[0].flagged is True
    path.write_text(text.replace(",True,", ",wahr,"))
    with pytest.raises(
        ProjectFileError, match="row 1: flagged must be true or false, and is 'wahr'"
    ):
        read_reviews(path)


# The estimated error rate


def test_the_interval_of_a_finite_number_of_rows():
    # Nothing is left open where every row was reviewed.
    assert finite_interval(3, 10, 10) == (3, 3)
    # 0 of 10 among 20: P(no wrong row drawn | K wrong) = C(20 - K, 10) / C(20, 10), which is
    # 0.0433 for K = 4 and 0.0163 for K = 5.
    assert finite_interval(0, 10, 20) == (0, 4)
    assert finite_interval(10, 10, 20) == (16, 20)
    # 1 of 2 among 4: any of K = 1, 2, 3 gives it with probability 1/2 or more.
    assert finite_interval(1, 2, 4) == (1, 3)


def test_reviews_that_show_a_limit():
    # 0.95 ** 72 = 0.0249 and 0.95 ** 71 = 0.0262.
    assert reviews_for(0.05, 900) == 72
    assert (reviews_for(0.0, 900), reviews_for(1.0, 900)) == (900, 1)


def reviews(stratum, size, right, wrong, *, side="train", rows=1000, known=0, **more):
    """Answers to one stratum, of which `wrong` had another label; keys tell the stratum."""
    base = {
        "queue": "q1",
        "side": side,
        "stratum": stratum,
        "stratum_rows": size,
        "side_rows": rows,
        "known_rows": known,
        "flagged": "suspects" in stratum,
        "given": "a",
        "who": "Ada",
        "when": "2026-01-01",
        "rule": "",
        "run_id": "r1",
        "comment": "",
        **more,
    }
    answers = ["a"] * right + ["b"] * wrong
    return [
        Review(key=f"{side}-{stratum}-{place}", answer=answer, **base)
        for place, answer in enumerate(answers)
    ]


QUEUE = [
    *reviews("ranked suspects", 20, 5, 15),
    *reviews("suspects", 80, 10, 10),
    *reviews("others", 900, 49, 1),
]


def test_a_stratum_counts_by_its_rows():
    found = error_rate_before(as_frame(QUEUE), {"train": 1000})
    # 15 + 80 / 2 + 900 / 50 = 73 of 1,000, where 26 of 90 answers were corrections.
    assert found.rate == pytest.approx(0.073)
    assert (found.rows, found.reviewed, found.wrong) == (1000, 90, 26)
    assert 0.03 < found.low < 0.073 < found.high < 0.18


def test_the_precision_of_suspects():
    found = flag_precision(as_frame(QUEUE))
    assert found.rate == pytest.approx((15 + 40) / 100)
    assert (found.rows, found.reviewed) == (100, 40)
    assert found.low < 0.55 < found.high


def test_corrected_rows_are_right_and_the_rest_is_estimated():
    answers = as_frame(QUEUE)
    labels = answers.set_index("key")["answer"]
    found = error_rate_now(answers, {"train": 1000}, labels)
    # Of the rows that nobody saw: 60 / 2 suspects and 850 / 50 others.
    assert found.rate == pytest.approx(0.047)
    # Nothing corrected is what it was before.
    assert error_rate_now(answers, {"train": 1000}, answers.set_index("key")["given"]).rate == (
        pytest.approx(0.073)
    )


def test_a_stratum_without_an_answer_makes_the_rate_unknown():
    found = error_rate_before(as_frame(QUEUE[:40]), {"train": 1000})
    assert math.isnan(found.rate)
    assert (found.unknown, found.low, found.high) == (900, 0.0, 1.0)
    unsure = [*QUEUE[:40], *reviews("others", 900, 0, 0)]
    unsure += [one_unsure("others", 900)]
    found = error_rate_before(as_frame(unsure), {"train": 1000})
    assert (math.isnan(found.rate), found.unsure, found.unknown) == (True, 1, 900)


def one_unsure(stratum, size):
    (review,) = reviews(stratum, size, 1, 0)
    return Review(**{**vars_of(review), "answer": UNSURE, "key": "unsure"})


def test_rows_that_were_reviewed_before_are_known():
    rows = reviews("others", 900, 9, 1, known=100)
    known = {"train": Known(rows=100)}
    assert error_rate_before(as_frame(rows), {"train": 1000}, known).rate == pytest.approx(0.09)
    # Ten of them are wrong still: 90 and 10 of 1,000. Unaccounted, they are unknown.
    known = {"train": Known(rows=100, wrong=10)}
    assert error_rate_before(as_frame(rows), {"train": 1000}, known).rate == pytest.approx(0.1)
    assert error_rate_before(as_frame(rows), {"train": 1000}).unknown == 100


@pytest.mark.parametrize("wrong", [(10, 20, 30), (0, 0, 0), (20, 5, 60)])
def test_the_interval_covers_the_truth(wrong):
    """20, 40 and 600 rows with this many wrong ones; all, 10 and 40 of them are reviewed."""
    random = np.random.default_rng(0)
    sizes, drawn_of = (20, 40, 600), (20, 10, 40)
    covered = 0
    for _ in range(200):
        answers = []
        for name, size, errors, n in zip("abc", sizes, wrong, drawn_of, strict=True):
            found = int(random.hypergeometric(errors, size - errors, n))
            answers += reviews(name, size, n - found, found, rows=660)
        rate = error_rate_before(as_frame(answers), {"train": 1000})
        covered += rate.low <= sum(wrong) / 660 <= rate.high
    assert covered >= 190


def judge(answers, labels=None, sides=None, **settings):
    found = as_frame(answers)
    if labels is None:
        labels = found.drop_duplicates("key").set_index("key")["given"].astype("str")
    if sides is None:
        sides = found.drop_duplicates("key").set_index("key")["side"].astype("str")
        rest = 1000 - int((sides == "train").sum())
        more = pd.Series("train", index=[f"rest-{place}" for place in range(rest)], dtype="str")
        sides = pd.concat([sides, more])
    finding = judge_reviews(answers, labels, sides, LabelsSection(**settings))
    return finding, finding.checks[0]


def test_nothing_reviewed_says_how_many_answers_are_needed():
    finding, check = judge([], max_error_rate=0.05, error_rate_required=True)
    assert (check.outcome, check.required, check.blocks) == ("not_applicable", True, True)
    assert "72 more answers" in check.detail
    assert (finding.tables, finding.metrics) == ({}, {})
    assert not judge([], max_error_rate=0.05)[1].blocks


def test_a_limit_needs_answers_at_random_and_is_judged_by_the_estimate():
    # 70 random answers: a limit of 0.05 needs 72, one of 0.06 needs 60.
    assert judge(QUEUE, max_error_rate=0.05)[1].outcome == "not_applicable"
    assert "2 more answers" in judge(QUEUE, max_error_rate=0.05)[1].detail
    _, check = judge(QUEUE, max_error_rate=0.06)
    assert (check.outcome, check.severity, check.blocks) == ("failed", "critical", True)
    assert "above the limit of 6.0%, which the interval reaches across" in check.detail
    _, check = judge(QUEUE, max_error_rate=0.08, error_rate_severity="warning")
    assert (check.outcome, check.severity) == ("passed", "warning")
    assert check.interval[0] < check.value < check.interval[1]
    assert judge(QUEUE)[1].severity == "info"


def test_test_is_apart_and_the_newest_queue_counts():
    test = reviews("random", 300, 5, 5, side="test", rows=300)
    finding, check = judge([*QUEUE, *test])
    assert check.value == pytest.approx(0.073)
    table = finding.tables["error_rates"].frame.set_index("side")
    assert table.loc["test", "before"] == pytest.approx(0.5)
    later = [
        Review(**{**vars_of(one), "queue": "q2"})
        for one in reviews("others", 1000, 80, 0, rule="new")
    ]
    finding, check = judge([*QUEUE, *later])
    assert check.value == 0
    history = finding.tables["reviews"].frame
    assert history["queue"].tolist() == ["q1", "q2"]
    assert history["label_rules"].tolist() == ["", "new"]
    assert history["error_rate"].tolist() == pytest.approx([0.073, 0.0])
    # Of the rows drawn at random, whatever was ranked.
    assert history["n"].tolist() == [70, 80]
    assert history["agreement"].tolist() == pytest.approx([59 / 70, 1.0])


def test_an_unfinished_newer_queue_does_not_take_the_place_of_a_finished_one():
    first = reviews("others", 1000, 60, 40)
    assert judge(first, max_error_rate=0.05)[1].blocks
    for more in (
        reviews("suspects", 100, 1, 0, rows=900, queue="q2"),
        reviews("random", 300, 1, 0, side="test", rows=300, queue="q2"),
    ):
        _, check = judge([*first, *more], max_error_rate=0.05)
        assert (check.outcome, check.blocks) == ("failed", True)
    # A finished one does, and a late answer to the first does not bring the first back.
    second = reviews("second", 900, 100, 0, known=100, queue="q2")
    right = {f"train-others-{place}": "b" for place in range(60, 100)}
    late = [Review(**{**vars_of(first[0]), "comment": "late"})]
    labels = pd.Series({**{one.key: "a" for one in [*first, *second]}, **right}, dtype="str")
    finding, check = judge([*first, *second, *late], labels, max_error_rate=0.05)
    assert (check.outcome, finding.facts["review_queue"]) == ("passed", "q2")


def test_a_side_without_an_answer_is_unknown():
    answers = reviews("others", 1000, 100, 0)
    dev = pd.Series("dev", index=[f"d{place}" for place in range(500)], dtype="str")
    sides = pd.concat([pd.Series("train", index=[one.key for one in answers], dtype="str"), dev])
    _, check = judge(answers, sides=sides, max_error_rate=0.05)
    assert (check.outcome, check.value) == ("not_applicable", None)
    assert "500 of 1,500 rows" in check.detail


def test_known_wrong_labels_are_wrong_until_they_are_corrected():
    first = reviews("first", 1000, 0, 100)
    second = reviews("second", 900, 100, 0, known=100, queue="q2")
    _, check = judge([*first, *second], max_error_rate=0.05)
    assert (check.outcome, check.value) == ("failed", pytest.approx(0.1))
    assert "100 of 1,000 train and dev labels are other than people answered" in check.detail


def test_a_side_whose_rows_moved_is_unknown():
    answers = reviews("others", 1000, 100, 0)
    keys = [*(one.key for one in answers), *(f"rest-{place}" for place in range(900))]
    sides = pd.Series("train", index=keys, dtype="str")
    assert judge(answers, sides=sides, max_error_rate=0.05)[1].outcome == "passed"
    sides.iloc[0] = "dev"
    _, check = judge(answers, sides=sides, max_error_rate=0.05)
    assert check.outcome == "not_applicable"
    assert "Rows of dev, train moved since" in check.detail


def test_a_limit_of_0_is_judged_by_a_census_alone():
    sides = pd.Series("train", index=["train-others-0", "train-others-1", "z"], dtype="str")
    _, check = judge(reviews("others", 3, 2, 0, rows=3), sides=sides, max_error_rate=0)
    assert check.outcome == "not_applicable"
    assert "needs an answer to all 3 rows: 1 more" in check.detail
    whole = reviews("others", 2, 2, 0, rows=2)
    assert judge(whole, sides=sides[:2], max_error_rate=0)[1].outcome == "passed"


def test_unsure_rows_count_as_wrong_where_a_limit_is_judged():
    unsure = [
        Review(**{**vars_of(one), "key": f"u{place}", "answer": UNSURE})
        for place, one in enumerate(reviews("others", 1000, 120, 0))
    ]
    _, check = judge([*reviews("others", 1000, 80, 0), *unsure], max_error_rate=0.05)
    assert (check.outcome, check.value) == ("failed", 0)
    # 120 of 200 were given up.
    assert check.interval[0] == 0
    assert 0.6 < check.interval[1] < 0.7
    assert "60.0% with the unsure ones as wrong" in check.detail


# Suspects in train


def test_only_suspects_of_train_weigh_less():
    quality = judged_rows()
    found = suspect_weights(quality, "weight")["weight"]
    suspects = quality[quality["issue"] & (quality["side"] == "train")]
    assert found.to_dict() == suspects["quality"].to_dict()
    assert set(suspect_weights(quality, "leave_out")["weight"]) == {0.0}


def test_weights_of_rows_need_an_estimator_that_takes_them():
    matrix, outcomes = np.array([[0.0], [1.0], [2.0]]), np.array(["a", "a", "b"])
    weights = np.array([1.0, 1.0, 0.5])
    with pytest.raises(ProjectFileError, match="KNeighborsClassifier takes no weights of rows"):
        fit_estimator(
            KNeighborsClassifier(), matrix, outcomes, class_weight="none", weights=weights
        )


def test_a_row_without_weight_is_in_no_fit_and_others_weigh_what_they_should():
    rows = pd.DataFrame({"n": np.arange(20.0), "t": "w", "y": ["a", "b"] * 10}).astype({"y": "str"})
    rows.index = pd.Index([f"k{at}" for at in range(20)], name="row_key")
    split = pd.DataFrame({"side": ["train"] * 15 + ["dev"] * 5, "unit": rows.index}, rows.index)
    section = TrainingSection()

    def learned(weights):
        about = {"metric": "accuracy", "seed": 0, "allow_imports": (), "weights": weights}
        return train_rows(Dataset(rows, split, ROLES), section, **about)

    plain = learned(None)
    assert (len(plain.labels), plain.left_out, plain.weighted) == (15, 0, 0)
    found = learned(pd.Series({"k0": 0.0, "k3": 0.0}))
    assert (len(found.labels), found.left_out, found.weighted) == (13, 2, 0)
    assert not {"k0", "k3"} & set(found.labels.index)
    found = learned(pd.Series({"k0": 0.25, "k3": 0.5}))
    assert (found.left_out, found.weighted) == (0, 2)
    assert found.weights[:4].tolist() == [0.25, 1.0, 1.0, 0.5]


# What a reviewer sees

ROLES = Roles(target="y", numeric=("n",), text=("t",), key_columns=("t",))


def shown():
    queue = drawn(count=20)
    keys = [row.key for row in queue.rows]
    texts = [f"=1+{place} <script>alert({place})</script>" for place in range(len(keys))]
    rows = pd.DataFrame({"n": 1.5, "t": texts}, index=keys)
    rules = LabelRules({"a": ClassRule(definition="is <a>", borderline=("rather b",))})
    return queue, rows, rules, {keys[0]: [("near <b>", "a")]}


def test_the_page_is_whole_escaped_and_the_same_again():
    queue, rows, rules, near = shown()
    page = render_review(queue, rows, ROLES, rules, near)
    assert page == render_review(queue, rows, ROLES, rules, near)
    assert "<script>alert" not in page
    assert page.count("<script>") == 1
    assert "is &lt;a&gt;" in page
    assert "near &lt;b&gt;" in page
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_cell_of_the_table_is_no_formula():
    queue, rows, _, _ = shown()
    line = review_table(queue, rows, ROLES).splitlines()[1]
    assert ",'=1+0 <script>" in line


def test_features_named_as_our_columns_and_keys_that_look_like_formulas_are_kept_apart(tmp_path):
    names = ("who", "given", "queue", "key", "answer", "a;b;c;d;e;f;g;h;i", "=1+1")
    roles = replace(ROLES, numeric=(), text=names)
    queue = drawn(count=20)
    keys = ["=HYPERLINK(1)", "'=HYPERLINK(1)", "'plain", "-5"]
    asked = [replace(row, key=key) for row, key in zip(queue.rows, keys, strict=False)]
    queue = replace(queue, rows=tuple(asked))
    rows = pd.DataFrame(dict.fromkeys(names, "x" * 200_000), index=keys)
    header, *lines = review_table(queue, rows, roles).splitlines()
    assert header.startswith("queue,key,consider,feature who,feature given")
    assert [line.split(",")[1] for line in lines] == [
        "'=HYPERLINK(1)",
        "''=HYPERLINK(1)",
        "'plain",
        "'-5",
    ]
    path = tmp_path / "queue.csv"
    path.write_text("\n".join([header, *(line[:-2] + ",a,fine" for line in lines)]))
    answers = read_answers(path)
    assert [one.key for one in answers] == keys
    assert {(one.who, one.given, one.answer, one.comment) for one in answers} == {
        ("", "", "a", "fine")
    }


def test_every_class_can_be_the_answer_and_no_side_is_told():
    queue, rows, rules, near = shown()
    some = replace(queue, classes=tuple("abcdefghijkl"))
    page = render_review(some, rows, ROLES, rules, near)
    assert page.count('data-answer="l"') == 20
    many = replace(queue, classes=("a", "b", "c ", *(f"class {n}" for n in range(30))))
    page = render_review(many, rows, ROLES, rules, near)
    assert page.count('list="classes"') == 20
    assert page.count('<option value="c "></option>') == 1
    moved = replace(queue, rows=tuple(replace(row, side="test") for row in queue.rows))
    shown_then = [render_review(one, rows, ROLES, rules, near) for one in (queue, moved)]
    assert shown_then[0] == shown_then[1]
    assert review_table(queue, rows, ROLES) == review_table(moved, rows, ROLES)


@pytest.fixture
def browser(tmp_path):
    find_chromium()
    with open_browser(tmp_path / "profile") as page:
        yield page


def test_answers_given_in_a_browser_are_saved_and_read(browser, tmp_path):
    queue, rows, rules, near = shown()
    (tmp_path / "queue.html").write_text(render_review(queue, rows, ROLES, rules, near))
    saved = tmp_path / "saved"
    browser._send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    browser.open((tmp_path / "queue.html").as_uri())
    browser.wait("document.querySelectorAll('.item:not([hidden])').length === 1")
    assert browser.run("document.querySelector('.item:not([hidden]) .reveal').hidden")

    def press(key):
        browser.run(f"document.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}'}}))")

    browser.run(
        "(who => {who.value = 'Ada \"L\"'; who.dispatchEvent(new Event('input'))})"
        "(document.getElementById('who'))"
    )
    press("1")
    assert not browser.run("document.querySelector('.item:not([hidden]) .reveal').hidden")
    press("ArrowRight")
    press("2")
    press("n")
    press("0")
    assert browser.run("document.getElementById('count').textContent") == "3 of 20 answered"
    # What was answered is there again after the page was closed.
    browser.run("window.before = true")
    browser.open((tmp_path / "queue.html").as_uri())
    browser.wait(
        "window.before === undefined && "
        "document.getElementById('count')?.textContent === '3 of 20 answered'"
    )
    browser.run("document.getElementById('save').click()")
    path = saved / f"answers-{queue.id}.csv"
    wait_for(path.exists)
    answers = read_answers(path)
    assert [one.answer for one in answers] == ["a", "b", UNSURE]
    assert [one.key for one in answers] == [row.key for row in queue.rows[:3]]
    assert [one.given for one in answers] == [row.given for row in queue.rows[:3]]
    assert {one.who for one in answers} == {'Ada "L"'}
    said = Said(reviews=(), relabels=())
    found = take_answers(answers, queue, said, name="x", when="2026", revise=False)
    assert len(found.reviews) == 3
