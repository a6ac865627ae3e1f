"""Every failure that a user can act on has one exit code, and the command line alone knows it."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flows import cli
from flows.exit_codes import OF_ERRORS
from tasks import errors

ROOT = Path(__file__).resolve().parents[1]
CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and found is not errors.UserError
}
CODES = {
    "ProjectFileError": 2,
    "UsageError": 2,
    "NotFoundError": 2,
    "RefusedDataError": 3,
    "ConflictError": 4,
    "DrillFailedError": 4,
    "UnavailableError": 6,
}


def ends(failure, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("ASSAYLINE_HOME", str(tmp_path))

    def fails(options):
        raise failure

    monkeypatch.setattr(cli, "_dispatch", fails)
    return cli.main(["schema"]), capsys.readouterr().err


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_ends_with_its_documented_code(name, monkeypatch, capsys, tmp_path):
    ended = ends(CLASSES[name]("One sentence."), monkeypatch, capsys, tmp_path)
    assert ended == (CODES[name], "assayline: One sentence.\n")


def test_every_class_is_in_the_table_and_in_the_module_of_errors():
    assert set(OF_ERRORS) == set(CLASSES.values())
    for path in [*(ROOT / "tasks").rglob("*.py"), *(ROOT / "flows").rglob("*.py")]:
        found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        bases = {
            ast.unparse(b) for one in found if isinstance(one, ast.ClassDef) for b in one.bases
        }
        if path != ROOT / "tasks" / "errors.py":
            assert not bases & {"UserError", *CLASSES}, path


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (OSError(28, "No space left on device", "/x"), 6, "the disk is full at /x; free space"),
        (PermissionError(13, "Permission denied", "/x"), 6, "/x: Permission denied; make it"),
        (httpx.ConnectError("refused"), 6, "the Prefect server stopped answering (ConnectError)"),
        (ValueError("what"), 1, "internal error (ValueError: what); the details are in"),
    ],
)
def test_what_the_machine_does_is_told_as_it_is(
    failure, code, words, monkeypatch, capsys, tmp_path
):
    ended, told = ends(failure, monkeypatch, capsys, tmp_path)
    assert (ended, words in told) == (code, True)


def test_an_interrupted_command_ends_though_a_thread_of_a_library_never_does():
    program = (
        "import threading, flows.cli as cli\n"
        "def waits(options):\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    raise KeyboardInterrupt\n"
        "cli._dispatch = waits\n"
        "import sys; sys.argv[1:] = ['schema']\n"
        "cli.end_with_command()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "assayline: interrupted\n")
