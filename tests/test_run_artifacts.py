"""What the artifacts of a flow run hold, where their links lead, and whose keys they bear."""

import base64
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import asdict, replace

import pandas as pd
import pytest
from test_reports_summary import check, make_run, record

from flows.runs.artifacts import artifact_key, page_address
from flows.runs.presence import Process
from tasks.checks import Figure, Table
from tasks.reports.decision_artifact import decision_markdown
from tasks.reports.markdown import MOST_CHARACTERS, stage_markdown
from tasks.reports.picture import picture

MLFLOW = "http://127.0.0.1:5000/#/experiments/1/runs/m1"
BARS = Figure(kind="bars", title="Gain in [f1]", table="bars", alt='gain of *a* \n\n<"x')
GAIN = replace(BARS, kind="intervals", table="differences")


def bars(*labels):
    return pd.DataFrame({"label": labels, "value": [1.0] * len(labels)})


def drawn(markdown):
    """The root of the image in Markdown, and all text in it."""
    encoded = re.search(
        r'src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)">$', markdown, re.MULTILINE
    )[1]
    root = ET.fromstring(base64.b64decode(encoded))
    return root, [text for text in root.itertext() if text.strip()]


# Figures


def test_a_figure_without_rows_is_a_sentence_that_stays_text():
    assert picture(BARS, bars()) == (
        "Gain in \\[f1\\]: there is nothing to draw, the table is empty."
    )


def test_a_label_with_a_control_character_does_not_spoil_the_image():
    _, texts = drawn(picture(BARS, bars("a\x01b\x00\uffffc")))
    assert texts[-2:] == ["abc", "1"]


def test_markup_in_a_label_is_text_of_the_image():
    root, texts = drawn(picture(BARS, bars("<script>x</script>", "](x) |", '" style="fill:red')))
    assert {"<script>x</script>", "](x) |", '" style="fill:red'} <= set(texts)
    names = {element.tag.partition("}")[2] for element in root.iter()}
    assert names == {"svg", "rect", "g", "text", "line"}


def test_an_image_has_paper_and_ink_of_its_own_and_its_words_beside_it():
    markdown = picture(BARS, bars("a"))
    assert markdown.startswith('<img alt="gain of *a* &lt;&quot;x" src="data:image/svg+xml;base64,')
    root, _ = drawn(markdown)
    paper, figure = root
    assert (root.get("width"), root.get("color"), paper.get("fill")) == ("468", "#1c1d20", "#fff")
    assert (figure.get("x"), figure.get("y"), figure.get("width")) == ("14", "14", "440")


# A stage


def test_a_stage_shows_open_checks_then_figures_then_passed_checks_and_tables():
    checks = [
        check(),
        check("not_applicable", "info", "gate.quiet", title="A quiet one"),
        check("failed", "warning", "gate.other", title="Other", value=0.5, limit=0.8, n=9),
    ]
    tables = {"bars": Table(title="Bars", frame=bars("a|b"))}
    lines = stage_markdown(record(checks=checks, tables=tables, figures=(BARS,)), {}).splitlines()
    wanted = [
        "- **✕ failed**, warning: Other: 0.5 (limit 0.8, n 9). It beats it by 0.1.",
        "For information, not applicable: A quiet one.",
        "## Gain in \\[f1\\]",
        "## Passed",
        "| critical | Beats it |  |  |  |  |",
        "## Bars",
        "| a\\|b | 1 |",
    ]
    assert [line for line in lines if line in wanted] == wanted


def test_what_is_too_long_for_an_artifact_is_named_and_left_out():
    wide = pd.DataFrame({f"c{number}": ["x" * 390] * 30 for number in range(40)})
    tables = {f"t{n}": Table(title=f"Table {n}", frame=wide) for n in range(9)}
    text = stage_markdown(record(tables=tables), {})
    assert 100_000 < len(text) < MOST_CHARACTERS + 1_000
    assert "(The first 10 of 30 rows.) (The first 12 of 40 columns.)" in text
    assert text.count("## Table") == 3
    assert text.endswith(
        "Too long to be shown here: table 'Table 3', table 'Table 4', table 'Table 5', "
        "table 'Table 6', table 'Table 7' and 1 more. The decision page has all of it.\n"
    )


def test_of_many_checks_the_first_are_shown_and_the_others_counted():
    checks = [check("failed", id=f"gate.c{n}") for n in range(50)]
    checks += [check(id=f"gate.p{n}") for n in range(41)]
    text = stage_markdown(record(checks=checks), {})
    assert text.count("✕ failed") == 40
    assert "And 10 more, on the decision page." in text
    assert text.endswith("And 1 more, on the decision page.\n")


# The decision


def decided(**more):
    difference = {"against": "champion", "label": "champion", "n": 384}
    difference |= {"value": 0.021, "low": 0.004, "high": 0.038}
    comparison = pd.DataFrame(
        [("candidate", 0.88, 0.82, 0.92, 384), ("champion", 0.86, 0.80, 0.90, 384)],
        columns=["label", "value", "low", "high", "n"],
    )
    gate = record(
        checks=[check("failed", value=0.1, limit=0.2), check(id="gate.fine")],
        facts={"metric": "f1", "differences": [difference]},
        tables={
            "comparison": Table(title="Models", frame=comparison),
            "differences": Table(title="Gain", frame=pd.DataFrame([difference])),
        },
        figures=(replace(BARS, table="comparison"), GAIN),
    )
    split = record("splitting", facts={"rows": {"test": 400}})
    dataset = {"rows_in": 2000, "rows_kept": 1990, "rows_quarantined": 10}
    return make_run("reject", 4, stages=(split, gate), dataset=dataset, **more)


def test_the_decision_begins_with_the_verdict_and_the_links():
    text = decision_markdown(decided(started="2026-07-28T10:15:00+00:00"), {"Page": "http://p/1"})
    assert text.startswith(
        "# ✕ Reject: the candidate, version 3, does not ship; version 2 stays the champion.\n\n"
        "loans · run run-1 of 28 July 2026, 10:15 UTC · exit code 4, the candidate was rejected\n\n"
        "[Page](<http://p/1>)\n\n- It beats it by 0.1.\n"
    )


def test_the_decision_has_the_numbers_that_it_rests_on():
    lines = decision_markdown(decided(), {}).splitlines()
    head = lines.index("| Number | Value |")
    assert lines[head + 2 : head + 11] == [
        "| f1 on test, candidate | 0.88 \\[0.82, 0.92\\] |",
        "| f1 on test, champion | 0.86 \\[0.80, 0.90\\] |",
        "| Gain in f1 over the champion | +0.021 \\[+0.004, +0.038\\] on 384 test rows |",
        "| Test rows | 400 |",
        "| Rows in | 2,000 |",
        "| Rows kept | 1,990 |",
        "| Rows quarantined | 10 |",
        "| Candidate | version 3 |",
        "| Champion now | version 2 |",
    ]
    assert "0.021" in drawn("\n".join(lines))[1]


def test_the_decision_lists_what_did_not_pass_and_counts_what_did():
    text = decision_markdown(decided(), {})
    assert "3 checks: 1 failed, 2 passed.\n\n- **✕ failed**, critical: Beats it: 0.1" in text
    assert text.endswith("**Gate**, gain 0.065 (2 checks: 1 failed, 1 passed)\n")


def test_the_decision_of_refused_data_has_no_numbers_of_a_gate():
    run = make_run(None, 3, stages=(record("ingestion"), replace(record(), result=None)))
    text = decision_markdown(replace(run, candidate_version=None), {})
    assert "on test" not in text
    assert "| Candidate | none |" in text
    assert "data:image" not in text


# Keys and addresses

NAMES = ["a-b", "a_b", "a--b", "a__b", "a_-b", "a-_b", "a-b-", "a-b_", "a---b", "ab"]


def test_no_two_projects_share_a_key():
    keys = {artifact_key(name, "label_consistency") for name in NAMES}
    assert len(keys) == len(NAMES)
    assert all(re.fullmatch("[a-z0-9-]+", key) for key in keys)
    assert artifact_key("a-b", "decision") == "a-b-decision"
    assert artifact_key("a_b", "decision") == "a--b-decision"


@pytest.mark.parametrize("text", [None, "{", "[]", '{"addresses": {"pages": "http://x"}}'])
def test_where_no_pages_are_served_mlflow_shows_the_page(tmp_path, text):
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    if text is not None:
        (tmp_path / "server.json").write_text(text)
    assert page_address(tmp_path, "r1", MLFLOW) == f"{MLFLOW}/artifacts/decision.html"


def test_an_up_that_was_killed_serves_no_page(tmp_path):
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    serve(tmp_path, "http://127.0.0.1:4280", replace(Process.this(), started=1.0))
    assert page_address(tmp_path, "r1", MLFLOW) == f"{MLFLOW}/artifacts/decision.html"


def test_up_serves_the_page_of_a_run_of_its_home(tmp_path):
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    serve(tmp_path, "http://me:secret@127.0.0.1:4280/", Process.this())
    assert page_address(tmp_path, "r1", MLFLOW) == "http://127.0.0.1:4280/runs/r1"
    assert page_address(tmp_path, "r2", MLFLOW) == f"{MLFLOW}/artifacts/decision.html"


def serve(home, pages, process):
    record = {"addresses": {"pages": pages}, "process": asdict(process)}
    (home / "server.json").write_text(json.dumps(record))
