import json
from pathlib import Path

import pytest
import skops.io
from sklearn.dummy import DummyClassifier

from flows.cli import main


@pytest.fixture
def cli(capsys):
    """Runs a command in this process: the exit code, standard output, standard error."""

    def run(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def signed_project(small_project):
    """A project whose promotions are signed."""
    small_project.write_text(small_project.read_text() + "approval: {mode: approve}\n")
    return small_project


@pytest.fixture
def pending(assayline, signed_project):
    """A project with a run that waits for a signature, and the run's document."""
    code, document, _ = assayline(signed_project)
    assert code == 5
    return signed_project, document


@pytest.fixture
def ledger(home):
    def entries(project):
        lines = (home / "ledger" / f"{project}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    return entries


def signed(project, run, *more, verdict=None):
    """The command that signs a run with the beginning of its verdict's hash."""
    who = ("--name", "Ada Lovelace", "--reason", "the gain is real")
    read = ("--verdict", verdict or run["verdict_hash"][:8])
    return ("approve", run["run_id"], "--project", project, *who, *read, *more)


def test_what_cannot_be_signed_changes_nothing(cli, pending, ledger, home):
    project, run = pending
    code, _, err = cli(*signed(project, {**run, "run_id": "20200101T000000-000000"}))
    assert code == 2
    assert "no run 20200101T000000-000000 in" in err
    code, _, err = cli(*signed(project, run, verdict="00000000"))
    assert code == 2
    assert "does not begin with 00000000" in err
    code, _, err = cli(*signed(project, {**run, "run_id": f"../runs/{run['run_id']}"}))
    assert code == 2
    Path(run["report"]).rename(home / "page")
    code, _, err = cli(*signed(project, run))
    assert code == 6
    assert "nothing was signed: bring it back" in err
    assert [entry["action"] for entry in ledger(run["project"])] == ["pending"]


def test_a_signature_has_to_name_the_verdict(pending, capsys):
    project, run = pending
    words = ("approve", run["run_id"], "--project", str(project), "--name", "Ada", "--reason", "r")
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "--verdict" in capsys.readouterr().err


def test_a_run_that_waits_says_how_to_sign_and_keeps_the_hash_for_the_page(cli, signed_project):
    code, out, _ = cli("run", signed_project, "--quiet")
    assert code == 5
    (line,) = [line for line in out.splitlines() if line.startswith("  To sign")]
    assert f"--project {signed_project} --verdict 'HASH ON THE PAGE' --name 'YOUR NAME'" in line
    page = next(line for line in out.splitlines() if line.startswith("  Decision page")).split()[-1]
    verdict = json.loads(Path(page).with_name("verdict.json").read_text())["hash"]
    assert verdict[:8] not in out
    assert verdict[:8] in Path(page).read_text()
    assert f" approve {Path(page).parent.name} " in line


def test_changed_data_make_an_approval_void_for_good(cli, pending, ledger):
    project, run = pending
    rows = project.parent / "rows.csv"
    before = rows.read_text()
    rows.write_text(before.replace("yes", "no", 1))
    code, out, _ = cli(*signed(project, run, "--json"))
    done = json.loads(out)
    assert (code, done["exit_code"], done["outcome"]) == (4, 4, "void")
    assert "the data file changed: it was " in done["sentence"]
    assert (done["champion_version"], done["entry"]) == (None, 2)
    assert done["open_risks"].startswith("No audit plan is declared")
    rows.write_text(before)
    code, out, _ = cli(*signed(project, run))
    assert code == 4
    assert "was closed on" in out
    assert [entry["action"] for entry in ledger(run["project"])] == ["pending", "expire"]


def test_a_changed_page_makes_an_approval_void(cli, pending):
    project, run = pending
    page = Path(run["report"])
    page.write_text(page.read_text().replace("approval", "applause"))
    code, out, _ = cli("report", project, "--path")
    assert code == 0
    assert "The page below is not the one that was recorded" in Path(out.strip()).read_text()
    code, out, _ = cli(*signed(project, run))
    assert code == 4
    assert "the decision page changed: it was " in out


def test_a_model_that_mlflow_loads_instead_makes_an_approval_void(cli, pending, home):
    project, run = pending
    folders = (home / "mlflow-artifacts" / run["project"] / "models").glob("*/artifacts")
    (served,) = (folder / "model.skops" for folder in folders)
    skops.io.dump(DummyClassifier().fit([[0], [0], [0]], ["no", "no", "yes"]), served)
    code, out, _ = cli(*signed(project, run))
    assert code == 4
    assert "is void: version 1, as the registry hands it out, does not reproduce its golden" in out


def test_a_model_that_mlflow_would_load_by_other_code_is_not_signed(cli, pending, home):
    project, run = pending
    (said,) = (home / "mlflow-artifacts" / run["project"] / "models").glob("*/artifacts/MLmodel")
    said.write_text(said.read_text().replace("assayline_model", "somebody.elses"))
    code, _, err = cli(*signed(project, run))
    assert code == 6
    assert "MLmodel says 'somebody.elses' for python_function.loader_module" in err


def test_a_model_whose_answering_code_was_changed_is_not_signed(cli, pending, home):
    project, run = pending
    folders = (home / "mlflow-artifacts" / run["project"] / "models").glob("*/artifacts")
    (code,) = (folder / "code" / "assayline_model.py" for folder in folders)
    code.write_text(code.read_text() + "\n# one line more\n")
    done, out, err = cli(*signed(project, run))
    assert done in (4, 6)
    assert "version 1" in out + err
    assert "changed" in out + err


def test_a_changed_verdict_is_not_signed(cli, pending, home):
    project, run = pending
    path = home / "runs" / run["run_id"] / "verdict.json"
    path.write_text(path.read_text().replace('"promote"', '"reject"', 1))
    code, _, err = cli(*signed(project, run))
    assert code == 6
    assert "verdict.json was changed after it was written" in err


def test_a_signature_promotes_and_is_told_in_the_report(cli, pending, ledger, home):
    project, run = pending
    _, out, _ = cli("report", project, "--path")
    frame = Path(out.strip())
    assert frame == Path(run["report"]).with_name("report.html")
    verdict = json.loads((home / "runs" / run["run_id"] / "verdict.json").read_text())["hash"]
    assert f"--verdict {verdict[:8]} " in frame.read_text()
    code, out, _ = cli(*signed(project, run))
    assert (code, out) == (
        0,
        f"run {run['run_id']} is approved by Ada Lovelace: version 1 of {run['project']} is the "
        "champion, was no version\n"
        "No audit plan is declared: nobody has named a risk of this model, or owns one.\n",
    )
    assert 'id="signed">What is signed</h2>' in Path(run["report"]).read_text()
    entry = ledger(run["project"])[-1]
    assert (entry["action"], entry["to_version"], entry["refers_to"]) == ("approve", "1", 1)
    assert (entry["who"], entry["why"]) == ("Ada Lovelace", "the gain is real")
    assert entry["verdict_hash"] == verdict
    cli("report", project, "--path")
    told = frame.read_text()
    assert "is the champion" in told
    assert "Approved by Ada Lovelace" in told
    assert f'its SHA-256 <span class="hash">{entry["page_hash"][:16]}</span>' in told
    code, out, _ = cli(*signed(project, run, "--refuse"))
    assert code == 4
    assert "was approved by Ada Lovelace on" in out


def test_a_run_that_repeats_the_verdict_can_be_signed_or_refused(cli, assayline, pending, ledger):
    project, run = pending
    code, again, _ = assayline(project)
    assert (code, again["unchanged_since"]) == (5, run["run_id"])
    code, out, _ = cli(*signed(project, again, "--refuse"))
    assert (code, out) == (
        0,
        f"run {again['run_id']} is refused by Ada Lovelace: the champion of {run['project']} "
        "stays no version\n",
    )
    entries = ledger(run["project"])
    assert [(e["action"], e["run_id"], e["refers_to"]) for e in entries] == [
        ("pending", run["run_id"], None),
        ("refuse", again["run_id"], 1),
    ]
