"""The tagging page and table: nothing is taken for markup; tags ticked in a browser are read."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from browser import find_chromium, open_browser, wait_for

from tasks.project.roles import Roles
from tasks.reports.tagging import render_tagging, tagging_table
from tasks.tagging.answers import read_answers, take_answers
from tasks.tagging.exports import draw_export

EVIL = "<script>alert('1')</script>\"&"


def shown(tags=("blur", EVIL), said=None):
    """An export of 6 errors and 14 right answers with everything that is shown of it."""
    keys = [f"k{n:02d}" for n in range(20)]
    wrong = pd.Series([True] * 6 + [False] * 14, index=keys)
    about = {"run_id": "r1", "project": "p"}
    export = draw_export(wrong, count=20, seed=1, tags=tags, earlier=(), about=about)
    roles = Roles(target="y", positive_class="a", text=(EVIL,), numeric=("n",))
    rows = pd.DataFrame({EVIL: [EVIL, "=1+1"] * 10, "n": [1.25, np.nan] * 10}, index=keys)
    outcome = pd.DataFrame(
        {
            "true_label": np.where(wrong, EVIL, "a"),
            "predicted_label": "a",
            "probability": [0.875, np.nan] * 10,
        },
        index=keys,
    )
    return export, rows, outcome, roles, said or {}


def test_values_tags_columns_and_labels_are_escaped():
    page = render_tagging(*shown(said={"k00": {EVIL: True}}))
    assert page.count("<script") == 1
    assert "alert('1')" not in page
    assert "&lt;script&gt;" in page
    assert page == render_tagging(*shown(said={"k00": {EVIL: True}}))


def test_the_page_asks_for_nothing_and_runs_its_own_script_only():
    page = render_tagging(*shown())
    assert "default-src 'none'" in page
    assert "script-src 'sha256-" in page
    assert "://" not in page
    assert "6 of the 6 errors and 14 of the 14 right answers" in page


def test_the_table_has_a_column_for_each_tag_and_computes_nothing():
    table = tagging_table(*shown(said={"k00": {"blur": True, EVIL: False}}))
    header, *lines = csv.reader(io.StringIO(table))
    assert header[:2] == ["export", "row_key"]
    assert header[2:] == [
        *("feature n", f"feature {EVIL}", "true_label", "predicted_label", "probability"),
        *("tagged before", f"tag: {EVIL}", "tag: blur"),
    ]
    by_key = {line[1]: line for line in lines}
    assert by_key["k00"][2:] == ["1.25", EVIL, EVIL, "a", "0.875", "blur", "", ""]
    assert by_key["k01"][2:] == ["(missing)", "'=1+1", EVIL, "a", "(missing)", "", "", ""]


@pytest.fixture
def browser(tmp_path):
    find_chromium()
    with open_browser(tmp_path / "profile") as page:
        yield page


def test_tags_given_in_a_browser_are_saved_and_read(browser, tmp_path):
    export, *rest, _ = shown(tags=("blur", "far"))
    keys = [row.key for row in export.rows]
    page = tmp_path / "tags.html"
    page.write_text(render_tagging(export, *rest, {keys[4]: {"blur": True, "far": False}}))
    saved = tmp_path / "saved"
    browser._send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    browser.open(page.as_uri())
    browser.wait("document.querySelectorAll('#boxes input').length === 2")

    def press(*names):
        for name in names:
            browser.run(f"document.dispatchEvent(new KeyboardEvent('keydown', {{key: '{name}'}}))")

    def text(name):
        return browser.run(f"document.getElementById('{name}').textContent")

    def add(tag):
        browser.run(f"document.getElementById('new').value = `{tag}`")
        browser.run("document.querySelector('#add button').click()")

    browser.run(
        "(who => {who.value = '=Ada'; who.dispatchEvent(new Event('input'))})"
        "(document.getElementById('who'))"
    )
    press("1", "ArrowRight", "0", "ArrowRight")
    assert text("count") == "2 of 20 answered"
    # Row 3: far and, found here, a tag that is also markup; row 4: a slip that is taken back.
    press("2")
    add("  <b>odd</b>   =1 ")
    assert text("said") == "Answered: far, <b>odd</b> =1."
    assert text("count") == "3 of 20 answered (2 to see again)"
    press("ArrowRight")
    add("slip")
    press("4")
    assert text("count") == "3 of 20 answered (2 to see again)"
    press("ArrowRight")
    assert text("said") == "Tagged before: blur, far (no). Confirm or change it."
    press("0")
    # The next unanswered is row 6, and after the others row 1, which has a tag to see again.
    press("n")
    assert browser.run("document.querySelector('.item:not([hidden]) .place').textContent") == (
        "Row 6 of 20"
    )
    press(*["ArrowLeft"] * 5)
    assert text("said") == "Not answered here yet: <b>odd</b> =1."
    press("0")
    assert text("said") == "Answered: blur."
    assert text("count") == "4 of 20 answered (1 to see again)"
    # What was answered is there again after the page was closed.
    browser.run("window.before = true")
    browser.open(page.as_uri())
    browser.wait(
        "window.before === undefined && document.getElementById('count')?.textContent === "
        "'4 of 20 answered (1 to see again)'"
    )
    browser.run("document.getElementById('save').click()")
    path = saved / f"tags-{export.id}.csv"
    wait_for(path.exists)
    answers = read_answers(path)
    odd = "<b>odd</b> =1"
    assert {one.design for one in answers} == {export.id}
    assert {one.key: one.said for one in answers} == {
        keys[0]: {"blur": True, "far": False, odd: False},
        keys[1]: {"blur": False, "far": False},
        keys[2]: {"blur": False, "far": True, odd: True},
        keys[4]: {"blur": True, "far": False, odd: False},
    }
    assert {one.who for one in answers} == {"=Ada"}
    assert len(take_answers(answers, export, (), name="x", when="t", revise=False)) == 11
