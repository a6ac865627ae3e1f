"""What a person does with `assayline up` in the Prefect UI: a real browser on real servers.

The pages are those that the links of `up` lead to. Screenshots go to `tests/.screenshots/`.
"""

import json
import sqlite3
from pathlib import Path

import pytest
from browser import find_chromium, open_browser, wait_for
from conftest import small_rows
from served import ENDS, Served

from flows.services.locks import project_turn
from tasks.stage_specs import stage_names

SCREENSHOTS = Path(__file__).parent / ".screenshots"
NIGHTLY = """
schedule:
  cron: "0 2 * * *"
  timezone: Europe/Berlin
  on_new_data: true
  on_alarm: true
  overlap: skip
validation:
  expectations:
    - type: expect_column_values_to_be_between
      kwargs: {column: age, min_value: 0, max_value: 120}
"""
PRESS = "[...document.querySelectorAll('button')].find(b => b.textContent.trim() == '%s')"
FIELD = """[...document.querySelectorAll('.schema-form-property')].find(field =>
  field.querySelector('.schema-form-property__label').textContent.trim().startsWith('%s'))"""
SET = """((control, value) => {
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(control), 'value').set.call(control, value);
  control.dispatchEvent(new Event('input', {bubbles: true}));
  control.dispatchEvent(new Event('change', {bubbles: true}));
})"""
TEXT = "(document.body ? document.body.innerText : '')"
# The smallest part of the page that holds the words, and whether all of it is in sight.
IN_SIGHT = """(words => [...document.querySelectorAll('body *')]
  .filter(part => part.children.length == 0 && part.textContent.includes(words))
  .some(part => {
    const box = part.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= window.innerHeight;
  }))"""
SWITCH = "document.querySelector('[role=switch]')"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    find_chromium()
    # What a run says is on its page at once: else it waits two seconds for more to send with it.
    soon = {"PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.2"}
    place = Served(tmp_path_factory.mktemp("seen"), "seen", NIGHTLY, **soon)
    small_rows().assign(age=-5).to_csv(place.project.with_name("broken.csv"), index=False)
    with place.up() as process:
        place.printed = process.printed
        yield place


@pytest.fixture(scope="module")
def page(place, tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        page.resize(1400, 1000)
        yield page


@pytest.fixture(scope="module")
def deployment(place):
    """The address that `up` prints for the project."""
    (line,) = [line for line in place.printed.splitlines() if line.startswith("Project ")]
    return line.split(": ")[-1]


@pytest.fixture(scope="module")
def ended(place):
    """Runs by what came of them; the first two while another run has its turn."""
    with project_turn(place.home, "seen", lambda: False) as taken:
        assert taken
        met = start_as_scheduled(place)
        outside = place.start_run(overrides=["source.path=/etc/passwd"])
        assert place.outcome(met) == "Skipped"
        place.wait(outside, "Failed")
    runs = {"Skipped": met, "Failed": outside}
    for name, overrides in {
        "Promoted": [],
        "Refused": ["source.path=broken.csv"],
        "Rejected": ["audit.floors=[{metric: accuracy, minimum: 0.99}]"],
        "Unchanged": [],
    }.items():
        runs[name] = place.start_run(overrides=overrides)
        assert place.outcome(runs[name]) == name
    return runs


def start_as_scheduled(place):
    """A run that counts as one of the schedule, whose own next one is at night."""
    flow_run = place.start_run()
    database = sqlite3.connect(place.home / "prefect" / "prefect.db", timeout=60)
    with database:
        said = database.execute("UPDATE flow_run SET auto_scheduled = 1 WHERE id = ?", (flow_run,))
        assert said.rowcount == 1
    database.close()
    return flow_run


def press(page, name, until, within="", **more):
    page.press(PRESS.replace("'button'", f"'{within} button'") % name, until, **more)


def open_run(page, place, flow_run):
    page.open(f"http://127.0.0.1:{place.port}/runs/flow-run/{flow_run}")
    page.wait(f"location.href.includes('{flow_run}')")


def by_hand(place):
    """The runs that nobody's schedule asked for."""
    return [run for run in place.flow_runs() if not run["auto_scheduled"]]


def test_the_form_explains_its_fields_refuses_and_starts_a_run(place, page, deployment):
    page.open(f"{deployment}/run")
    page.wait(PRESS % "Add item")
    shown = {name: page.run(f"({FIELD % name}).innerText") for name in ("project", "intent")}
    assert "Path of the project file, on the machine of the worker." in shown["project"]
    assert "refresh, not worse, for a model of newer data" in shown["intent"]
    choices = f"[...({FIELD % 'intent'}).querySelectorAll('option')].map(o => o.textContent.trim())"
    assert page.run(choices) == ["as declared", "improve", "refresh"]
    overrides = FIELD % "overrides"
    assert "section.key=value, for example gate.min_gain=0.02" in page.run(
        f"({overrides}).innerText"
    )

    item = f"({overrides}).querySelector('textarea')"
    press(page, "Add item", item)
    page.run(f"{SET}({item}, 'gate.min_gain')")
    page.wait(f"{item}.value == 'gate.min_gain'")
    refused = f"({overrides}).innerText.includes(\"'gate.min_gain' does not match '.+=.*'\")"
    press(page, "Submit", refused)
    page.screenshot(SCREENSHOTS / "form-refused.png")
    assert by_hand(place) == []

    page.run(f"{SET}({item}, 'gate.nonsense=1')")
    unknown = f"({overrides}).innerText.includes('with a key that a project file can have')"
    press(page, "Submit", f"{unknown} && !{refused}")
    page.screenshot(SCREENSHOTS / "form-unknown-key.png")
    assert by_hand(place) == []

    page.run(f"{SET}({item}, 'gate.min_gain=0.02')")
    page.run(f"{SET}(({FIELD % 'intent'}).querySelector('select'), 'refresh')")
    page.wait(f"!({overrides}).innerText.includes('a project file can have')")
    page.screenshot(SCREENSHOTS / "form-filled.png")
    press(page, "Submit", "!location.pathname.endsWith('/run')", may=lambda: not by_hand(place))
    (run,) = by_hand(place)
    assert run["parameters"] == {
        "project": str(place.project),
        "intent": "refresh",
        "overrides": ["gate.min_gain=0.02"],
    }
    watch_and_cancel(place, page, run["id"])


def watch_and_cancel(place, page, flow_run):
    """The page of a run at work: its graph, its lines, and the button that ends it."""
    wait_for(lambda: place.told(flow_run, "ingestion took"))
    process = place.process_of(flow_run)
    # However slow the browser is, the run is at work when its button is pressed.
    process.suspend()
    try:
        open_run(page, place, flow_run)
        page.wait(f"document.querySelector('canvas') && {TEXT}.includes('ingestion took')")
        page.screenshot(SCREENSHOTS / "run-at-work.png")
        confirm = PRESS.replace("'button'", "'[role=dialog] button'") % "Confirm"
        press(page, "Cancel", confirm)
        press(page, "Confirm", f"!{confirm}", within="[role=dialog]")
        place.wait(flow_run, "Cancelling", "Cancelled")
    finally:
        process.resume()
    place.wait(flow_run, "Cancelled")
    page.wait(f"{TEXT}.includes('Cancelled') && !({PRESS % 'Cancel'})")
    page.screenshot(SCREENSHOTS / "run-cancelled.png")
    process.wait()
    (journal,) = place.journals()
    assert (journal["prefect_flow_run_id"], journal["status"]) == (flow_run, "failed")
    assert not list((place.home / "present").iterdir())
    assert [path for path in (place.home / "evidence").rglob(".*") if path.is_dir()] == []
    assert not list((place.home / "ledger").glob("seen.jsonl"))


def test_the_switch_pauses_the_schedule_and_sets_it_going(place, page, deployment):
    def active():
        return [schedule["active"] for schedule in place.deployment()["schedules"]]

    page.open(deployment)
    page.wait(f"{SWITCH} && {TEXT}.includes('at 0 2 * * * (Europe/Berlin)')")
    page.wait(f"{SWITCH}.ariaChecked == 'true' && {TEXT}.includes('Next Run')")
    page.screenshot(SCREENSHOTS / "schedule-active.png")
    assert active() == [True]
    page.run(f"{SWITCH}.click()")
    wait_for(lambda: active() == [False])
    page.wait(f"{SWITCH}.ariaChecked == 'false'")
    page.screenshot(SCREENSHOTS / "schedule-paused.png")
    page.run(f"{SWITCH}.click()")
    wait_for(lambda: active() == [True])


def test_the_log_of_a_run_names_each_stage_once(place, page, ended):
    open_run(page, place, ended["Promoted"])
    page.resize(1400, 3000)
    last = "ended with exit code 0: Promote"
    page.wait(f"{TEXT}.includes({json.dumps(last)})")
    page.screenshot(SCREENSHOTS / "run-log.png")
    shown = page.run(TEXT)
    page.resize(1400, 1000)
    told = {s: shown.count(f"{s} took") + shown.count(f"{s} was taken from") for s in stage_names()}
    assert told == dict.fromkeys(stage_names(), 1)
    assert "Finished in state Completed()" not in shown


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("Failed", "the data file /etc/passwd is outside of the folders that this worker reads"),
        ("Refused", "`age`: values to be between (min_value 0, max_value 120) is broken by 600"),
    ],
)
def test_why_a_run_failed_is_in_sight(place, page, ended, state, sentence):
    open_run(page, place, ended[state])
    page.wait(f"{TEXT}.includes('Finished in state Failed')")
    page.screenshot(SCREENSHOTS / f"run-{state.lower()}.png")
    assert page.run(f"{IN_SIGHT}({json.dumps(sentence)})")
    assert "Traceback" not in page.run(TEXT)
    assert sentence in place.flow_run(ended[state])["state"]["message"]


VERDICTS = ("promote v1", "reject v1", "promote v1 unchanged", "refused")


def test_the_list_of_runs_tells_what_came_of_each(place, page, ended):
    page.open(f"http://127.0.0.1:{place.port}/runs")
    page.wait(f"{json.dumps(VERDICTS)}.every(verdict => {TEXT}.includes(verdict))")
    page.resize(1400, 1600)
    page.screenshot(SCREENSHOTS / "runs.png")
    page.resize(1400, 1000)
    states = {run["state"]["name"] for run in place.flow_runs()}
    assert states - {"Scheduled"} == {"Completed", "Failed", "Cancelled"} <= set(ENDS)


def test_the_page_of_a_deployment_lists_every_run_that_has_ended(place, page, deployment, ended):
    page.resize(1400, 1600)
    page.open(deployment)
    page.wait(f"{json.dumps(VERDICTS)}.every(verdict => {TEXT}.includes(verdict))")
    page.screenshot(SCREENSHOTS / "deployment-runs.png")
    page.resize(1400, 1000)


def test_a_name_that_a_person_typed_stays(place, ended):
    made = place.ask(
        f"/deployments/{place.deployment()['id']}/create_flow_run",
        {"name": "my retrain after incident 42", "state": {"type": "SCHEDULED"}},
    )
    assert place.outcome(made["id"]) == "Unchanged"
    run = place.flow_run(made["id"])
    assert run["name"] == "my retrain after incident 42"
    assert {"verdict:promote", "unchanged"} <= set(run["tags"])


def test_what_starts_a_run_by_itself_is_listed(place, page):
    page.open(f"http://127.0.0.1:{place.port}/automations")
    page.wait(
        f"{TEXT}.includes('seen: run on new data') && {TEXT}.includes('seen: run on an alarm')"
    )
    page.screenshot(SCREENSHOTS / "automations.png")
    pool = place.deployment()["work_pool_name"]
    page.open(f"http://127.0.0.1:{place.port}/work-pools/work-pool/{pool}")
    page.wait(f"{TEXT}.includes('{pool}') && {TEXT}.includes('Workers')")
    page.screenshot(SCREENSHOTS / "work-pool.png")
