"""The signature by the form of the Prefect UI: real server, real worker, real browser."""

import json

import pytest
from browser import open_browser, wait_for
from mlflow import MlflowClient
from served import Served

BUTTON = "[...document.querySelectorAll('{0}button')].find(b => b.textContent.trim() == '{1}')"
FORM = "document.querySelector('[role=dialog] .schema-form-property')"
FILL = """(answers => {
  const fields = [...document.querySelectorAll('[role=dialog] .schema-form-property')];
  for (const [name, value] of Object.entries(answers)) {
    const named = (f) => f.querySelector('.schema-form-property__label').textContent.trim();
    const control = fields.find((f) => named(f) == name).querySelector('select, textarea');
    const prototype = Object.getPrototypeOf(control);
    Object.getOwnPropertyDescriptor(prototype, 'value').set.call(control, value);
    control.dispatchEvent(new Event('input', {bubbles: true}));
    control.dispatchEvent(new Event('change', {bubbles: true}));
  }
})"""


class Place(Served):
    """A home whose runs are signed, with its servers and its worker."""

    def __init__(self, folder):
        super().__init__(folder, "signed", "approval: {mode: approve}\n")

    def entries(self):
        lines = (self.home / "ledger" / "signed.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def form(self):
        """The flow run that asks, once there is one."""
        asked = {"flows": {"name": {"any_": ["assayline-approval"]}}}
        found = self.ask("/flow_runs/filter", asked)
        return found[0] if found else None

    def wait_for_form(self, state, turn=None):
        def there():
            form = self.form()
            if form is None or form["state"]["name"] != state:
                return None
            key = form["state"]["state_details"]["pause_key"]
            return form if turn is None or key == f"turn-{turn}" else None

        return wait_for(there)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def open_form(page, place, form):
    page.open(f"http://127.0.0.1:{place.port}/runs/flow-run/{form['id']}")
    page.press(BUTTON.format("", "Resume"), FORM)


def submit(page, until):
    page.press(BUTTON.format("[role=dialog] ", "Submit"), until)


def answer(page, **values):
    """Fill in the form and submit it; its fields take what was typed a moment later."""
    page.run(f"{FILL}({json.dumps(values)})")
    submit(page, f"!{FORM}")


def text_of(page):
    return page.run("document.querySelector('[role=dialog]').innerText")


def test_a_form_in_the_browser_signs_a_run(place, tmp_path):
    with open_browser(tmp_path / "profile") as page:
        with place.up():
            done = place.run("run", str(place.project), "--json")
            run = json.loads(done.stdout)
            assert (done.returncode, run["verdict"]) == (5, "promote")
            form = place.wait_for_form("Suspended", turn=1)
            assert form["name"] == f"signed/{run['run_id']}"

            empty = place.http.post(f"{place.api}/flow_runs/{form['id']}/resume", json={})
            assert empty.json()["status"] == "REJECT"
            open_form(page, place, form)
            submit(page, f"{FORM}?.closest('[role=dialog]').innerText.includes('is a required')")
            shown = text_of(page)
            assert [
                f"'{name}' is a required property" in shown
                for name in ("decision", "name", "reason", "verdict")
            ] == [True] * 4
            assert "Shall version 1, in place of no version, be the champion of signed?" in shown
            assert run["verdict_hash"][:8] not in shown

            values = {"Decision": "approve", "Name": "Ada", "Reason": "the gain is real"}
            answer(page, **values, Verdict="00000000")
            place.wait_for_form("Suspended", turn=2)
        assert [entry["action"] for entry in place.entries()] == ["pending"]

        with place.up():
            open_form(page, place, form)
            told = "Nothing was signed: the verdict of run"
            page.wait(f"document.querySelector('[role=dialog]').innerText.includes('{told}')")
            answer(page, **values, Verdict=run["verdict_hash"][:8])
            state = place.wait_for_form("Completed")["state"]
    assert state["message"].startswith("Approved: ")
    assert state["message"].endswith("version 1 of signed is the champion, was no version")
    entry = place.entries()[-1]
    assert (entry["action"], entry["who"], entry["why"]) == ("approve", "Ada", "the gain is real")
    assert entry["verdict_hash"] == run["verdict_hash"]
    client = MlflowClient(f"sqlite:///{place.home / 'mlflow.db'}")
    assert client.get_model_version_by_alias("signed", "champion").version == 1
    tags = client.get_run(run["mlflow_run_id"]).data.tags
    assert entry["page_hash"] == tags["assayline.page_sha256"]
