"""The words of validation."""

from __future__ import annotations

from tasks.checks import Check, StageResult
from tasks.messages import listed
from tasks.wording.words import ANY, StageWords


def _row_count(check: Check) -> tuple[str, str]:
    verb = "are enough" if check.outcome == "passed" else "are too few"
    limit = check.values["min_rows"]
    return (
        "Rows to learn from",
        f"{check.n:,} rows {verb}: the project asks for {limit:,} or more.",
    )


def _schema(check: Check) -> tuple[str, str]:
    told = check.values
    problems = [f"`{name}` is missing" for name in told["absent"]]
    problems += [
        f"`{name}` is declared {kind} and holds {held}" for name, kind, held in told["misfits"]
    ]
    problems += ["no column is a feature"] if told["no_features"] else []
    fine = f"All {check.n} columns that the project uses are there, of their kind."
    return (
        "Columns that are missing or of another kind",
        f"{listed(problems, separator='; ')}." if problems else fine,
    )


def _duplicate_keys(check: Check) -> tuple[str, str]:
    title = "Row keys that stand for more than one row"
    if not check.value:
        return title, f"Each of the {check.n:,} rows has a key of its own."
    examples = _listed_of(check.values["examples"], check)
    return title, f"{check.value:,.0f} keys stand for more than one row, for example {examples}."


def _constant_columns(check: Check) -> tuple[str, str]:
    title = "Features with one value only"
    names = [f"`{name}`" for name in check.values["columns"]]
    if not names:
        return title, f"Each of the {check.n} features has more than one value."
    return (
        title,
        f"{len(names)} of {check.n} features have one value in all rows and teach nothing: "
        f"{listed(names)}.",
    )


def _missing_values(check: Check) -> tuple[str, str]:
    title = "Largest share of missing cells in a feature"
    sparse = [f"`{name}` ({share:.0%})" for name, share in check.values["sparse"]]
    if sparse:
        return title, f"More than half of the cells are missing in {listed(sparse)}."
    return title, f"No feature misses more than {check.value:.2%} of its cells."


def _classes(check: Check) -> tuple[str, str]:
    told = check.values
    target, positive, counts = told["target"], told["positive_class"], dict(told["counts"])
    shown = listed([f"{label} ({count:,})" for label, count in counts.items()])
    found = f"`{target}` has {len(counts)} classes: {shown}"
    sentence = found
    if len(counts) < 2:
        sentence = f"`{target}` needs two classes or more, and has {shown or 'no label'}"
    elif positive is not None and positive not in counts:
        sentence = f"no row has the positive class {positive}; {found}"
    elif positive is not None and len(counts) > 2:
        sentence = f"positive_class is for two classes, and {found}"
    return "Classes of the target", f"{sentence}."


def _class_support(check: Check) -> tuple[str, str]:
    title = "Rows of the smallest class"
    if check.outcome == "passed":
        return title, f"The smallest class has {check.value:,.0f} of {check.n:,} rows."
    rare = listed([f"{label} ({count})" for label, count in check.values["rare"]])
    way_out = "; what they teach cannot be assessed (labels.rare_classes: merge or set_aside)"
    return (
        title,
        f"Fewer than {check.limit:g} rows teach {rare or 'any class'}"
        f"{way_out if check.values['can_merge'] else ''}.",
    )


def _quarantined_share(check: Check) -> tuple[str, str]:
    told = check.values
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in told["reasons"].items())
    return (
        "Share of the rows set aside",
        f"{told['rows']:,} of {check.n:,} rows ({check.value:.1%}) were set aside; "
        f"{check.limit:.1%} are allowed." + (f" {reasons}." if reasons else ""),
    )


def _row_ledger(check: Check) -> tuple[str, str]:
    told = check.values
    return (
        "Rows in = rows kept + rows set aside",
        f"{check.n:,} rows came in, {told['kept']:,} were kept and {told['set_aside']:,} "
        "were set aside.",
    )


def _relabels(check: Check) -> tuple[str, str]:
    told = check.values
    sentence = f"{told['applied']:,} labels were corrected by the overlay"
    sentence += (
        f", {told['already']:,} more are so in the source by now." if told["already"] else "."
    )
    if check.value:
        reasons = "; ".join(f"{reason} ({count:,})" for reason, count in told["reasons"].items())
        rows = [
            f"{key} ({old} to {new}{f', found {found}' if found else ''})"
            for key, old, new, found in told["examples"]
        ]
        sentence += (
            f" {check.value:,.0f} could not be put on: {reasons}, for example {'; '.join(rows)}."
        )
    return "Corrected labels that could not be put on", sentence


def _rule(check: Check) -> tuple[str, str]:
    """A rule that the project declares, in its own words."""
    told = check.values
    why = told["why"].rstrip(".")
    return told["rule"], _met(check) + (f" Why it is asked: {why}." if why else "")


def _met(check: Check) -> str:
    told, rule = check.values, check.values["rule"]
    if told["problem"]:
        return f"{rule} could not be judged: {told['problem'].rstrip('.?')}."
    if "examples" not in told:
        verb = "holds" if check.outcome == "passed" else "does not hold"
        seen = f": {told['seen']} was seen" if told["seen"] is not None else ""
        return f"{rule} {verb} for {check.n:,} rows{seen}."
    if not check.value:
        return f"{rule} holds for all {check.n:,} rows."
    tolerated = ", which 'mostly' tolerates" if check.outcome == "passed" else ""
    aside = " They were set aside." if told["set_aside"] else ""
    return (
        f"{rule} is broken by {check.value:,.0f} of {check.n:,} rows{tolerated}, "
        f"for example {', '.join(told['examples'])}.{aside}"
    )


def _listed_of(examples: list[str], check: Check) -> str:
    """The examples, and how many more `check` counts."""
    more = int(float(check.value or 0)) - len(examples)
    return ", ".join(examples) + (f" and {more} more" if more > 0 else "")


def _summary(result: StageResult) -> str:
    facts = result.facts
    kept = f"{facts['rows_kept']:,} of {facts['rows_in']:,} rows kept"
    rules = [check for check in result.checks if "rule" in check.values]
    if not rules:
        return f"{kept}, no expectation declared"
    met = sum(check.outcome == "passed" for check in rules)
    return f"{kept}, {met} of {len(rules)} expectations met"


WORDS = StageWords(
    checks={
        "row_count": _row_count,
        "schema": _schema,
        "duplicate_keys": _duplicate_keys,
        "constant_columns": _constant_columns,
        "missing_values": _missing_values,
        "classes": _classes,
        "class_support": _class_support,
        "quarantined_share": _quarantined_share,
        "row_ledger": _row_ledger,
        "relabels": _relabels,
        ANY: _rule,
    },
    summary=_summary,
    tables={
        "columns": "Feature columns",
        "unused_relabels": "Corrected labels that could not be put on",
        "quarantined_rows": "Rows set aside",
    },
)
