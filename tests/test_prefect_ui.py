"""What a person reads of a run in the Prefect UI, in a real browser: both of its UIs.

Screenshots go to `tests/.screenshots/`, to be looked at. Markup is planted in a category and in the
name of a column: it stays text on every page that a person opens.
"""

import contextlib
import io
import json
import time
from dataclasses import asdict
from pathlib import Path

import httpx
import numpy as np
import pytest
from browser import colours, find_chromium, open_browser, wait_for
from conftest import HOME, PORT, free_port, small_rows, write_small

from flows.cli import main
from flows.runs.presence import Process
from flows.services.pages import serve_pages
from tasks.stage_specs import stage_names

SCREENSHOTS = Path(__file__).parent / ".screenshots"
UIS = {"v1": f"http://127.0.0.1:{PORT}", "v2": f"http://127.0.0.1:{PORT}/v2"}
EVIL = "<script>window.hacked=1</script>"
COLUMN = f"{EVIL} col|umn"
CATEGORIES = (EVIL, "so|uth](x) *e*")
PROJECT = f"""
name: small
source: rows.csv
target: bought
positive_class: yes
features: {{numeric: [age, income], categorical: [city, "{COLUMN}"]}}
labels: {{max_issue_share: 0.9}}
training:
  metric: roc_auc
  candidates:
    - name: tree
      estimator: sklearn.tree.DecisionTreeClassifier
      params: {{max_depth: 6}}
slices: [city, "{COLUMN}"]
audit:
  min_support: 20
  floors:
    - {{metric: accuracy, minimum: 0.1, slice: city}}
    - {{metric: accuracy, minimum: 0.1, slice: "{COLUMN}"}}
gate: {{replicates: 200}}
"""
# What the page shows as text: without scripts, whose text nobody sees.
TEXT = """(() => {
  if (!document.body) return '';
  const page = document.body.cloneNode(true);
  page.querySelectorAll('script, style').forEach(part => part.remove());
  return page.textContent;
})()"""
PLANTED = "[...document.scripts].some(script => script.text.includes('hacked'))"
IMAGES = """[...document.querySelectorAll('img[src^="data:image/svg+xml"]')]
  .map(image => [image.alt, image.naturalWidth, image.clientWidth, image.clientHeight])"""
HREF = "[...document.querySelectorAll('a')].find(a => a.textContent.trim() == '{}')?.href"
PRESS_TAB = """(() => {
  const tab = [...document.querySelectorAll('[role=tab], .p-tab')]
    .find(tab => tab.textContent.trim() == '%s');
  tab.dispatchEvent(new MouseEvent('mousedown', {bubbles: true}));
  tab.click();
})()"""


def evil_rows():
    """Customers of whom those with the planted values answer more at random than the others."""
    rows = small_rows(800)
    random = np.random.default_rng(5)
    rows["city"] = random.choice(CATEGORIES, len(rows))
    rows[COLUMN] = random.choice(["a", "b"], len(rows))
    odd = (rows["city"] == EVIL) & (rows[COLUMN] == "a") & (random.random(len(rows)) < 0.25)
    return rows.assign(bought=np.where(odd, random.choice(["yes", "no"], len(rows)), rows.bought))


def command(*words):
    """The document that a command prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main([*map(str, words), "--json"])
    return json.loads(printed.getvalue())


class Shown:
    """A champion's run, one after it whose page is served at `pages`, and what was made of them."""

    def __init__(self, folder, pages):
        self.project = write_small(folder, "seen_in_prefect", PROJECT, evil_rows())
        self.champion = command("run", self.project)
        assert self.champion["verdict"] == "promote"
        text = self.project.read_text()
        text = text.replace("max_depth: 6", "max_depth: 5").replace("minimum: 0.1", "minimum: 0.99")
        self.project.write_text(text)
        record = {"addresses": {"pages": pages}, "process": asdict(Process.this())}
        (HOME / "server.json").write_text(json.dumps(record))
        try:
            self.run = command("run", self.project)
        finally:
            (HOME / "server.json").unlink()
        review = command("labels", "review", self.project, "--count", 20)
        tags = command("tag", "export", self.project, "--count", 20)
        self.addresses = {
            "decision": f"{pages}/runs/{self.run['run_id']}",
            "file": Path(self.run["report"]).as_uri(),
            "review": Path(review["page"]).as_uri(),
            "tags": Path(tags["page"]).as_uri(),
        }

    def artifact(self, name, run=None):
        """The id of an artifact of a run; of the second one unless told."""
        wanted = {
            "artifacts": {"key": {"any_": [f"seen--in--prefect-{name}"]}},
            "flow_runs": {"id": {"any_": [(run or self.run)["prefect_flow_run_id"]]}},
        }
        found = httpx.post(f"{UIS['v1']}/api/artifacts/filter", json=wanted, timeout=120).json()
        assert len(found) == 1
        return found[0]["id"]


@pytest.fixture(scope="module")
def shown(prefect_server, tmp_path_factory):
    find_chromium()
    pages = serve_pages(HOME, "127.0.0.1", free_port(), lambda: [], None)
    try:
        yield Shown(tmp_path_factory.mktemp("shown"), pages.address)
    finally:
        pages.stop()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    find_chromium()
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def open_artifact(page, ui, artifact):
    page.resize(1400, 2400)
    page.open(f"{UIS[ui]}/artifacts/artifact/{artifact}")
    drawn = f"{IMAGES}.length > 0 && {IMAGES}.every(([, width]) => width > 0)"
    ready = f"location.href.includes('{artifact}') && {HREF.format('Decision page')} && {drawn}"

    def at_rest():
        # The second UI draws its Markdown again when more of the run has come.
        before = page.run(TEXT)
        time.sleep(0.5)
        return page.run(f"Boolean({ready})") and page.run(TEXT) == before

    wait_for(at_rest)


def must_be_text(page, *planted):
    text = page.run(TEXT)
    assert [words for words in planted if words not in text] == []
    assert page.run("typeof window.hacked") == "undefined"
    assert not page.run(PLANTED)


@pytest.mark.parametrize("ui", UIS)
def test_the_page_of_a_run_names_its_stages_and_its_artifacts(shown, page, ui):
    page.resize(1400, 1200)
    page.open(f"{UIS[ui]}/runs/flow-run/{shown.run['prefect_flow_run_id']}")
    page.wait("document.querySelector('canvas')")
    # The graph is painted, so that its words are no text of the page: it has to be looked at.
    # Between its scale above and its events below, an empty one has four colours.
    inner = "(({x, y, width, height}) => [x, y + 40, x + width, y + height * 0.8])"
    area = page.run(f"{inner}(document.querySelector('canvas').getBoundingClientRect())")
    wait_for(lambda: colours(page.picture().crop([int(edge) for edge in area])) > 300)
    page.screenshot(SCREENSHOTS / f"run-{ui}.png")
    page.wait(PRESS_TAB.replace("tab.click();", "tab.click(); return true;") % "Task Runs")
    page.wait(f"{json.dumps(stage_names())}.every(stage => {TEXT}.includes(stage))")
    page.run(PRESS_TAB % "Artifacts")
    page.wait(f"{TEXT}.includes('seen--in--prefect-decision')")
    page.wait(f"{TEXT}.includes('columns searched, no suspect')")
    page.screenshot(SCREENSHOTS / f"artifacts-{ui}.png")
    must_be_text(page)


@pytest.mark.parametrize("ui", UIS)
def test_the_decision_is_read_with_its_numbers_its_figure_and_its_links(shown, page, ui):
    open_artifact(page, ui, shown.artifact("decision"))
    page.screenshot(SCREENSHOTS / f"decision-{ui}.png")
    must_be_text(page, EVIL, COLUMN, "✕ Reject: the candidate, version 2, does not ship")
    names = "[...document.querySelectorAll('td:first-child')].map(cell => cell.innerText.trim())"
    assert page.run(names)[:2] == ["roc_auc on test, candidate", "roc_auc on test, champion 1"]
    ((alt, _, width, height),) = page.run(IMAGES)
    assert alt == "gain of the candidate in roc_auc over each model, with 97 % intervals"
    assert min(width, height) > 80
    assert page.run(HREF.format("Decision page")) == shown.addresses["decision"]
    address, _, view = page.run(HREF.format("MLflow run")).partition("?")
    assert address.endswith(f"/runs/{shown.run['mlflow_run_id']}")
    assert view == "workflowType=machine_learning"
    champion = page.run(HREF.format("The champion's run in Prefect").replace("'s", "\\'s"))
    assert champion.endswith(f"/runs/flow-run/{shown.champion['prefect_flow_run_id']}")


def test_without_up_the_page_is_linked_to_where_mlflow_shows_it(shown, page):
    open_artifact(page, "v2", shown.artifact("decision", shown.champion))
    place = f"/runs/{shown.champion['mlflow_run_id']}/artifacts/decision.html"
    address, _, view = page.run(HREF.format("Decision page")).partition("?")
    assert address.endswith(place)
    assert view == "workflowType=machine_learning"
    assert page.run("[...document.links].filter(a => a.protocol == 'file:').length") == 0


@pytest.mark.parametrize("ui", UIS)
@pytest.mark.parametrize("stage", ["error-analysis", "performance-audit"])
def test_a_stage_is_read_with_its_figures_and_tables(shown, page, ui, stage):
    open_artifact(page, ui, shown.artifact(stage))
    page.screenshot(SCREENSHOTS / f"{stage}-{ui}.png")
    must_be_text(page, EVIL, COLUMN)
    images = page.run(IMAGES)
    assert len(images) >= 3
    assert min(size for _, *sizes in images for size in sizes) > 80
    assert page.run("document.querySelectorAll('table tr').length") > 10


@pytest.mark.parametrize("name", ["decision", "file", "review", "tags"])
def test_planted_markup_is_text_on_the_pages_for_people(shown, page, name):
    page.resize(1200, 1600)
    page.open(shown.addresses[name])
    here = f"location.href == {json.dumps(shown.addresses[name])}"
    page.wait(f"{here} && {TEXT}.includes({json.dumps(COLUMN)})")
    page.screenshot(SCREENSHOTS / f"page-{name}.png")
    must_be_text(page, EVIL, COLUMN)
