"""Hand tags: what is refused, how exports are drawn, what a tagged row stands for, by hand."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ConflictError, NotFoundError, ProjectFileError, UsageError, UserError
from tasks.label_review.files import find_label_files, tag_exports_path, tags_path
from tasks.label_review.records import Answer
from tasks.project import load_project
from tasks.recorded_run import LABELS, label_files
from tasks.tagging.answers import read_answers, take_answers
from tasks.tagging.exports import (
    ERRORS,
    RIGHT,
    AskedRow,
    Export,
    Stratum,
    _members,
    draw_export,
    key_digests,
    read_exports,
    write_exports,
)
from tasks.tagging.findings import find_hand_tags
from tasks.tagging.hand_tags import HandTags, TaggedRows, hand_tags
from tasks.tagging.said import TagAnswer, read_said, write_said

ABOUT = {"run_id": "r1", "project": "p"}


def wrong_rows(errors=20, right=80):
    keys = [f"e{n:02d}" for n in range(errors)] + [f"r{n:02d}" for n in range(right)]
    return pd.Series([True] * errors + [False] * right, index=keys)


def draw(wrong=None, count=20, seed=1, tags=(), earlier=(), **about):
    rows = wrong_rows() if wrong is None else wrong
    about = {**ABOUT, **about}
    return draw_export(rows, count=count, seed=seed, tags=tags, earlier=earlier, about=about)


def design(rows, sizes, name="x1", tags=()):
    """An export of these (key, stratum) rows; `sizes` gives the keys of each stratum."""
    strata = tuple(
        Stratum(s, len(keys), sum(of == s for _, of in rows), _members(pd.Index(keys)))
        for s, keys in sizes.items()
    )
    asked = tuple(AskedRow(*row) for row in rows)
    return Export(id=name, run_id="r1", project="p", tags=tags, strata=strata, rows=asked)


def line(key, tag="blur", has=True, export="x1", who="Ada", probability=0.5):
    about = {"who": who, "when": "2026-01-01T00:00:00+00:00", "export": export, "run_id": "r1"}
    return TagAnswer(row_key=key, tag=tag, has=has, probability=probability, **about)


def saved(tmp_path, text, name="tags.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


# Refused: designs


def test_an_export_without_errors_or_of_too_few_rows_is_refused():
    with pytest.raises(ProjectFileError, match="run r1 of p has no error among its 5 dev rows"):
        draw(wrong_rows(0, 5))
    with pytest.raises(ProjectFileError, match="needs 10 rows or more, and 9 are wanted"):
        draw(count=9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace('"drawn": 10', '"drawn": 9', 1), "it was changed since"),
        (lambda _: "{}", "holds no tag export"),
        (lambda _: "[", "holds no tag export"),
        (lambda _: "[1]", "holds no tag export"),
    ],
)
def test_a_design_that_was_changed_or_is_none_is_refused(tmp_path, change, sentence):
    path = saved(tmp_path, change(draw().text()), "design.json")
    with pytest.raises(ProjectFileError, match=sentence):
        Export.read(path)
    path.write_text(f"[{path.read_text()}]")
    with pytest.raises(ProjectFileError):
        read_exports(path)


def test_answers_whose_design_is_gone_are_refused(tmp_path):
    write_said([line("a")], tmp_path / "p.tags.csv")
    with pytest.raises(
        ProjectFileError, match=r"answer export 'x1', whose design is not in p\.tags\.e"
    ):
        hand_tags(tmp_path / "p.tags.csv", None, pd.Index(["a"]))


# Refused: answers


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("export,tag: a\nx1,yes\n", "has no column 'row_key'"),
        ("export,row_key,tag: a\nx1,k,\n", "has no answers"),
        ("export,row_key\n", "has no answers"),
        ("export,row_key,tag: a\nx1,k,maybe\n", "row 1: 'tag: a' must be yes, no or empty"),
        ("export,row_key,looked at\nx1,k,true\n", "'looked at' must be yes, no or empty"),
        ("export,row_key,tag: \nx1,k,yes\n", "names no tag"),
        (f"export,row_key,tag: {'a' * 61}\nx1,k,yes\n", "names no tag"),
        ("export,row_key,tag: a,Tag:  a\nx1,k,yes,no\n", "two columns of the tag 'a'"),
        ("export,row_key,tag: a\nx1,k,yes\nx2,l,yes\n", r"to 2 exports \(x1, x2\)"),
    ],
)
def test_a_file_that_is_no_table_of_tags_is_refused(tmp_path, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read_answers(saved(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no answers at"):
        read_answers(tmp_path / "none.csv")


def test_one_row_answered_twice_is_refused_with_both(tmp_path):
    path = saved(tmp_path, "export,row_key,tag: a\nx1,k,yes\nx1,k,no\n")
    with pytest.raises(ConflictError, match="row k twice: tag 'a' yes and no"):
        read_answers(path)


def take(rows, export, said=(), revise=False):
    rows = [Answer(design=export.id, key=key, said=dict(has)) for key, has in rows.items()]
    return take_answers(rows, export, said, name="Bo", when="2026-02-02", revise=revise)


EXPORT = design([("a", ERRORS), ("b", RIGHT)], {ERRORS: ["a", "c"], RIGHT: ["b", "d", "e", "f"]})


def test_a_row_that_is_not_in_the_export_and_a_second_spelling_are_refused():
    with pytest.raises(UsageError, match="row c is not in export x1; nothing was applied"):
        take({"c": {"blur": True}}, EXPORT)
    with pytest.raises(UsageError, match="'Blur' and 'blur' are one tag in two spellings"):
        take({"a": {"Blur": True}}, EXPORT, [line("b")])


def test_an_answer_that_contradicts_is_refused_with_both_unless_it_revises():
    said = [line("a", has=True)]
    sentence = r"row a: tag 'blur' is answered no, and Ada answered yes on 2026-01-01.*--revise"
    with pytest.raises(ConflictError, match=sentence):
        take({"a": {"blur": False}, "b": {"blur": True}}, EXPORT, said)
    (added,) = take({"a": {"blur": False}}, EXPORT, said, revise=True)
    assert (added.has, added.who) == (False, "Bo")
    assert take({"a": {"blur": False}}, EXPORT, [*said, added]) == ()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ("a,blur,maybe,Ada,now,x1,r1,0.5", "row 1: has must be yes or no, and is 'maybe'"),
        ("a,blur,yes,Ada,now,x1,r1,0", "row 1: probability must be above 0 and at most 1"),
        ("a,blur,yes,Ada,now,x1,r1,nan", "row 1: probability must be above 0 and at most 1"),
    ],
)
def test_a_table_of_tags_that_was_edited_badly_is_refused(tmp_path, cells, sentence):
    header = "row_key,tag,has,who,when,export,run_id,probability"
    with pytest.raises(ProjectFileError, match=sentence):
        read_said(saved(tmp_path, f"{header}\n{cells}\n"))


# Drawing


def test_half_of_the_rows_are_errors_and_each_has_its_probability():
    found = draw()
    assert {s.name: (s.rows, s.drawn) for s in found.strata} == {ERRORS: (20, 10), RIGHT: (80, 10)}
    assert found.probabilities() == {ERRORS: 0.5, RIGHT: 0.125}
    assert len({row.key for row in found.rows}) == 20
    assert all(row.key.startswith("e") == (row.stratum == ERRORS) for row in found.rows)
    # Mixed: neither stratum comes first.
    assert len({row.stratum for row in found.rows[:8]}) == 2


@pytest.mark.parametrize(
    ("errors", "right", "count", "drawn"),
    [(3, 80, 20, (3, 17)), (50, 4, 20, (16, 4)), (50, 1, 20, (19, 1)), (5, 5, 20, (5, 5))],
)
def test_what_one_stratum_lacks_goes_to_the_other(errors, right, count, drawn):
    found = draw(wrong_rows(errors, right), count)
    assert tuple(one.drawn for one in found.strata) == drawn


def test_a_draw_repeats_and_another_run_or_applied_export_draws_another():
    keys = {row.key for row in draw().rows}
    assert draw().text() == draw().text()
    assert {row.key for row in draw(run_id="r2").rows} != keys
    assert {row.key for row in draw(earlier=["x1"]).rows} != keys
    assert draw(wrong_rows().sample(frac=1, random_state=0)).text() == draw().text()


def test_a_row_is_drawn_as_often_as_its_probability_says():
    """400 draws: e00 about 200 times, r00 about 50, at most four standard deviations off."""
    drawn = [{row.key for row in draw(seed=seed).rows} for seed in range(400)]
    assert abs(sum("e00" in keys for keys in drawn) - 200) < 40
    assert abs(sum("r00" in keys for keys in drawn) - 50) < 27


def test_a_design_is_read_as_it_was_written(tmp_path):
    found = draw(tags=["b", "a"])
    assert found.tags == ("a", "b")
    path = saved(tmp_path, found.text(), "design.json")
    assert Export.read(path) == found
    write_exports([found, draw(run_id="r2")], tmp_path / "all.json")
    assert read_exports(tmp_path / "all.json") == (found, draw(run_id="r2"))
    assert read_exports(tmp_path / "none.json") == ()


def test_the_stratum_of_every_dev_row_is_kept():
    found = draw().strata_of(key_digests(["e19", "r79", "later"]))
    assert found.tolist() == [0, 1, -1]


# Taking


def test_answers_become_lines_with_the_probability_of_their_row(tmp_path):
    text = "\ufeffexport;row_key;who;looked at;tag: blur;Tag:far  away\n"
    text += "x1;a;;yes;YES;\nx1;b;Eve;yes;no;no\n"
    rows = read_answers(saved(tmp_path, text))
    assert {row.design for row in rows} == {"x1"}
    found = take_answers(rows, EXPORT, (), name="Bo", when="t", revise=False)
    assert [(one.row_key, one.tag, one.has, one.who, one.probability) for one in found] == [
        ("a", "blur", True, "Bo", 0.5),
        ("b", "blur", False, "Eve", 0.25),
        ("b", "far away", False, "Eve", 0.25),
    ]
    path = tmp_path / "said.csv"
    write_said(found, path)
    assert read_said(path) == found
    # Applied twice, nothing is added.
    assert take_answers(rows, EXPORT, found, name="Zoe", when="u", revise=False) == ()


def test_a_row_that_was_looked_at_before_there_was_a_tag_is_kept_as_such():
    (added,) = take({"a": {}}, EXPORT)
    assert (added.tag, added.has) == ("", False)
    assert take({"a": {}}, EXPORT, [added]) == ()


def test_the_same_answer_in_another_export_is_a_line_of_that_export():
    other = replace(EXPORT, id="x2")
    said = take({"a": {"blur": True}}, EXPORT)
    (added,) = take({"a": {"blur": True}}, other, said)
    assert added.export == "x2"


# What a row stands for


def rows_of(tags, keys):
    """(has, weight) of the known rows, by key."""
    return {
        key: (bool(tags.has[n]), round(float(tags.weights[n]), 9))
        for n, key in enumerate(keys)
        if tags.known[n]
    }


ONE = design(
    [("e1", ERRORS), ("r1", RIGHT), ("e2", ERRORS), ("r2", RIGHT)],
    {ERRORS: ["e1", "e2", "e3"], RIGHT: ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"]},
)
KEYS = pd.Index(["e1", "e2", "e3", *(f"r{n}" for n in range(1, 9))])


def test_one_export_weighs_a_row_by_the_rows_of_its_stratum():
    said = tuple(line(row.key, has=row.key == "e1") for row in ONE.rows)
    (tags,) = HandTags(said, (ONE,)).on(KEYS).tags
    assert tags.name == "blur"
    assert rows_of(tags, KEYS) == {
        "e1": (True, 1.5),
        "e2": (False, 1.5),
        "r1": (False, 4.0),
        "r2": (False, 4.0),
    }
    assert tags.weights[tags.known].sum() == 11


def test_a_partly_answered_export_weighs_by_what_was_answered():
    """The first two rows of the order: one of 3 errors, one of 8 right answers."""
    said = (line("e1"), line("r1", has=False))
    (tags,) = HandTags(said, (ONE,)).on(KEYS).tags
    assert rows_of(tags, KEYS) == {"e1": (True, 3.0), "r1": (False, 8.0)}


TWO = design(
    [("e3", "right"), ("e1", "errors"), ("r1", "errors"), ("r3", "right")],
    {ERRORS: ["e1", "e2", "r1", "r2"], RIGHT: ["e3", "r3", "r4", "r5", "r6", "r7", "r8", "n1"]},
    name="x2",
)


def test_two_exports_weigh_a_row_by_its_stratum_in_both():
    """By hand: 1 - (1 - p1)(1 - p2), p1 2/3 of errors and 1/4 of right, p2 1/2 and 1/4."""
    first = [line(row.key, has=row.key == "e1") for row in ONE.rows]
    second = [line(row.key, has=row.key == "e1", export="x2") for row in TWO.rows]
    keys = KEYS.append(pd.Index(["n1", "n2"]))
    found = HandTags((*first, *second), (ONE, TWO)).on(keys)
    (tags,) = found.tags
    expected = {
        "e1": 1 - (1 / 3) * (1 / 2),
        "e2": 1 - (1 / 3) * (1 / 2),
        "e3": 1 - (1 / 3) * (3 / 4),
        "r1": 1 - (3 / 4) * (1 / 2),
        "r2": 1 - (3 / 4) * (1 / 2),
        "r3": 1 - (3 / 4) * (3 / 4),
    }
    assert rows_of(tags, keys) == {
        key: (key == "e1", round(1 / chance, 9)) for key, chance in expected.items()
    }
    # n1 was no dev row of the first export, n2 of neither.
    assert found.later == 1


def test_a_row_that_an_earlier_export_answered_counts_in_the_place_where_it_is_skipped():
    """Of the second export e1 was skipped, because it is known: 2 of 4 errors all the same."""
    first = [line(row.key, has=row.key == "e1") for row in ONE.rows]
    second = [line(key, has=False, export="x2") for key in ("e3", "r3")]
    (tags,) = HandTags((*first, *second), (ONE, TWO)).on(KEYS).tags
    assert rows_of(tags, KEYS)["e1"] == (True, round(1 / (1 - (1 / 3) * (1 / 2)), 9))


def test_the_union_of_two_exports_is_unbiased():
    """Draw twice, weigh, 200 times: the mean of the estimated totals is the true total."""
    wrong = wrong_rows(12, 28)
    changed = wrong.copy()
    changed.iloc[[0, 1, 2]], changed.iloc[[20, 21]] = False, True
    has = {key: int(key[1:]) % 3 == 0 for key in wrong.index}
    totals = []
    for seed in range(200):
        one = draw(wrong, 10, seed=seed)
        two = draw(changed, 12, seed=seed, run_id="r2")
        said = [line(r.key, has=has[r.key], export=x.id) for x in (one, two) for r in x.rows]
        (tags,) = HandTags(tuple(said), (one, two)).on(wrong.index).tags
        totals.append(float(tags.weights[tags.known & tags.has].sum()))
    truth, error = sum(has.values()), np.std(totals) / np.sqrt(200)
    assert abs(np.mean(totals) - truth) < 4 * error


def test_a_tag_that_was_found_on_the_way_is_unknown_before_and_where_it_was_found():
    rows = [("e1", ERRORS), ("r1", RIGHT), ("e2", ERRORS), ("r2", RIGHT), ("e3", ERRORS)]
    export = design(rows, {ERRORS: ["e1", "e2", "e3"], RIGHT: [f"r{n}" for n in range(1, 9)]})
    looked = [line("e1", tag="", has=False), line("r1", tag="", has=False)]
    later = [line("e2"), line("r2", has=False), line("e3", has=False)]
    found = HandTags((*looked, *later), (export,)).on(KEYS)
    assert rows_of(found.tags[0], KEYS) == {"e3": (False, 3.0), "r2": (False, 8.0)}
    assert found.set_aside == 1
    # Whoever goes back and answers the first rows too has asked everybody.
    all_asked = (*looked, *later, line("e1", has=False), line("r1", has=False))
    (tags,) = HandTags(all_asked, (export,)).on(KEYS).tags
    assert rows_of(tags, KEYS) == {
        "e1": (False, 1.0),
        "e2": (True, 1.0),
        "e3": (False, 1.0),
        "r1": (False, 4.0),
        "r2": (False, 4.0),
    }


def test_an_empty_cell_is_unknown_and_the_rows_after_it_count():
    rows = [("r1", RIGHT), ("e1", ERRORS), ("e2", ERRORS), ("r2", RIGHT), ("e3", ERRORS)]
    export = design(rows, {ERRORS: ["e1", "e2", "e3"], RIGHT: [f"r{n}" for n in range(1, 9)]})
    said = [line("r1", tag="far", has=False), *(line(key, has=key == "e2") for key in KEYS[:3])]
    said += [line("r2", has=False)]
    (tags,) = [t for t in HandTags(tuple(said), (export,)).on(KEYS).tags if t.name == "blur"]
    # r1 was not answered for blur; e1, the first after it, is where it was found.
    assert rows_of(tags, KEYS) == {"e2": (True, 1.5), "e3": (False, 1.5), "r2": (False, 8.0)}


def test_a_tag_that_only_errors_or_only_yes_were_said_of_is_withheld():
    said = (line("e1"), line("e2", has=False))
    found = HandTags(said, (ONE,)).on(KEYS)
    assert found.tags == ()
    assert "say nothing of 8 of the 11 dev rows" in found.withheld[0]
    said = tuple(line(row.key) for row in ONE.rows)
    (sentence,) = HandTags(said, (ONE,)).on(KEYS).withheld
    assert sentence == "every answer to 'blur' is yes; answer no for the rows without it"


def test_a_row_that_left_dev_is_not_used_and_counted():
    said = tuple(line(row.key, has=row.key == "e2") for row in ONE.rows)
    found = HandTags(said, (ONE,)).on(KEYS.drop("e1"))
    assert (found.asked, found.answered, found.stale) == (4, 4, 1)
    assert "e1" not in rows_of(found.tags[0], KEYS.drop("e1"))
    # Its stratum had three rows then, of which two were answered.
    assert rows_of(found.tags[0], KEYS.drop("e1"))["e2"] == (True, 1.5)


def test_the_last_answer_holds_and_a_name_that_is_taken_is_told_apart():
    said = [line(row.key, has=row.key == "e1") for row in ONE.rows]
    said += [replace(said[0], has=False), replace(said[2], has=True)]
    (tags,) = HandTags(tuple(said), (ONE,)).on(KEYS, taken=["blur"]).tags
    assert tags.name == "blur (by hand)"
    assert [key for key, (has, _) in rows_of(tags, KEYS).items() if has] == ["e2"]


def test_a_name_is_told_apart_from_every_other():
    said = [line(row.key, has=row.key == "e1") for row in ONE.rows]
    taken = ["blur", "blur (by hand)"]
    (tags,) = HandTags(tuple(said), (ONE,)).on(KEYS, taken=taken).tags
    assert tags.name not in taken


# The check


def test_without_tags_the_check_names_the_command():
    (check,) = find_hand_tags(TaggedRows()).checks
    assert (check.id, check.outcome, check.severity) == (
        "error_analysis.hand_tags",
        "not_applicable",
        "info",
    )
    assert "assayline tag export" in check.detail


def test_the_check_says_how_many_are_tagged_by_whom_and_what_is_not_used():
    said = tuple(line(row.key, has=row.key == "e2") for row in ONE.rows[:3])
    found = HandTags(said, (ONE,)).on(KEYS.drop("e1").append(pd.Index(["n1"])))
    (check,) = find_hand_tags(found).checks
    assert (check.outcome, check.value, check.n) == ("passed", 2.0, 4)
    assert check.detail == (
        "3 of the 4 rows that were asked about are tagged, by Ada; 1 tag can be used. 1 tagged row "
        "changed since or left dev, and is not used. 1 dev row came after the exports; the numbers "
        "of hand tags do not speak of them."
    )


def test_a_tag_that_cannot_be_used_is_not_applicable():
    (check,) = find_hand_tags(HandTags((line("e1"), line("r1")), (ONE,)).on(KEYS)).checks
    assert check.outcome == "not_applicable"
    assert "Left out: every answer to 'blur' is yes" in check.detail


# Where the files lie


def test_the_files_lie_beside_the_project_or_where_it_says(tmp_path):
    path = tmp_path / "project.yaml"
    four = "name: a\nsource: rows.csv\ntarget: y\n"
    path.write_text(four)
    loaded = load_project(path)
    assert tags_path(loaded) == tmp_path / "project.tags.csv"
    assert tag_exports_path(loaded) == tmp_path / "project.tags.exports.json"
    assert find_label_files(loaded).present == {}
    write_said([line("a")], tags_path(loaded))
    write_exports([EXPORT], tag_exports_path(loaded))
    assert set(find_label_files(loaded).present) == {"tags", "tag_exports"}
    path.write_text(four + "error_analysis: {hand_tags: more/mine.csv}\n")
    assert tags_path(load_project(path)) == tmp_path / "more/mine.csv"
    assert tag_exports_path(load_project(path)) == tmp_path / "more/mine.exports.json"


def test_a_record_holds_both_files(tmp_path):
    (tmp_path / LABELS).mkdir()
    for name in ("tags.csv", "tag_exports.json"):
        (tmp_path / LABELS / name).write_text(json.dumps([]))
    assert set(label_files(tmp_path).present) == {"tags", "tag_exports"}
