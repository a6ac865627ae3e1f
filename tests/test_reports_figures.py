import math
import re
from typing import get_args, get_type_hints
from xml.etree import ElementTree

import pandas as pd
import pytest

from tasks.checks import Check, Figure, Table
from tasks.reports import svg
from tasks.reports.figures import draw
from tasks.reports.tables import show_table
from tasks.wording import numbers

SVG = "{http://www.w3.org/2000/svg}"


def figure(kind, **more):
    return Figure(kind=kind, title="Title", table="t", alt="What it shows.", **more)


def rows(*values):
    return pd.DataFrame(values, columns=["label", "value", "low", "high", "n"])


def words(drawing):
    return [node.text for node in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def confusion(counts):
    values = [(a, p, n) for (a, p), n in counts.items()]
    return pd.DataFrame(values, columns=["actual", "predicted", "count"])


def test_an_empty_table_gives_a_sentence():
    said = draw(figure("bars"), rows())
    assert said == "<p>Title: there is nothing to draw, the table is empty.</p>"


def test_an_interval_row_is_drawn_to_scale():
    drawing = draw(figure("intervals"), rows(("a", 0.5, 0.0, 1.0, 1200)))
    tree = ElementTree.fromstring(drawing)
    lines = [node for node in tree.iter(f"{SVG}line") if node.get("stroke-width") == "2.5"]
    low, high = float(lines[0].get("x1")), float(lines[0].get("x2"))
    dot = float(next(tree.iter(f"{SVG}circle")).get("cx"))
    assert dot == pytest.approx((low + high) / 2, abs=0.1)
    shown = words(drawing)
    assert shown[:5] == ["0.00", "0.25", "0.50", "0.75", "1.00"]
    assert shown[-3:] == ["a", "0.5", "1,200"]


def test_what_cannot_be_measured_is_said_and_not_drawn():
    drawing = draw(figure("intervals"), rows(("a", math.nan, math.nan, math.nan, 0)))
    assert "not measurable" in words(drawing)
    assert "<circle" not in drawing
    assert "nan" not in drawing


def test_a_value_without_an_interval_is_a_dot_alone():
    drawing = draw(figure("intervals"), rows(("a", 0.4, None, None, None), ("b", 0.6, 0.5, 0.7, 9)))
    assert drawing.count("<circle") == 2
    assert drawing.count('stroke-width="2.5"') == 1


def test_bars_start_at_zero_also_where_values_are_negative():
    frame = pd.DataFrame({"label": ["up", "down"], "value": [4.0, -2.0]})
    tree = ElementTree.fromstring(draw(figure("bars", unit="points"), frame))
    up, down = list(tree.iter(f"{SVG}rect"))
    assert float(down.get("x")) + float(down.get("width")) == pytest.approx(
        float(up.get("x")), abs=0.2
    )
    assert float(up.get("width")) == pytest.approx(2 * float(down.get("width")), abs=0.3)
    assert "points" in words(draw(figure("bars", unit="points"), frame))


def test_a_limit_is_a_dashed_line_with_its_number():
    drawing = draw(figure("intervals", limit=0.8), rows(("a", 0.5, 0.4, 0.6, 9)))
    assert drawing.count("stroke-dasharray") == 1
    assert "0.8" in words(drawing)
    assert "stroke-dasharray" not in draw(figure("intervals"), rows(("a", 0.5, 0.4, 0.6, 9)))


def test_shares_are_percent():
    drawing = draw(figure("intervals", unit="share of rows"), rows(("a", 0.25, 0.2, 0.3, 9)))
    assert "25.0%" in words(drawing)
    assert "20.0%" in words(drawing)


def test_many_rows_are_cut_and_it_is_said():
    many = rows(*((f"row {i}", 0.5, 0.4, 0.6, 9) for i in range(30)))
    shown = words(draw(figure("intervals"), many))
    assert "row 23" in shown
    assert "row 24" not in shown
    assert "The first 24 of 30 rows; the table has the others." in shown


def reliability(*bins):
    columns = ["mean_probability", "observed", "observed_low", "observed_high", "n"]
    return pd.DataFrame(bins, columns=columns)


def test_a_reliability_curve_stands_beside_the_diagonal():
    frame = reliability((0.25, 0.25, 0.2, 0.3, 90), (0.75, 0.5, 0.4, 0.6, 30))
    drawing = draw(figure("reliability", unit="probability of 'yes'"), frame)
    tree = ElementTree.fromstring(drawing)
    (diagonal,) = (n for n in tree.iter(f"{SVG}line") if n.get("stroke-dasharray"))
    (x1, y1), (x2, y2) = (
        (float(diagonal.get(f"x{i}")), float(diagonal.get(f"y{i}"))) for i in (1, 2)
    )
    assert x2 - x1 == pytest.approx(y1 - y2)
    on, below = ((float(c.get("cx")), float(c.get("cy"))) for c in tree.iter(f"{SVG}circle"))
    assert on == pytest.approx((x1 + (x2 - x1) / 4, y1 - (y1 - y2) / 4), abs=0.1)
    assert below[1] == pytest.approx((y1 + y2) / 2, abs=0.1)
    shown = words(drawing)
    assert {"probability of 'yes'", "90", "30", "share where it happened"} <= set(shown)
    assert "told 75% on average, happened 50% [40%, 60%], n = 30" in drawing
    tall, short = (float(bar.get("height")) for bar in tree.iter(f"{SVG}rect"))
    assert tall == pytest.approx(3 * short, abs=0.2)


def test_a_bin_without_an_interval_is_a_dot_and_an_empty_curve_a_sentence():
    drawing = draw(figure("reliability"), reliability((0.5, 0.5, math.nan, math.nan, 1)))
    assert drawing.count("<circle") == 1
    assert "nan" not in drawing
    assert "nothing to draw" in draw(figure("reliability"), reliability())


def test_a_confusion_cell_says_count_and_share_of_the_actual_class():
    drawing = draw(
        figure("confusion"),
        confusion({("no", "no"): 1406, ("no", "yes"): 18, ("yes", "no"): 3, ("yes", "yes"): 1}),
    )
    shown = words(drawing)
    assert [word for word in shown if "%" in word] == ["99%", "1%", "75%", "25%"]
    assert "1,406" in shown
    assert "1,424" in shown
    assert "yes predicted as no: 3 (75%)" in drawing


def test_a_class_without_rows_has_no_share():
    drawing = draw(figure("confusion"), confusion({("a", "a"): 4, ("a", "b"): 1}))
    assert "b predicted as b: 0 (–)" in drawing


def test_of_many_classes_the_largest_confusions_are_drawn():
    counts = {(f"c{i:02}", f"c{j:02}"): 9 if i == j else 0 for i in range(13) for j in range(13)}
    counts[("c03", "c04")] = 7
    counts[("c05", "c01")] = 8
    shown = words(draw(figure("confusion"), confusion(counts)))
    pairs = [word for word in shown if "→" in word]
    assert pairs == [
        "actual → predicted, the 2 largest among 13 classes",
        "c05 → c01",
        "c03 → c04",
    ]
    assert "8" in shown


def test_many_classes_without_a_confusion_give_a_sentence():
    counts = {(f"c{i}", f"c{i}"): 9 for i in range(13)}
    said = draw(figure("confusion"), confusion(counts))
    assert said == "<p>Title: no row was taken for another class.</p>"


@pytest.mark.parametrize("kind", ["bars", "intervals", "confusion"])
def test_markup_in_data_stays_text_and_the_text_alternative_is_there(kind):
    evil = '</text><script>alert("1")</script>&'
    frame = confusion({(evil, evil): 1}) if kind == "confusion" else rows((evil, 0.5, 0.4, 0.6, 9))
    drawing = draw(Figure(kind=kind, title=evil, table="t", alt=evil, unit=evil), frame)
    assert "<script" not in drawing
    tree = ElementTree.fromstring(drawing)
    assert tree.get("role") == "img"
    assert tree.find(f"{SVG}title").text == evil
    assert tree.find(f"{SVG}desc").text == evil


def full_figure(kind):
    """A figure of the kind with everything in it: several rows, a limit, an interval, a unit."""
    frames = {
        "confusion": confusion({("a", "a"): 8, ("a", "b"): 2, ("b", "a"): 3, ("b", "b"): 7}),
        "intervals": rows(("a", 0.5, 0.4, 0.6, 9), ("b", 0.7, 0.6, 0.9, 9)),
        "bars": rows(("a", 0.5, 0.4, 0.6, 9), ("b", 0.7, 0.6, 0.9, 9)),
        "reliability": reliability((0.25, 0.25, 0.2, 0.3, 90), (0.75, 0.5, 0.4, 0.6, 30)),
    }
    more = {} if kind in ("confusion", "reliability") else {"limit": 0.6, "unit": "share of rows"}
    return ElementTree.fromstring(draw(figure(kind, **more), frames[kind]))


KINDS = get_args(get_type_hints(Figure)["kind"])


def shape_of(node):
    """The colour that a shape is drawn in, and all else that tells its form but its place."""
    style = dict(part.split(":", 1) for part in node.get("style", "").split(";") if ":" in part)
    colour = style.get("fill") or style.get("stroke")
    places = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "style"}
    form = {name: value for name, value in node.items() if name not in places}
    return colour, (node.tag, *sorted(form.items()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_figure_has_a_text_alternative(kind):
    tree = full_figure(kind)
    assert tree.get("role") == "img"
    assert tree.find(f"{SVG}title").text == "Title"
    assert tree.find(f"{SVG}desc").text == "What it shows."
    assert tree.get("aria-label") == "Title. What it shows."


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_a_figure_is_told_by_colour_alone(kind):
    shapes = [
        shape_of(node)
        for name in ("rect", "circle", "line")
        for node in full_figure(kind).iter(f"{SVG}{name}")
    ]
    bright = {svg.ACCENT, svg.WARM}
    assert {colour for colour, _ in shapes} & bright
    for one, form in shapes:
        others = {colour for colour, same in shapes if same == form and colour != one}
        assert not (others and bright & {one, *others}), (one, others, form)


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_a_figure_are_large_enough_on_a_telephone(kind):
    tree = full_figure(kind)
    # A page of 400 pixels leaves 364 to a drawing; a wide one keeps its size and is scrolled.
    scale = 364 / float(tree.get("width")) if tree.get("class") != "wide" else 1
    sizes = [float(node.get("font-size")) for node in tree.iter(f"{SVG}text")]
    assert min(sizes) * scale >= 9


def test_a_hit_and_an_error_differ_by_a_frame():
    cells = list(full_figure("confusion").iter(f"{SVG}rect"))
    assert [node.get("stroke") is not None for node in cells] == [True, False, False, True]


def test_colours_follow_the_page():
    drawing = draw(figure("bars"), rows(("a", 0.5, 0.4, 0.6, 9)))
    colours = set(re.findall(r"(?:fill|stroke):([^;\"]+)", drawing))
    assert all(colour == "currentColor" or colour.startswith("var(--") for colour in colours)


def test_a_long_name_is_cut_in_the_middle_so_that_its_end_stays():
    assert svg.cut("temperature_1 & day=7", 12 * 7) == "temper…day=7"
    assert svg.wrapped("short", 100) == ["short"]
    assert len(svg.wrapped("x" * 300, 100)) == 2


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2381, "2,381"),
        (2381.0, "2,381"),
        (1234.56, "1,235"),
        (999.7, "1,000"),
        (12.345, "12.3"),
        (0.46712, "0.467"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (0.0000123, "1.2e-5"),
        (math.nan, "not measurable"),
        (math.inf, "not measurable"),
        (None, "–"),
        (True, "yes"),
        ("text", "text"),
    ],
)
def test_a_number_as_it_is_written(value, written):
    assert numbers.number(value) == written


def test_an_estimate_is_as_precise_as_its_interval_is_narrow():
    assert numbers.estimate(0.4213, 0.3567, 0.4911) == "0.42 [0.36, 0.49]"
    assert numbers.estimate(0.4213, 0.4182, 0.4243) == "0.4213 [0.4182, 0.4243]"
    assert numbers.estimate(0.0256, 0.02, 0.0327, percent=True) == "2.6% [2.0%, 3.3%]"
    assert numbers.estimate(0.065, 0.004, 0.131) == "0.065 [0.004, 0.131]"
    assert numbers.estimate(math.nan, 0.1, 0.2) == "not measurable"


def checked(**values):
    words = {"title": "Recall", "severity": "critical", "outcome": "failed", "detail": "Too low."}
    return numbers.check_numbers(Check(id="a.b", stage="a", **{**words, **values}))


def test_a_value_that_misses_its_limit_never_looks_like_it():
    assert checked(value=0.7996, limit=0.8).value == "0.7996"
    assert checked(value=0.7996, limit=0.8, interval=(0.7, 0.9)).value == "0.7996"
    assert checked(value=0.8, limit=0.8, outcome="passed").value == "0.8"


def test_shares_in_checks_are_percent_and_ratios_are_not():
    assert checked(title="Share of rows", value=0.0312, limit=0.01).value == "3.12%"
    assert checked(title="Ratio of selection rates", value=0.31, limit=0.8).value == "0.31"
    assert checked(title="Share of rows", value=math.nan, limit=0.01).value == "not measurable"
    assert checked(value=None) == numbers.Written("", "", "", "")


def shown(frame, limit=10):
    table = show_table(Table(title="T", frame=frame), limit)
    return [c.name for c in table.columns], [[cell.text for cell in row] for row in table.rows]


def test_a_table_joins_a_value_and_its_interval_in_one_cell():
    frame = pd.DataFrame(
        {
            "class": ["no", "yes"],
            "f1": [0.9, math.nan],
            "f1_low": [0.85, math.nan],
            "f1_high": [0.95, math.nan],
            "error_rate": [0.1, 0.05],
            "low": [0.05, 0.02],
            "high": [0.2, 0.1],
        }
    )
    names, cells = shown(frame)
    assert names == ["class", "f1", "error rate"]
    assert cells == [
        ["no", "0.90 [0.85, 0.95]", "10% [5%, 20%]"],
        ["yes", "not measurable", "5% [2%, 10%]"],
    ]


def test_a_table_shows_its_named_index_and_shortens_hashes_and_long_text():
    index = pd.Index(["ab" * 32], name="row_key")
    frame = pd.DataFrame(
        {"text": ["x" * 500], "year": [1990], "ok": [True], "gone": [None]}, index=index
    )
    names, cells = shown(frame)
    assert names == ["row key", "text", "year", "ok", "gone"]
    assert cells == [["abababababab…", "x" * 400 + "…", "1990", "yes", "–"]]


def test_a_table_is_cut_and_keeps_its_total():
    table = show_table(Table(title="T", frame=pd.DataFrame({"n": range(70)})), 50)
    assert len(table.rows) == 50
    assert table.total == 70
    assert show_table(Table(title="T", frame=pd.DataFrame()), 50).rows == ()


def test_counts_have_thousands_and_numbers_that_are_names_do_not():
    frame = pd.DataFrame({"rows": [1275], "line": [1275], "share": [0.1234], "value": [1275.5]})
    assert shown(frame)[1] == [["1,275", "1275", "12.3%", "1,276"]]
