"""Validation: rules that refuse, fail, hold or cannot be judged; rows set aside and counted."""

import json
import subprocess
import sys
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.errors import ProjectFileError
from tasks.project.roles import Roles
from tasks.project.sections import Project
from tasks.validation import validate
from tasks.wording import worded

ROLES = Roles(
    target="y", positive_class="yes", numeric=("a",), categorical=("c",), key_columns=("a", "c")
)


def rows(n=20, **columns):
    values = {
        "a": np.arange(n, dtype="float64"),
        "c": pd.Series(["u", "v"] * (n // 2), dtype="str"),
        "y": pd.Series(["yes", "no"] * (n // 2), dtype="str"),
        **columns,
    }
    frame = pd.DataFrame(values)
    frame.index = pd.Index([f"k{place:03d}" for place in range(n)], name="row_key")
    return frame


def project(*expectations, **section):
    section = {"min_rows": 10, "max_quarantined_share": 0.5, **section}
    return Project.model_validate(
        {
            "name": "p",
            "source": "s.csv",
            "target": "y",
            "positive_class": "yes",
            "validation": {"expectations": expectations, **section},
        }
    )


def rule(kind, severity="critical", on_failure="report", reason="", **kwargs):
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": severity,
        "on_failure": on_failure,
        "reason": reason,
    }


def between(column="a", low=0, high=100, **more):
    named = {name: more.pop(name) for name in ("severity", "on_failure", "reason") if name in more}
    return rule(
        "expect_column_values_to_be_between",
        column=column,
        min_value=low,
        max_value=high,
        **named,
        **more,
    )


def judge(frame, *expectations, roles=ROLES, **section):
    return worded(validate(frame, roles, project(*expectations, **section).validation))


def check(result, what):
    return next(found for found in result.checks if found.id == f"validation.{what}")


class TestRefusedRules:
    @pytest.mark.parametrize(
        ("bad", "sentence"),
        [
            (
                rule("expect_column_values_to_be_betwen", column="a"),
                "unknown expectation 'expect_column_values_to_be_betwen'; "
                "did you mean 'expect_column_values_to_be_between'?",
            ),
            (between(maximum=3), "'maximum' is not an argument of it"),
            (rule("expect_column_values_to_be_in_set", column="a"), "'value_set' field required"),
            (
                rule("expect_column_values_to_be_between", column="a"),
                "min_value and max_value cannot both be None",
            ),
            (between(meta={"x": 1}), "takes no 'meta' among its kwargs"),
            (
                rule(
                    "expect_column_mean_to_be_between",
                    on_failure="quarantine",
                    column="a",
                    min_value=0,
                ),
                "does not judge row by row, so it cannot set rows aside",
            ),
            (
                rule(
                    "expect_column_values_to_match_json_schema",
                    column="w",
                    json_schema={"anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "file:///etc/passwd"}]},
                ),
                "the schema refers to 'file:///etc/passwd', which would have to be fetched",
            ),
            (between(low={"$PARAMETER": "now()"}), "takes values, and no '$PARAMETER'"),
            (
                rule("expect_column_values_to_match_regex", column="w", regex="^(?=a)(a+)+$"),
                "no lookaround, no backreference",
            ),
            (
                rule("expect_column_values_to_match_regex_list", column="w", regex_list=[r"(a)\1"]),
                "no lookaround, no backreference",
            ),
        ],
    )
    def test_in_one_sentence(self, bad, sentence):
        with pytest.raises(ProjectFileError) as refusal:
            judge(rows(), bad)
        assert sentence in str(refusal.value)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("condition", "sentence"),
        [
            ("a >", 'condition "a >", position 1: invalid syntax'),
            (3, "'row_condition' is a text such as"),
        ],
    )
    def test_a_row_condition_is_read_with_the_project_file(self, condition, sentence):
        with pytest.raises(ValidationError, match=sentence):
            judge(rows(), between(row_condition=condition))


class TestRules:
    def test_the_type_of_a_column(self):
        """A type of the library's, or no type at all; a name in it is never run."""
        kind = "expect_column_values_to_be_of_type"
        result = judge(rows(), rule(kind, column="a", type_="float64"))
        assert check(result, "column_values_to_be_of_type:a").outcome == "passed"
        result = judge(rows(), rule(kind, column="a", type_="os.system('x')"))
        assert check(result, "column_values_to_be_of_type:a").outcome == "failed"

    def test_broken_rule_names_count_and_examples(self):
        result = judge(rows(), between(high=15, reason="a ratio"))
        found = check(result, "column_values_to_be_between:a")
        assert (found.outcome, found.severity, found.value, found.n) == (
            "failed",
            "critical",
            4,
            20,
        )
        assert found.detail == (
            "`a`: values to be between (min_value 0, max_value 15) is broken by 4 of 20 rows, "
            "for example 16, 17, 18. Why it is asked: a ratio."
        )
        assert result.outcome == "blocked"
        assert len(result.outputs["curated"]) == 20

    def test_kept_rule_passes(self):
        result = judge(rows(), between())
        found = check(result, "column_values_to_be_between:a")
        assert (found.outcome, found.value, found.n) == ("passed", 0, 20)
        assert result.outcome == "passed"
        assert result.summary == "20 of 20 rows kept, 1 of 1 expectations met"

    def test_severity_is_the_projects(self):
        result = judge(rows(), between(high=15, severity="warning"))
        assert check(result, "column_values_to_be_between:a").severity == "warning"
        assert result.outcome == "warned"

    def test_mostly_tolerates_and_says_so(self):
        found = check(judge(rows(), between(high=18, mostly=0.9)), "column_values_to_be_between:a")
        assert (found.outcome, found.value, found.limit) == ("passed", 1, "mostly 0.9")
        assert "which 'mostly' tolerates" in found.detail

    def test_nulls_are_not_met(self):
        frame = rows(a=[np.nan] * 5 + list(range(15)))
        assert check(judge(frame, between()), "column_values_to_be_between:a").n == 15

    @pytest.mark.parametrize(
        "asked",
        [
            between(),
            rule("expect_column_values_to_be_in_set", column="a", value_set=[1]),
            rule("expect_column_mean_to_be_between", column="a", min_value=0),
            rule("expect_column_distinct_values_to_be_in_set", column="a", value_set=[1]),
        ],
    )
    def test_rule_that_met_no_rows_is_an_error(self, asked):
        result = judge(rows(a=[np.nan] * 20), asked)
        found = next(f for f in result.checks if f.id.endswith(":a"))
        assert (found.outcome, found.n) == ("error", 0)
        assert "could not be judged: it met no rows" in found.detail
        assert result.outcome in ("error", "blocked")

    def test_condition_that_no_row_meets_is_an_error(self):
        found = check(
            judge(rows(), between(row_condition="a > 99")), "column_values_to_be_between:a"
        )
        assert (found.outcome, found.n) == ("error", 0)

    def test_missing_column_is_an_error_and_names_the_nearest(self):
        frame = rows().rename(columns={"a": "amount"})
        roles = Roles.from_facts({**ROLES.to_facts(), "numeric": ["amount"]})
        result = judge(frame, between(column="amuont"), roles=roles)
        found = check(result, "column_values_to_be_between:amuont")
        assert found.outcome == "error"
        assert "did you mean 'amount'" in found.detail
        assert result.outcome == "error"

    def test_rule_that_raised_is_an_error(self):
        found = check(
            judge(rows(), rule("expect_column_mean_to_be_between", column="c", min_value=0)),
            "column_mean_to_be_between:c",
        )
        assert found.outcome == "error"
        assert "mean" in found.detail

    def test_not_null_is_judged_on_every_row(self):
        frame = rows(a=[np.nan] * 2 + list(range(18)))
        asked = rule("expect_column_values_to_not_be_null", column="a")
        found = check(judge(frame, asked), "column_values_to_not_be_null:a")
        assert (found.outcome, found.value, found.n) == ("failed", 2, 20)
        assert "for example missing." in found.detail

    def test_rule_about_a_column_shows_what_was_seen(self):
        found = check(
            judge(
                rows(),
                rule("expect_column_mean_to_be_between", column="a", min_value=0, max_value=5),
            ),
            "column_mean_to_be_between:a",
        )
        # The mean of 0 to 19 is 9.5.
        assert (found.outcome, found.value, found.n) == ("failed", 9.5, 20)
        assert "does not hold for 20 rows: 9.5 was seen." in found.detail

    def test_rule_about_the_table(self):
        found = check(
            judge(rows(), rule("expect_table_row_count_to_be_between", max_value=5)),
            "table_row_count_to_be_between",
        )
        assert (found.outcome, found.value) == ("failed", 20)

    def test_rule_about_two_columns(self):
        asked = rule("expect_column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="b")
        found = check(
            judge(rows(b=np.full(20, 2.5)), asked),
            "column_pair_values_a_to_be_greater_than_b:a,b",
        )
        assert (found.outcome, found.value, found.n) == ("failed", 3, 20)
        assert "a=0 b=2.5" in found.detail

    def test_condition_restricts_rows_and_maps_positions_back(self):
        asked = between(high=15, row_condition="c == 'v'", on_failure="quarantine")
        result = judge(rows(), asked)
        found = check(result, "column_values_to_be_between:a")
        # v are the odd numbers; 17 and 19 exceed 15.
        assert (found.value, found.n) == (2, 10)
        assert list(result.tables["quarantined_rows"].frame["row_key"]) == ["k017", "k019"]

    def test_repeated_rule_has_an_id_of_its_own(self):
        result = judge(rows(), between(), between(high=3, severity="info"))
        assert check(result, "column_values_to_be_between:a").outcome == "passed"
        assert check(result, "column_values_to_be_between:a#2").outcome == "failed"

    def test_word_bound_on_a_time_column_is_a_time(self):
        times = pd.Series([datetime(2024, 1, 1 + day) for day in range(20)])
        found = check(
            judge(rows(t=times), between("t", low="2024-01-03", high="2025-01-01")),
            "column_values_to_be_between:t",
        )
        assert (found.outcome, found.value) == ("failed", 2)

    def test_numbers_in_the_set_of_a_word_column_are_words(self):
        asked = rule("expect_column_values_to_be_in_set", column="c", value_set=[0, 1])
        words = pd.Series(["0", "1"] * 10, dtype="str")
        found = check(judge(rows(c=words), asked), "column_values_to_be_in_set:c")
        assert found.outcome == "passed"

    @pytest.mark.parametrize("values", [["0", "1"], [0, 1], ["0.0", 1]])
    def test_words_in_the_set_of_a_number_column_are_numbers(self, values):
        asked = rule("expect_column_values_to_be_in_set", column="q", value_set=values)
        numbers = pd.Series([0.0, 1.0] * 10)
        found = check(judge(rows(q=numbers), asked), "column_values_to_be_in_set:q")
        assert found.outcome == "passed"

    def test_words_that_are_no_numbers_are_refused_for_a_number_column(self):
        asked = rule("expect_column_values_to_be_in_set", column="q", value_set=["low", "high"])
        with pytest.raises(
            ProjectFileError, match="'q' holds numbers, and 'value_set' names words"
        ):
            judge(rows(q=pd.Series([0.0, 1.0] * 10)), asked)

    def test_words_in_the_set_of_a_time_column_are_times(self):
        times = pd.Series([datetime(2024, 1, 1), datetime(2024, 1, 2)] * 10)
        asked = rule(
            "expect_column_values_to_be_in_set", column="t", value_set=["2024-01-01", "2024-01-02"]
        )
        found = check(judge(rows(t=times), asked), "column_values_to_be_in_set:t")
        assert found.outcome == "passed"

    def test_library_is_silent(self, capfd):
        judge(rows(), between(), between(column="nowhere"))
        assert capfd.readouterr() == ("", "")


class TestRowsSetAside:
    def test_failing_rows_leave_with_reason_and_value(self):
        result = judge(rows(), between(high=17, on_failure="quarantine", reason="too large"))
        aside = result.tables["quarantined_rows"].frame
        assert aside.to_dict("list") == {
            "row_key": ["k018", "k019"],
            "reason": ["too large", "too large"],
            "value": ["18", "19"],
        }
        assert len(result.outputs["curated"]) == 18
        assert result.facts["row_ledger"] == {
            "step": "validation",
            "rows_in": 20,
            "rows_out": 18,
            "quarantined": {"too large": 2},
        }
        assert check(result, "row_ledger").outcome == "passed"

    def test_rule_that_was_acted_on_does_not_block(self):
        result = judge(rows(), between(high=17, on_failure="quarantine"))
        found = check(result, "column_values_to_be_between:a")
        assert (found.outcome, found.severity) == ("failed", "warning")
        assert found.detail.endswith("They were set aside.")
        assert result.outcome == "warned"

    def test_quarantine_rule_that_raised_still_blocks(self):
        result = judge(rows(), between(column="nowhere", on_failure="quarantine"))
        found = check(result, "column_values_to_be_between:nowhere")
        assert (found.outcome, found.severity) == ("error", "critical")

    def test_share_is_judged(self):
        result = judge(
            rows(), between(high=17, on_failure="quarantine"), max_quarantined_share=0.05
        )
        found = check(result, "quarantined_share")
        assert (found.outcome, found.value, found.limit, found.n) == ("failed", 0.1, 0.05, 20)
        assert result.outcome == "blocked"

    def test_row_that_breaks_two_rules_counts_once(self):
        result = judge(
            rows(),
            between(high=17, on_failure="quarantine", reason="first"),
            between(high=18, on_failure="quarantine", reason="second"),
        )
        assert result.facts["row_ledger"]["quarantined"] == {"first": 2}
        assert result.facts["rows_quarantined"] == 2

    def test_rows_without_label_leave(self):
        labels = pd.Series([None, *["yes", "no"] * 9, "yes"], dtype="str")
        result = judge(rows(y=labels))
        assert result.facts["row_ledger"]["quarantined"] == {"no label": 1}
        assert "k000" not in result.outputs["curated"].index

    def test_nothing_is_set_aside_without_a_rule(self):
        result = judge(rows())
        assert "quarantined_rows" not in result.tables
        assert check(result, "quarantined_share").value == 0
        pd.testing.assert_frame_equal(result.outputs["curated"], rows())


class TestAlwaysJudged:
    def test_good_table_passes_everything(self):
        result = judge(rows())
        assert result.outcome == "passed"
        assert {found.outcome for found in result.checks} == {"passed"}
        assert result.summary == "20 of 20 rows kept, no expectation declared"

    @pytest.mark.parametrize(("n", "outcome"), [(8, "failed"), (10, "passed")])
    def test_row_count(self, n, outcome):
        found = check(judge(rows(n)), "row_count")
        assert (found.outcome, found.severity, found.value) == (outcome, "critical", n)

    def test_empty_table_blocks_and_does_not_raise(self):
        result = judge(rows().iloc[:0], between())
        assert result.outcome == "blocked"
        assert check(result, "column_values_to_be_between:a").outcome == "error"

    def test_absent_column(self):
        found = check(judge(rows().drop(columns="c")), "schema")
        assert (found.outcome, found.detail) == ("failed", "`c` is missing.")

    def test_column_of_another_kind(self):
        words = pd.Series(["1", "2"] * 10, dtype="str")
        found = check(judge(rows(a=words)), "schema")
        assert found.detail == "`a` is declared numeric and holds str."

    def test_no_feature_at_all(self):
        roles = Roles.from_facts({**ROLES.to_facts(), "numeric": [], "categorical": []})
        assert check(judge(rows(), roles=roles), "schema").detail == "no column is a feature."

    def test_duplicate_keys(self):
        frame = rows()
        frame.index = pd.Index(["k0", "k0", *frame.index[2:]], name="row_key")
        found = check(judge(frame), "duplicate_keys")
        assert (found.outcome, found.severity, found.value) == ("failed", "critical", 1)
        assert "k0" in found.detail

    def test_constant_column(self):
        found = check(judge(rows(a=np.ones(20))), "constant_columns")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 1)
        assert "`a`" in found.detail

    def test_column_with_one_value_and_gaps_is_not_constant(self):
        found = check(judge(rows(a=[np.nan] + [1.0] * 19)), "constant_columns")
        assert found.outcome == "passed"

    def test_mostly_missing_column(self):
        result = judge(rows(a=[np.nan] * 11 + list(range(9))))
        found = check(result, "missing_values")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 0.55)
        assert result.tables["columns"].frame.set_index("column").loc["a", "missing"] == 11

    @pytest.mark.parametrize(
        ("labels", "words"),
        [
            (["no"] * 20, "needs two classes or more, and has no (20)"),
            (["no", "maybe"] * 10, "no row has the positive class yes"),
            (["yes", "no", "maybe", "no"] * 5, "positive_class is for two classes"),
        ],
    )
    def test_classes_that_cannot_be_learned(self, labels, words):
        found = check(judge(rows(y=pd.Series(labels, dtype="str"))), "classes")
        assert (found.outcome, found.severity) == ("failed", "critical")
        assert words in found.detail

    def test_rare_class_is_a_warning(self):
        labels = pd.Series(["yes"] * 3 + ["no"] * 17, dtype="str")
        found = check(judge(rows(y=labels)), "class_support")
        assert (found.outcome, found.severity, found.value) == ("failed", "warning", 3)
        assert "yes (3)" in found.detail


class TestFacts:
    def test_relabelling_shows_as_labels_only(self):
        before = judge(rows()).facts
        labels = pd.Series(["no", "no", *["yes", "no"] * 9], dtype="str")
        after = judge(rows(y=labels)).facts
        assert after["fingerprint_features"] == before["fingerprint_features"]
        assert after["fingerprint_labels"] != before["fingerprint_labels"]
        assert after["fingerprint"] != before["fingerprint"]

    def test_are_json_and_the_same_again(self):
        first, second = (judge(rows(), between(high=15)) for _ in range(2))
        assert json.dumps(first.facts) == json.dumps(second.facts)
        assert first.checks == second.checks


def test_great_expectations_is_imported_only_for_a_rule():
    code = (
        "import sys, pandas as pd\n"
        "from tasks.project import Project, Roles\n"
        "from tasks.validation import validate\n"
        f"roles = Roles.from_facts({ROLES.to_facts()!r})\n"
        "frame = pd.DataFrame({'a': [1.0], 'c': ['u'], 'y': ['yes']}, index=['k'])\n"
        "frame.index.name = 'row_key'\n"
        "project = Project(name='p', source='s', target='y', positive_class='yes')\n"
        "validate(frame, roles, project.validation)\n"
        "print('great_expectations' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
