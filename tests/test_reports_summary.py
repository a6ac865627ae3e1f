from dataclasses import replace

import pandas as pd
import pytest

from tasks.checks import Check, StageResult, Table
from tasks.markup import escape
from tasks.project.sections import Project
from tasks.reports.markdown import run_markdown, stage_markdown
from tasks.reports.summary import summary_text, verdict_reasons, verdict_sentence
from tasks.runs import RunRecord, StageRecord
from tasks.stage_specs import stage_names

LONG = "a sentence that goes on for longer than a line of the terminal can hold, " * 5


def check(outcome="passed", severity="critical", id="gate.beats", **more):
    values = {"title": "Beats it", "detail": "It beats it by 0.1.", **more}
    return Check(id=id, stage="gate", severity=severity, outcome=outcome, **values)


def record(name="gate", summary="gain 0.065", checks=None, **more):
    result = StageResult(stage=name, summary=summary, checks=tuple(checks or [check()]), **more)
    return StageRecord(name=name, outcome=result.outcome, seconds=2.345, result=result)


def make_run(verdict="promote", exit_code=0, **more):
    values = {
        "run_id": "run-1",
        "project": Project(name="loans", source={"path": "x.csv"}, target="t"),
        "started": "",
        "exit_code": exit_code,
        "verdict": verdict,
        "reasons": ("It beats it by 0.1.",),
        "candidate_version": "3",
        "champion_version": "2",
        "stages": (record(),),
        "work_next": ("First.", "Second.", "Third."),
    }
    return RunRecord(**{**values, **more})


def promoted(action):
    return (record("promotion", facts={"action": action}),)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (make_run(), "Promote: the candidate, version 3, becomes the champion."),
        (
            make_run(exit_code=5, stages=promoted("pending")),
            "Promote, once approved: the candidate, version 3, waits for its owner's approval.",
        ),
        (
            make_run(exit_code=5, stages=promoted("inconclusive")),
            "Promote, but not done: the champion changed before the candidate, version 3, could "
            "take its place.",
        ),
        (
            make_run("reject", 4),
            "Reject: the candidate, version 3, does not ship; version 2 stays the champion.",
        ),
        (
            make_run("reject", 4, candidate_version=None, champion_version=None),
            "Reject: the candidate does not ship.",
        ),
        (
            make_run("inconclusive", 5),
            "Inconclusive: the evidence does not settle whether the candidate, version 3, may "
            "ship; version 2 stays the champion.",
        ),
        (
            make_run("inconclusive", 5, stages=promoted("pending"), candidate_version=None),
            "Inconclusive: the evidence does not settle whether the candidate may ship; it waits "
            "for its owner's approval.",
        ),
        (
            make_run(None, 3, refused_by=("a.b", "a.c")),
            "The data was refused by 2 checks: no model was trained on it.",
        ),
        (
            make_run(None, 3, stages=(replace(record("ingestion"), outcome="blocked"),)),
            "The data was refused by one stage: no model was trained on it.",
        ),
        (
            make_run(None, 1),
            "No verdict: the run ended before the candidate could be judged.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(run, sentence):
    assert verdict_sentence(run) == sentence


def test_a_reason_finds_the_check_that_it_comes_from():
    found = check("failed")
    run = make_run("reject", 4, stages=(record(checks=[found]),))
    for reasons, text in (
        (("It beats it by 0.1.",), "It beats it by 0.1."),
        (("gate.beats",), "Beats it: It beats it by 0.1."),
        (("gate.beats: too little",), "too little"),
    ):
        assert verdict_reasons(replace(run, reasons=reasons)) == [(text, found)]
    assert verdict_reasons(replace(run, reasons=("Another.",))) == [("Another.", None)]
    refused = replace(run, verdict=None, reasons=(), refused_by=("gate.beats",))
    assert verdict_reasons(refused) == [("Beats it: It beats it by 0.1.", found)]


def full_run():
    stages = tuple(record(name, LONG) for name in stage_names())
    return make_run(
        stages=stages,
        reasons=(LONG, LONG + "2", LONG + "3", LONG + "4"),
        work_next=(LONG, LONG + "2", LONG + "3"),
        unchanged_since="run-0",
        resumed_from="run-9",
        compared=(LONG, LONG),
    )


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_summary_is_one_screen_within_the_width(width):
    places = {"Decision page": "/a.html", "MLflow run": "1", "Prefect run": "2"}
    text = summary_text(full_run(), width, False, places)
    lines = text.splitlines()
    advice = lines[lines.index("What to work on next") : lines.index("Where to look")]
    assert len(lines) - len(advice) <= 40
    assert " ".join(LONG.split()) in " ".join(" ".join(advice).split())
    assert "…" not in "".join(advice)
    assert max(len(line) for line in lines) <= width
    assert "\x1b" not in text
    assert text.endswith("\n")


def test_the_summary_says_every_part():
    stages = (
        record(),
        replace(record("promotion", "version 3 is the champion"), cached=True),
        StageRecord(name="training", outcome="not_run"),
    )
    text = summary_text(make_run(stages=stages), 80, False, {"Decision page": "/a.html", "No": ""})
    lines = text.splitlines()
    assert lines[2].split() == ["✓", "passed", "Gate", "gain", "0.065", "2.3", "s"]
    assert lines[3].endswith("cached")
    assert lines[4].split() == ["○", "not", "run", "Training"]
    assert "✓ Promote: the candidate, version 3, becomes the champion." in lines
    assert "  - It beats it by 0.1." in lines
    assert lines[-7:] == [
        "What to work on next",
        "  1. First.",
        "  2. Second.",
        "  3. Third.",
        "",
        "Where to look",
        "  Decision page  /a.html",
    ]


def test_the_summary_compares_with_the_champion_before_what_to_work_on():
    run = make_run(compared=("Better than version 2: f1 +0.020.", "Since then: nothing changed."))
    lines = summary_text(run, 80, False, {}).splitlines()
    at = lines.index("Compared with the champion")
    assert lines[at + 1 : at + 5] == [
        "  - Better than version 2: f1 +0.020.",
        "  - Since then: nothing changed.",
        "",
        "What to work on next",
    ]
    assert "Compared with the champion" not in summary_text(make_run(), 80, False, {})


def test_a_setting_to_run_with_is_on_a_line_of_its_own_and_whole():
    setting = "--set 'training.mitigate={columns: [black, single], strength: 2}'"
    advice = f"A mitigated candidate would meet 2 of 2 gaps on dev: try it with {setting}."
    lines = summary_text(make_run(work_next=(advice,)), 40, False, {}).splitlines()
    assert lines[lines.index("What to work on next") + 1 :] == [
        "  1. A mitigated candidate would meet 2",
        "     of 2 gaps on dev: try it with",
        f"       {setting}",
    ]


def test_a_path_is_never_cut():
    path = "/home/" + "x" * 200
    assert path in summary_text(make_run(), 80, False, {"Decision page": path})


def test_more_reasons_than_three_are_counted():
    text = summary_text(make_run(reasons=("A", "B", "C", "D", "E")), 80, False, {})
    assert "  - B\n  - and 3 more reasons on the decision page\n" in text


def test_colour_only_where_asked_for_and_none_from_data():
    run = make_run(reasons=("\x1b[31mred\x07\nsecond line",))
    plain = summary_text(run, 80, False, {"x": "\x1b[2J"})
    assert "\x1b" not in plain
    assert "\x07" not in plain
    assert "[31mred second line" in plain
    coloured = summary_text(run, 80, True, {})
    assert "\x1b[1;32m✓ Promote" in coloured
    assert coloured.count("\x1b[0m") == coloured.count("\x1b[") / 2


# Markdown


def test_markdown_of_a_stage_has_summary_checks_and_ten_rows_of_a_table():
    stage = record(
        checks=[check(), check("failed", "warning", "gate.other", value=0.5, limit=0.8, n=9)],
        tables={"t": Table(title="Rows", frame=pd.DataFrame({"row_n": range(25)}), note="All.")},
    )
    lines = stage_markdown(stage, {"MLflow run": "http://h/r?a=<b>"}).splitlines()
    assert lines[0] == "# Gate"
    assert lines[2] == "**▲ warned** · 2.3 s"
    assert lines[4] == "[MLflow run](<http://h/r?a=%3Cb%3E>)"
    assert lines[6] == "gain 0.065"
    assert "2 checks: 1 failed, 1 passed." in lines
    failed = lines.index(
        "- **✕ failed**, warning: Beats it: 0.5 (limit 0.8, n 9). It beats it by 0.1."
    )
    head = lines.index("| Severity | Check | Value | Interval | Limit | n |")
    assert failed < head
    assert lines[head + 2] == "| critical | Beats it |  |  |  |  |"
    assert "All. (The first 10 of 25 rows.)" in lines
    assert lines[-12:-9] == ["| row n |", "|---:|", "| 0 |"]
    assert lines[-1] == "| 9 |"


def test_markdown_of_a_stage_that_was_not_run():
    text = stage_markdown(StageRecord(name="training", outcome="not_run"), {})
    assert text == "# Training\n\n**○ not run**\n\nThe stage was not run.\n"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b\nc", "a\\|b c"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("[x](http://e.com)", "\\[x\\](http:\\//e.com)"),
        ("**b** _i_ `c` # h", "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\# h"),
        ("1. one", "1\\. one"),
        ("- one", "\\- one"),
        ("-0.5", "-0.5"),
        ("a & b", "a &amp; b"),
    ],
)
def test_markdown_keeps_text_as_text(text, escaped):
    assert escape(text) == escaped


def test_markdown_of_a_run_has_verdict_stages_and_links():
    run = make_run("reject", 4, report="/home/me/a b.html", mlflow_run_id="0d3b")
    text = run_markdown(run)
    assert text.startswith(
        "# loans\n\n**Reject: the candidate, version 3, does not ship; version 2 stays the "
        "champion.** Exit code 4: the candidate was rejected.\n\n- It beats it by 0.1.\n"
    )
    assert "1. First.\n1. Second.\n1. Third.\n" in text
    assert "## Compared" not in text
    compared = run_markdown(replace(run, compared=("Better than *it*.", "Nothing changed.")))
    assert "## Compared with the champion\n\n- Better than \\*it\\*.\n- Nothing" in compared
    assert "| ✓ passed | Gate | gain 0.065 |" in text
    assert "- [Decision page](<file:///home/me/a%20b.html>)\n- Run: run-1\n" in text
    assert "- MLflow run: 0d3b" in text
