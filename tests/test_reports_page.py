import html
import itertools
import math
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from tasks.checks import Check, Figure, StageResult, Table
from tasks.project.sections import Project
from tasks.reports.page import render_page
from tasks.reports.tables import show_table
from tasks.runs import RunRecord, StageRecord
from tasks.stage_specs import stage_names

EVIL = "<script>document.title='planted'</script>"
HASH = "3f9a2c01b7d84e55a1c09e7f6b2d4c8890ab12cd34ef56ab78cd90ef12ab34cd"
STEEL = ["Bumps", "Dirtiness", "K_Scratch", "Other_Faults", "Pastry", "Stains", "Z_Scratch"]


def check(id, outcome="passed", severity="critical", **more):
    stage = id.split(".")[0]
    words = id.split(".")[1].replace("_", " ").capitalize()
    values = {"title": words, "detail": f"{words} was judged on 2,381 rows.", **more}
    return Check(id=id, stage=stage, severity=severity, outcome=outcome, **values)


def stage(name, summary, checks, seconds=0.4, cached=False, **more):
    result = StageResult(stage=name, summary=summary, checks=tuple(checks), **more)
    return StageRecord(
        name=name, outcome=result.outcome, seconds=seconds, cached=cached, result=result
    )


def intervals(rows):
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "n"])


def confusion(classes, counts):
    pairs = itertools.product(classes, classes)
    rows = [(a, p, c) for (a, p), c in zip(pairs, counts, strict=True)]
    return pd.DataFrame(rows, columns=["actual", "predicted", "count"])


def data_stages():
    return [
        stage(
            "ingestion",
            "2,381 rows of 2,381 kept, 13 columns, 0 misfit cells",
            [
                check("ingestion.rows", value=2381.0, limit=1.0, n=2381, title="Rows read"),
                check(
                    "ingestion.misfits",
                    value=0.0,
                    limit=0.01,
                    n=30953,
                    title="Share of cells that do not fit their column's type",
                    detail="Every cell fits the type of its column.",
                ),
                check(
                    "ingestion.excluded:dmi",
                    severity="info",
                    title="Column dmi is no feature",
                    detail="It is excluded: insurance is refused in the same process.",
                ),
            ],
            cached=True,
            tables={
                "ledger": Table(
                    title="Row ledger",
                    frame=pd.DataFrame(
                        {
                            "step": ["read", "type"],
                            "rows_in": [2381, 2381],
                            "rows_out": [2381, 2381],
                            "quarantined": [0, 0],
                        }
                    ),
                )
            },
        ),
        stage(
            "validation",
            "14 of 15 expectations hold, 1 row short of values",
            [check(f"validation.column_{i}_range", value=0.0, limit=0.0, n=2381) for i in range(13)]
            + [
                check(
                    "validation.missing:mcs",
                    "failed",
                    "warning",
                    title="Share of missing values in mcs",
                    detail="1 of 2,381 rows has no value in mcs; none is expected.",
                    value=1 / 2381,
                    limit=0.0,
                    n=2381,
                )
            ],
            seconds=6.2,
        ),
        stage(
            "splitting",
            "1,432 train, 480 dev, 469 test",
            [check("splitting.no_overlap", value=0.0, limit=0.0, n=2381)],
        ),
        stage(
            "label_consistency",
            "3 conflicts, 61 suspected label issues (2.6%)",
            [
                check(
                    "label_consistency.issue_share",
                    severity="warning",
                    title="Share of suspected label issues",
                    value=0.0256,
                    limit=0.2,
                    interval=(0.02, 0.0327),
                    n=2381,
                    detail="61 of 2,381 labels look wrong to a model that has not seen them.",
                ),
                check(
                    "label_consistency.agreement",
                    "not_applicable",
                    "warning",
                    title="Agreement between annotators",
                    detail="The project names no annotators; two columns of labels are needed.",
                ),
            ],
            seconds=3.1,
            tables={
                "review": Table(
                    title="Labels to look at first",
                    note="The lowest label quality first.",
                    frame=pd.DataFrame(
                        {
                            "row_key": [f"{i:02x}{HASH[2:]}" for i in range(61)],
                            "given_label": ["yes", "no"] * 30 + ["yes"],
                            "suggested_label": ["no", "yes"] * 30 + ["no"],
                            "label_quality": np.linspace(0.0123, 0.31, 61),
                            "dir": np.linspace(0.2, 0.9, 61),
                            "pbcr": ["no"] * 61,
                        }
                    ),
                )
            },
        ),
    ]


def audit(outcome, severity):
    return stage(
        "performance_audit",
        "recall of yes 0.52, denial rate 28.8% against 8.1%",
        [
            check(
                "performance_audit.gap:selection_rate:black",
                outcome,
                severity,
                title="Ratio of selection rates of no between the groups of black",
                value=0.7753,
                limit=0.8,
                interval=(0.681, 0.861),
                n=469,
                detail="Of the applications with black=yes 28.8 % are denied, of the others 8.1 %: "
                "the ratio of approvals is 0.78, and the four-fifths rule asks for 0.80.",
            ),
            check(
                "performance_audit.floor:recall:yes",
                title="Recall of yes",
                value=0.5178,
                limit=0.4,
                interval=(0.389, 0.645),
                n=56,
                detail="29 of 56 denied applications are found.",
            ),
            check(
                "performance_audit.slice:ccs=4",
                "not_applicable",
                "warning",
                title="Recall on ccs=4",
                n=6,
                detail="6 rows are too few to judge; 30 are needed.",
            ),
            check(
                "performance_audit.latency",
                severity="warning",
                title="Median time to score one row in ms",
                value=3.21,
                limit=100.0,
                detail="One row takes 3.2 ms.",
                measured=True,
            ),
        ],
        seconds=1.4,
        figures=(
            Figure(
                kind="intervals",
                title="Selection rate of deny=yes by black (test)",
                table="gap_1",
                alt="The selection rate of each group of black with its 95 % interval.",
                unit="share of rows",
            ),
            Figure(
                kind="intervals",
                title="Recall of yes by slice (test)",
                table="slices",
                alt="Recall of each slice with its interval; the line is the floor.",
                limit=0.4,
            ),
        ),
        tables={
            "gap_1": Table(
                title="Selection rate by black",
                frame=intervals(
                    [
                        ("black=no", 0.0814, 0.058, 0.113, 393),
                        ("black=yes", 0.2881, 0.198, 0.399, 76),
                    ]
                ),
            ),
            "slices": Table(
                title="Recall by slice",
                frame=intervals(
                    [
                        ("overall", 0.518, 0.389, 0.645, 56),
                        ("black=yes", 0.636, 0.43, 0.803, 22),
                        ("black=no", 0.441, 0.289, 0.605, 34),
                        ("black=yes & single=yes", 0.583, 0.32, 0.807, 12),
                        ("lvr in [0.65, 0.78)", 0.308, 0.127, 0.576, 13),
                        ("ccs=4", math.nan, math.nan, math.nan, 0),
                        ("lvr > 0.9 and self == 'yes' and single == 'no'", 0.75, 0.301, 0.954, 4),
                    ]
                ),
            ),
        },
    )


def model_stages(gap=("failed", "warning")):
    ladder = intervals(
        [
            ("constant class", 0.117, 0.089, 0.147, 480),
            ("quick model", 0.402, 0.301, 0.518, 480),
            ("champion, version 2", 0.431, 0.322, 0.54, 480),
            ("candidate", 0.467, 0.355, 0.575, 480),
        ]
    )
    priorities = pd.DataFrame(
        {
            "label": ["deny=yes", "lvr in [0.78, 0.87)", "single=yes", "pbcr=yes"],
            "value": [4.41, 1.32, 0.84, 0.31],
            "low": [3.2, 0.41, 0.05, 0.0],
            "high": [5.9, 2.6, 1.9, 1.1],
            "share": [0.117, 0.25, 0.39, 0.07],
        }
    )
    return [
        stage(
            "leakage",
            "no used column leaks; dmi (excluded) nearly settles the target",
            [
                check(
                    "leakage.value:dmi",
                    "failed",
                    "info",
                    title="Rate of deny=yes where dmi=yes",
                    value=0.917,
                    limit=0.75,
                    interval=(0.804, 0.967),
                    n=48,
                    detail="44 of the 48 applications with dmi=yes were denied, 12 % of all.",
                ),
                check(
                    "leakage.features", value=0.74, limit=0.98, title="Largest AUC of one column"
                ),
            ],
        ),
        stage(
            "baselines",
            "to beat: quick model, average precision 0.40",
            [check("baselines.overfits", value=1.0, limit=0.9, n=40, title="Accuracy on 40 rows")],
            seconds=2.2,
            figures=(
                Figure(
                    kind="bars",
                    title="Baseline ladder",
                    table="ladder",
                    alt="Average precision on dev of each rung, with 95 % intervals.",
                    unit="average precision",
                ),
            ),
            tables={"ladder": Table(title="Baseline ladder", frame=ladder)},
        ),
        stage(
            "training",
            "boosted trees, average precision 0.47 on dev, 12 settings tried",
            [check("training.beats_constant", value=0.467, limit=0.117, n=480)],
            seconds=14.8,
            tables={
                "trials": Table(
                    title="Settings tried",
                    frame=pd.DataFrame(
                        {
                            "candidate": ["logistic"] * 6 + ["boosted_trees"] * 6,
                            "params": ['{"C": 0.1}'] * 12,
                            "cv_mean": np.linspace(0.38, 0.46, 12),
                            "cv_std": np.linspace(0.02, 0.031, 12),
                        }
                    ),
                )
            },
        ),
        stage(
            "error_analysis",
            "45 of 480 dev rows wrong (9.4%); first: deny=yes, worth 4.4 points",
            [
                check("error_analysis.errors", severity="info", value=0.094, n=480),
                check("error_analysis.recall:yes", severity="warning", value=0.52, limit=0.4, n=56),
            ],
            figures=(
                Figure(
                    kind="confusion",
                    title="Predicted against true class (dev)",
                    table="confusion",
                    alt="Counts of dev rows by true and predicted class.",
                ),
                Figure(
                    kind="bars",
                    title="What to work on next",
                    table="priorities",
                    alt="Points of accuracy to win by tag, with 95 % intervals.",
                    unit="points of accuracy",
                ),
            ),
            tables={
                "confusion": Table(
                    title="What was predicted", frame=confusion(["no", "yes"], [406, 18, 27, 29])
                ),
                "priorities": Table(title="Priorities", frame=priorities),
                "report": Table(
                    title="Precision, recall and F1 by class (dev)",
                    frame=pd.DataFrame(
                        {
                            "class": ["no", "yes"],
                            "support": [424, 56],
                            "precision": [0.9376, 0.617],
                            "precision_low": [0.911, 0.474],
                            "precision_high": [0.957, 0.742],
                            "recall": [0.9575, 0.5178],
                            "recall_low": [0.934, 0.389],
                            "recall_high": [0.973, 0.645],
                        }
                    ),
                ),
            },
        ),
        audit(*gap),
    ]


def end_stages(verdict, reason):
    outcome = {"promote": "passed", "reject": "failed", "inconclusive": "not_applicable"}[verdict]
    return [
        stage(
            "gate",
            f"{verdict}: {reason}",
            [
                check("gate.absolute", "failed" if verdict == "reject" else "passed", value=1.0),
                check(
                    "gate.beats:quick",
                    outcome if verdict == "inconclusive" else "passed",
                    required=True,
                    value=0.065,
                    limit=0.0,
                    interval=(0.004, 0.131),
                    n=469,
                    title="Gain in average precision over the quick baseline",
                ),
            ],
        ),
        stage(
            "promotion",
            "version 3 is the champion, was version 2"
            if verdict == "promote"
            else f"version 3 is recorded as {verdict}; the champion stays version 2",
            [check("promotion.recorded", title="Verdict in the ledger")],
            facts={"action": verdict},
        ),
    ]


PRIORITIES = (
    "Rows with deny=yes are 12% of the dev data and 60% of its errors: 27 of 56 are predicted "
    "wrongly (48.2%, against 9.4% over all); reaching 90.6% right would remove 21 errors and win "
    "4.4 points of accuracy.",
    "Of the applications with black=yes 28.8 % are denied, of the others 8.1 %: the ratio of "
    "approvals is 0.78, and the four-fifths rule asks for 0.80.",
    "1 of 2,381 rows has no value in mcs; none is expected.",
)


def make_run(verdict="promote", **more):
    reason = "average precision is 0.065 above the quick baseline, 95 % interval 0.004 to 0.131."
    if verdict == "reject":
        reason = PRIORITIES[1]
    values = {
        "run_id": "20260728-101502-7f3a",
        "project": Project(
            name="hmda_boston",
            description="Denied mortgage applications, Boston 1990.",
            source={"path": "hmda.csv"},
            target="deny",
            positive_class="yes",
        ),
        "started": "2026-07-28T10:15:02+00:00",
        "exit_code": {"promote": 0, "reject": 4, "inconclusive": 5}[verdict],
        "verdict": verdict,
        "reasons": (reason, "46 discordant rows are enough to decide.")[
            : 1 + (verdict != "reject")
        ],
        "candidate_version": "3",
        "champion_version": "3" if verdict == "promote" else "2",
        "dataset": {
            "fingerprint": HASH,
            "rows_in": 2381,
            "rows_kept": 2381,
            "rows_quarantined": 0,
        },
        "stages": (
            *data_stages(),
            *model_stages(("failed", "critical" if verdict == "reject" else "warning")),
            *end_stages(verdict, reason),
        ),
        "work_next": PRIORITIES,
        "metrics": {"dev.average_precision": 0.467, "test.recall.yes": 0.5178},
        "provenance": {
            "run": "20260728-101502-7f3a",
            "seed": "0",
            "data fingerprint": HASH,
            "project code": "commit 1d0c54a, clean",
            "libraries": "scikit-learn 1.9.1, numpy 2.4.0, pandas 3.1.1",
        },
        "report": "/home/me/.assayline/runs/20260728-101502-7f3a/decision.html",
        "mlflow_run_id": "0d3b6c1e8f5a47e0a7a2b6b8a3f1c2d4",
        "prefect_flow_run_id": "5e0e8a38-7f0a-4a8e-9d50-1f6c3a7b2e11",
        **more,
    }
    return RunRecord(**values)


def refused_run():
    duplicate = check(
        "validation.duplicate_keys",
        "failed",
        title="Share of rows with a repeated key",
        value=0.0312,
        limit=0.0,
        n=1200,
        detail="38 of 1,200 rows have a key that another row has too.",
    )
    stages = [
        data_stages()[0],
        stage("validation", "38 repeated keys", [duplicate, check("validation.min_rows")]),
        *(StageRecord(name=name, outcome="not_run") for name in stage_names()[2:]),
    ]
    return replace(
        make_run("inconclusive"),
        verdict=None,
        exit_code=3,
        refused_by=("validation.duplicate_keys",),
        reasons=(duplicate.detail,),
        candidate_version=None,
        champion_version="2",
        stages=tuple(stages),
        work_next=(duplicate.detail,),
        metrics={},
    )


def steel_run():
    """Seven classes with unequal counts."""
    counts = [
        (round(80 / (i + 1)) if i == j else (i * 3 + j * 5) % 7)
        for i, j in itertools.product(range(7), range(7))
    ]
    names = [f"{a} & steel=TypeOfSteel_A{b}" for a in STEEL for b in (300, 400)] * 2
    many = intervals([(f"{n} {i}", 0.5 + i / 100, 0.4, 0.9, 50 + i) for i, n in enumerate(names)])
    errors = stage(
        "error_analysis",
        "92 of 388 dev rows wrong (23.7%); first: Other_Faults, worth 6.1 points",
        [
            check(
                f"error_analysis.recall:{name}",
                severity="warning",
                title=f"Recall of {name}",
                value=0.6 + place / 20,
                limit=0.5,
                interval=(0.5 + place / 20, 0.7 + place / 20),
                n=20 + place,
            )
            for place, name in enumerate(STEEL)
        ],
        figures=(
            Figure(
                kind="confusion",
                title="Predicted against true class (dev)",
                table="confusion",
                alt="Counts of dev rows by true and predicted class.",
            ),
            Figure(
                kind="intervals",
                title="macro_f1 by slice (dev)",
                table="by_slice",
                alt="macro_f1 of each slice; the line is the overall value.",
                limit=0.71,
            ),
        ),
        tables={
            "confusion": Table(title="Predicted", frame=confusion(STEEL, counts)),
            "by_slice": Table(title="By slice", frame=many),
        },
    )
    project = Project(name="steel_plate_faults", source={"path": "faults.csv"}, target="fault")
    stages = [s if s.name != "error_analysis" else errors for s in make_run().stages]
    return make_run("inconclusive", project=project, stages=tuple(stages))


def plan_run():
    """An audit plan with long names, of several owners and of nobody."""
    long = "false_negative_rate_of_the_second_lien_subordinate_financing_" * 2
    plan = {
        "floors": [
            {"metric": "recall", "class": "yes", "minimum": 0.4, "owner": "credit risk " * 9},
            {"metric": "f1", "class": long, "minimum": 0.4, "risk": f"{long} is too high"},
        ],
        "gaps": [
            {
                "column": "black",
                "metric": "selection_rate",
                "class": "no",
                "min_ratio": 0.8,
                "risk": "black applicants are denied who would pay",
                "owner": "fair lending officer",
                "reason": "the four-fifths rule",
            }
        ],
    }
    project = Project(
        name="hmda", source={"path": "h.csv"}, target="deny", positive_class="yes", audit=plan,
        approval={"mode": "approve", "owner": long},
    )  # fmt: skip
    run = make_run("reject", project=project)
    entries = {"gap": "audit.gaps[0]", "floor": "audit.floors[0]", "slice": "audit.floors[0]"}
    stages = []
    for one in run.stages:
        checks = [
            replace(check, entry=entries.get(check.id.split(".")[1].split(":")[0], ""))
            for check in one.checks
        ]
        result = one.result and replace(one.result, checks=tuple(checks))
        stages.append(replace(one, result=result) if one.name == "performance_audit" else one)
    return replace(run, stages=tuple(stages))


class Reader(HTMLParser):
    """Collects tags with attributes, and the visible text."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.words = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def text_of(page):
    return " ".join(" ".join(read(page).words).replace("\xa0", " ").split())


def evil_run():
    """A name from data that is markup, in every place where one can stand."""
    bars = pd.DataFrame({"label": [EVIL], "value": [1.5]})
    planted = stage(
        "error_analysis",
        EVIL,
        [check(f"error_analysis.recall:{EVIL}", "failed", title=EVIL, detail=EVIL, value=EVIL)],
        figures=(
            Figure(kind="confusion", title=EVIL, table="confusion", alt=EVIL),
            Figure(kind="bars", title=EVIL, table="bars", alt=EVIL, unit=EVIL),
            Figure(kind="intervals", title=EVIL, table="dots", alt=EVIL),
        ),
        tables={
            "confusion": Table(title=EVIL, frame=confusion([EVIL, "b"], [1, 2, 3, 4]), note=EVIL),
            "bars": Table(title=EVIL, frame=bars),
            "dots": Table(title=EVIL, frame=intervals([(EVIL, 0.5, 0.4, 0.6, 9)])),
            "rows": Table(title=EVIL, frame=pd.DataFrame({EVIL: [EVIL]}, index=[EVIL])),
        },
    )
    project = Project(name="evil", description=EVIL, source={"path": EVIL}, target="t")
    return replace(
        make_run("reject"),
        project=project,
        stages=(planted,),
        reasons=(EVIL,),
        work_next=(EVIL,),
        compared=(EVIL, EVIL),
        provenance={EVIL: EVIL},
        metrics={EVIL: 1.0},
        run_id=EVIL,
        started=EVIL,
        unchanged_since=EVIL,
        candidate_version=EVIL,
    )


def test_what_comes_from_data_stays_text_everywhere():
    page = render_page(evil_run())
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 30
    assert not [name for name, _ in read(page).tags if name == "script"]


def test_the_page_asks_for_nothing_and_runs_nothing():
    page = render_page(make_run())
    tags = read(page).tags
    addresses = [v for _, attrs in tags for k, v in attrs.items() if k in ("href", "src")]
    assert all(address.startswith("#") or address == "data:," for address in addresses)
    assert "url(" not in page
    assert "@import" not in page
    assert not [k for _, attrs in tags for k in attrs if k.startswith("on")]
    assert "default-src 'none'" in page


def test_every_link_inside_the_page_has_its_target():
    for run in (make_run("reject"), refused_run(), steel_run()):
        tags = read(render_page(run)).tags
        ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
        links = [attrs["href"][1:] for name, attrs in tags if name == "a"]
        assert len(ids) == len(set(ids))
        assert links
        assert set(links) <= set(ids)


def test_the_order_is_verdict_then_what_next_then_stages_then_provenance():
    compared = ("Worse than version 2: f1 -0.020.", "Since its run: nothing changed.")
    words = text_of(render_page(replace(make_run("reject"), compared=compared)))
    assert "Compared with the champion" not in text_of(render_page(make_run("reject")))
    order = [
        "Reject: the candidate, version 3, does not ship; version 2 stays the champion.",
        "the four-fifths rule asks for 0.80. See the check",
        "exit code 4: the candidate was rejected",
        "Compared with the champion",
        "Worse than version 2: f1 -0.020.",
        "Since its run: nothing changed.",
        "What to work on next",
        "win 4.4 points of accuracy",
        "Stage by stage",
        "Could every row and every cell be read?",
        "Provenance",
        "commit 1d0c54a, clean",
    ]
    places = [words.index(part) for part in order]
    assert places == sorted(places)


def test_a_failed_check_stands_before_passed_ones_even_for_information():
    page = render_page(make_run())
    validation = page[page.index('<section class="stage" id="validation"') :]
    assert validation.index("validation.missing:mcs") < validation.index("<details")
    assert "Others, 13 checks: 13 passed" in validation
    leaks = page[page.index('<section class="stage" id="leakage"') :]
    assert leaks.index("value:dmi") < leaks.index("leakage.features") < leaks.index("<details")


def test_numbers_are_written_with_interval_percent_and_n():
    words = text_of(render_page(make_run("reject")))
    assert "0.52 [0.39, 0.65] 0.4 56" in words
    assert "2.6% [2.0%, 3.3%] 20% 2,381" in words
    assert "0.94 [0.91, 0.96]" in words
    assert "0% 1% 30,953" in words


def test_a_long_table_shows_fifty_rows_and_says_so():
    page = render_page(make_run())
    assert "Labels to look at first, 50 of 61 rows" in text_of(page)
    assert page.count("3f9a2c01") + page.count('title="') >= 50


def test_refused_data_is_said_first_and_stages_that_did_not_run_are_named():
    words = text_of(render_page(refused_run()))
    assert "The data was refused by one check: no model was trained on it." in words
    assert "38 of 1,200 rows have a key that another row has too. See the check" in words
    assert words.count("not run") == 9
    assert "exit code 3: the data was refused" in words


def test_a_figure_has_a_text_alternative_and_its_numbers():
    page = render_page(make_run())
    drawings = [attrs for name, attrs in read(page).tags if name == "svg"]
    assert len(drawings) == 5
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)
    assert page.count("The numbers, ") == 5


def test_the_same_record_gives_the_same_bytes():
    assert render_page(make_run()) == render_page(make_run())


def test_long_lines_keep_a_width_and_numbers_and_words_do_not():
    frame = pd.DataFrame({"label": ["no"], "features": ["lvr=0.92, " * 8], "n": [5.0]})
    shown = show_table(Table(title="t", frame=frame), 5)
    assert [column.long for column in shown.columns] == [False, True, False]


def test_a_figure_without_its_table_and_a_record_without_anything_still_render():
    lone = Figure(kind="bars", title="Lone", table="gone", alt="Nothing.")
    empty = stage("gate", "", [], figures=(lone,))
    run = RunRecord(
        run_id="r",
        project=Project(name="p", source={"path": "x.csv"}, target="t"),
        started="",
        exit_code=1,
        verdict=None,
        reasons=(),
        stages=(replace(empty, result=replace(empty.result, summary="nothing")),),
    )
    words = text_of(render_page(run))
    assert "No verdict: the run ended before the candidate could be judged." in words
    assert "Lone: there is nothing to draw, the table is empty." in words


# In a browser


def contrast(ink, paper):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_words_have_enough_contrast_in_light_and_dark():
    page = render_page(make_run())
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks[:2]:
        named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        grounds = [named["paper"], *(v for k, v in named.items() if k.endswith("-soft"))]
        inks = ("ink", "muted", "accent")
        assert all(contrast(named[ink], ground) >= 4.5 for ink in inks for ground in grounds)
        for tone in ("good", "caution", "bad", "quiet"):
            assert contrast(named[tone], named["paper"]) >= 4.5
            assert contrast(named[tone], named[f"{tone}-soft"]) >= 4.5


@pytest.fixture
def browse(tmp_path):
    """Runs headless Chromium on a page; CI must have it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        missing = "chromium is not installed, the page was not looked at"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)

    def run(page, *options):
        place = tmp_path / "page.html"
        place.write_text(page, encoding="utf-8")
        quiet = ["gpu", "quic", "background-networking", "component-update", "sync"]
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--no-first-run",
            *(f"--disable-{name}" for name in quiet),
            f"--user-data-dir={tmp_path / 'profile'}",
            *options,
            place.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    return run


def measuring_page(page, widths):
    """A page that shows `page` in frames and writes what it measures into its own text."""
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>'
        for width in widths
    )
    script = """<script>
    addEventListener('load', () => {
      const rows = [...document.querySelectorAll('iframe')].map((frame) => {
        const page = frame.contentDocument;
        page.querySelectorAll('details').forEach((fold) => { fold.open = true; });
        const root = page.documentElement;
        const words = [...page.querySelectorAll('svg text')];
        const outside = words.filter((word) => {
          const box = word.getBBox();
          const sheet = word.ownerSVGElement.viewBox.baseVal;
          const turned = word.parentNode.getAttribute('transform');
          return !turned && (box.x < -3 || box.x + box.width > sheet.width + 3);
        });
        const edge = frame.contentWindow.innerWidth;
        const scrolled = (node) => node.closest('.scroll, .drawing') !== null;
        const hidden = (node) => node.closest('thead') !== null;
        const beyond = [...page.body.querySelectorAll('*')].filter((node) => {
          const box = node.getBoundingClientRect();
          const sticksOut = box.right > edge + 0.5 || box.left < -0.5;
          return sticksOut && !scrolled(node) && !hidden(node);
        });
        return [frame.width, root.scrollWidth, edge, page.title, words.length, outside.length,
                beyond.map((node) => node.tagName).join(' ')].join('|');
      });
      document.body.innerHTML = '<pre>' + rows.join(';') + '</pre>';
    });
    </script>"""
    return f"<!doctype html><body>{frames}{script}</body>"


def measured(dom):
    rows = re.search(r"<pre>(.*?)</pre>", dom, re.DOTALL)[1]
    return [row.split("|") for row in html.unescape(rows).split(";")]


@pytest.mark.parametrize("make", [make_run, steel_run, refused_run, evil_run, plan_run])
def test_nothing_scrolls_sideways_and_no_planted_script_runs(browse, make):
    page = measuring_page(render_page(make()), (400, 1280))
    rows = measured(browse(page, "--window-size=1400,1000", "--dump-dom"))
    assert [row[0] for row in rows] == ["400", "1280"]
    for _, needed, offered, title, words, outside, beyond in rows:
        assert beyond == ""
        assert int(needed) <= int(offered)
        assert title != "planted"
        assert (int(words) > 0) == (make is not refused_run)
        assert int(outside) == 0


def test_light_and_dark_are_drawn(browse, tmp_path):
    page = render_page(make_run())
    shots = {}
    for scheme in (0, 1):
        picture = tmp_path / f"{scheme}.png"
        setting = f"--blink-settings=preferredColorScheme={scheme}"
        browse(page, "--window-size=1280,1600", setting, f"--screenshot={picture}")
        shots[scheme] = picture.read_bytes()
    assert all(len(shot) > 50_000 for shot in shots.values())
    assert shots[0] != shots[1]


def test_every_page_forbids_scripts_that_are_not_its_own():
    """Opened from a disk no server adds a policy, so that the page brings its own."""
    from pathlib import Path

    import tasks.reports

    found = Path(tasks.reports.__file__).parent.glob("templates/*.html.j2")
    pages = {path.name: path.read_text() for path in found if path.name != "parts.html.j2"}
    for name in ("review.html.j2", "tagging.html.j2"):
        text = pages.pop(name)
        assert text.startswith('{% extends "asking.html.j2" %}')
        assert "<script" not in text
    assert set(pages) == {"asking.html.j2", "decision.html.j2", "frame.html.j2", "home.html.j2"}
    own = "script-src 'sha256-{{ script_hash }}'"
    for name, text in pages.items():
        policy = text.partition('"Content-Security-Policy" content="')[2].partition('"')[0]
        assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; "), name
        assert ("script-src" in policy) == ("<script>" in text), name
        assert policy.count("script-src") == policy.count(own)
        assert text.index("Content-Security-Policy") < text.index("<title>"), name
