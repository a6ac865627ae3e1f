"""The trend of tags over the last runs: what is shown of them, and how earlier runs are found."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from flows.runs.error_trend import error_trend
from tasks.checks import Check, StageResult, Table
from tasks.evidence import EvidenceStore
from tasks.project.sections import Project
from tasks.reports import render_page
from tasks.reports.trend import draw_trend
from tasks.runs import RunRecord
from tasks.tag_trend import TaggedRun, tag_trend

RATES = ("error_rate", "share_of_errors", "share_of_data", "room")


def tags(**rates):
    rows = []
    for name, rate in rates.items():
        row = {"tag": name, "n": 40, "errors": round(40 * rate)}
        for column in RATES:
            row |= {column: rate, f"{column}_low": rate / 2, f"{column}_high": min(2 * rate, 1)}
        rows.append(row)
    return pd.DataFrame(rows)


def run(day, version="version 1", **rates):
    return TaggedRun(f"2026-05-{day:02d}T10:00:00+00:00", version, tags(**rates))


def test_a_first_run_has_no_trend():
    assert tag_trend([run(1, a=0.4)], ["a"]) is None
    assert tag_trend([run(1, a=0.4), run(2, a=0.3)], []) is None


def test_the_four_numbers_of_a_tag_run_by_run():
    found = tag_trend([run(1, a=0.4, b=0.1), run(2, "", a=0.3), run(3, a=0.2)], ["b", "a"])
    # b was measured once: there is nothing to compare.
    assert found.frame["tag"].tolist() == ["a", "a", "a"]
    assert found.frame["run"].tolist() == [1, 2, 3]
    assert found.frame["error_rate"].tolist() == [0.4, 0.3, 0.2]
    assert found.frame["room_high"].tolist() == [0.8, 0.6, 0.4]
    first = found.frame.iloc[0]
    assert (first["started"], first["version"], first["n"]) == ("2026-05-01 10:00", "version 1", 40)


def test_a_table_of_an_older_layout_has_gaps_and_no_zeroes():
    older = TaggedRun("2026-05-01", "", tags(a=0.4).drop(columns=["room_low", "room_high"]))
    found = tag_trend([older, run(2, a=0.3)], ["a"]).frame
    assert np.isnan(found.loc[0, "room_low"])
    assert found.loc[0, "room"] == 0.4


def test_the_drawing_has_a_text_alternative_and_escapes_names():
    found = tag_trend([run(1, **{"<b>": 0.4}), run(2, **{"<b>": 0.3})], ["<b>"])
    svg = draw_trend(found.title, found.frame)
    assert "&lt;b&gt;: 40% of 40 rows on 2026-05-01, 30% of 40 in the last of 2 runs" in svg
    assert "<b>" not in svg
    assert svg.count("<circle") == 2
    assert svg == draw_trend(found.title, found.frame)


def test_an_unknown_rate_is_not_drawn():
    unknown = run(1, a=0.4)
    unknown.tags["error_rate"] = np.nan
    frame = tag_trend([unknown, run(2, a=0.3)], ["a"]).frame
    assert draw_trend("t", frame).count("<circle") == 1


def test_the_page_shows_the_trend_where_there_is_one():
    values = {"name": "p", "source": "s.csv", "target": "y"}
    record = RunRecord(
        run_id="r1",
        project=Project.model_validate(values),
        started="2026-05-02T10:00:00+00:00",
        exit_code=0,
        verdict="promote",
        reasons=(),
    )
    trend = tag_trend([run(1, a=0.4), run(2, a=0.3)], ["a"])
    assert "Error rate within these tags" not in render_page(record)
    page = render_page(replace(record, trend=trend))
    assert "Error rate within these tags, run by run" in page
    assert "The numbers, 2 rows" in page


@pytest.fixture
def home(tmp_path):
    """Runs of two projects in a home; `add` makes one and returns its key."""
    store = EvidenceStore(tmp_path / "evidence")

    def add(run_id, key, project="p", **rates):
        check = Check(
            id="error_analysis.errors",
            stage="error_analysis",
            title="t",
            severity="info",
            outcome="passed",
            detail="d",
        )
        result = StageResult(
            stage="error_analysis",
            summary="",
            checks=(check,),
            facts={"priorities": [{"name": name, "sentence": ""} for name in rates]},
            tables={"tags": Table(title="t", frame=tags(**rates))},
        )
        store.save(key, result)
        folder = tmp_path / "runs" / run_id
        folder.mkdir(parents=True)
        evidence = {"project": project, "keys": {"error_analysis": key}}
        (folder / "evidence.json").write_text(json.dumps(evidence))
        (folder / "run.json").write_text(json.dumps({"candidate_version": None}))
        beside = {"beside": {"when": f"2026-05-0{run_id[-1]}T10:00:00+00:00"}}
        (folder / "verdict.json").write_text(json.dumps(beside))
        return key

    def trend(key, run_id):
        return error_trend(tmp_path, store, "p", key, (run_id, "2026-05-09T10:00:00+00:00"))

    return add, trend, tmp_path


def test_earlier_runs_of_the_project_are_found(home):
    add, trend, _ = home
    add("r1", "k1", a=0.4)
    add("r2", "k2", a=0.3)
    add("r3", "other", project="q", a=0.9)
    add("r4", "k4", a=0.2)
    found = trend("k4", "r4").frame
    assert found["error_rate"].tolist() == [0.4, 0.3, 0.2]
    assert found["started"].tolist() == ["2026-05-01 10:00", "2026-05-02 10:00", "2026-05-09 10:00"]
    assert found["version"].tolist() == ["", "", "this run"]


def test_a_repeated_run_is_not_a_point_of_its_own(home):
    add, trend, _ = home
    add("r1", "k1", a=0.4)
    add("r2", "k1-again", a=0.4)
    assert trend("k1-again", "r2") is None
    assert trend("k1", "r1") is None


def test_only_the_last_runs_are_shown(home):
    add, trend, _ = home
    for number in range(1, 9):
        add(f"r{number}", f"k{number}", a=number / 10)
    assert trend("k8", "r8").frame["error_rate"].tolist() == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_evidence_that_is_gone_leaves_its_run_out(home):
    add, trend, place = home
    for number in (1, 2, 3):
        add(f"r{number}", f"k{number}", a=number / 10)
    (place / "evidence" / "error_analysis" / "k2" / "tables" / "tags.parquet").unlink()
    (place / "runs" / "r0").mkdir()
    (place / "runs" / "r0" / "evidence.json").write_text("{")
    assert trend("k3", "r3").frame["error_rate"].tolist() == [0.1, 0.3]


def test_a_run_without_a_tag_worth_working_on_has_no_trend(home):
    add, trend, place = home
    add("r1", "k1", a=0.1)
    add("r2", "k2")
    (place / "evidence" / "error_analysis" / "k2" / "tables" / "tags.parquet").unlink()
    assert trend("k2", "r2") is None
