"""What a user can get wrong: one sentence, the documented exit code, nothing half-written."""

import json
import os
import subprocess
import sys

import pytest
from conftest import LIGHT, SMALL, small_rows, write_small


def refused(outcome, *, code, words, document=True):
    exit_code, printed, err = outcome
    assert exit_code == code
    assert "Traceback" not in err
    if document:
        assert printed["verdict"] is None
        assert printed["refused_by"]
        assert words in " ".join(printed["reasons"])
        names = [stage["name"] for stage in printed["stages"] if stage["outcome"] == "not_run"]
        assert "training" in names
    else:
        assert printed is None
        assert words in err.splitlines()[-1]


DATA_FAULTS = {
    "empty": ("", "empty"),
    "header": ("age,income,city,bought\n", "row"),
    "no_target": (small_rows().drop(columns="bought").to_csv(index=False), "bought"),
    "one_class": (small_rows().assign(bought="yes").to_csv(index=False), "yes"),
    "null_target": (small_rows().assign(bought=None).to_csv(index=False), "bought"),
}


@pytest.mark.parametrize("fault", DATA_FAULTS)
def test_unusable_data_is_refused(assayline, small_project, fault):
    text, words = DATA_FAULTS[fault]
    (small_project.parent / "rows.csv").write_text(text)
    refused(assayline(small_project), code=3, words=words)


def test_duplicate_keys_are_refused(assayline, tmp_path):
    rows = small_rows().assign(customer=7)
    path = write_small(tmp_path, "twice", SMALL + "key: customer\n", rows)
    refused(assayline(path), code=3, words="customer")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SMALL + "gaet: {}\n", "unknown key 'gaet'; did you mean 'gate'?"),
        ("- a list\n", "must be a YAML mapping"),
        (SMALL.replace("rows.csv", "none.csv"), "none.csv"),
        (SMALL.replace("DecisionTreeC", "DecisonTreeC"), "DecisonTreeC"),
        (SMALL.replace("sklearn.tree.DecisionTreeClassifier", "os.system"), "--allow-imports os"),
        (SMALL.replace("expect_column_values_to_be_between", "expect_nothing"), "expect_nothing"),
        (SMALL.replace("slices: [city]", "slices: [town]"), "town"),
    ],
)
def test_an_unusable_project_file_is_refused(assayline, tmp_path, text, words):
    path = write_small(tmp_path, "unusable", text)
    code, document, err = assayline(path)
    assert code in (2, 3)
    assert words in err + str(document)
    assert "Traceback" not in err


def test_a_missing_project_file_is_named(assayline, tmp_path):
    refused(assayline(tmp_path / "none.yaml"), code=2, words="none.yaml", document=False)


def test_a_server_that_does_not_answer_is_named(tmp_path, monkeypatch, capsys):
    from flows.cli import main

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr("flows.services.server._ANSWER_SECONDS", 0.2)
    assert main(["run", str(write_small(tmp_path, "unreachable"))]) == 6
    assert "no Prefect server answers at http://127.0.0.1:9/api" in capsys.readouterr().err


def test_an_allowed_import_is_free_to_fail_later(assayline, tmp_path):
    text = SMALL.replace("sklearn.tree.DecisionTreeClassifier", "json.JSONDecoder")
    refused(
        assayline(write_small(tmp_path, "nomodel", text), "--allow-imports", "json"),
        code=2,
        words="json.JSONDecoder",
        document=False,
    )


def test_a_full_disk_is_one_sentence(tmp_path):
    small_disk = tmp_path / "disk"
    small_disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(small_disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    try:
        outside = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", "run", str(write_small(tmp_path, "full", LIGHT))],
            env={**outside, "ASSAYLINE_HOME": str(small_disk)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 6
        assert f"the disk is full at {small_disk}" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        results = list((small_disk / "evidence").glob("*/*/result.json"))
        assert all(json.loads(path.read_text()) for path in results)
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)
