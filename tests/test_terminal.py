"""Nothing that a project file or data say is obeyed by a terminal."""

import io
import sys

import pytest

from flows.cli import main
from flows.runs.progress import Progress
from flows.terminal import filtered, plain, unfiltered

EVIL = "\x1b]0;pwned\x07\x1b[2Jfake: \x9b31mPromote\r\x08\u202e\x7f"


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self):
        return True


def obeyed(text):
    return [sign for sign in text if not sign.isprintable() and sign not in "\n\t"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (EVIL, "fake: 31mPromote"),
        ("a\tb\nc é 漢 ✓", "a\tb\nc é 漢 ✓"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1b]52;c;aGk=\x1b\\after", "after"),
        ("\x1b]0;no end", ""),
        ("\x1b", ""),
    ],
)
def test_what_a_terminal_obeys_is_taken_out(text, shown):
    assert plain(text) == shown


def test_both_streams_are_filtered_meanwhile(capsys):
    with filtered():
        sys.stdout.write(f"{EVIL}\n")
        sys.stderr.writelines([f"{EVIL}\n"])
        print(EVIL, file=sys.stderr)
        assert sys.stdout.isatty() is False
        unfiltered(sys.stdout).write("\x1b[1m")
    printed = capsys.readouterr()
    assert printed.out == "fake: 31mPromote\n\x1b[1m"
    assert obeyed(printed.err) == []


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_shows_words_and_draws_its_own_signs(stream):
    shown = Progress(3, stream=stream())
    shown.stage_done("training", "passed", 1.0, False, f"chose {EVIL}\n2")
    shown.say(f"run {EVIL}\n3")
    shown.doing(EVIL)
    shown.close()
    text = shown._stream.getvalue()
    for own in ("\r\x1b[K", "\x1b[32m", "\x1b[0m"):
        text = text.replace(own, "")
    assert obeyed(text) == []
    assert "chose fake: 31mPromote 2" in text
    assert text.count("\n") == 2


@pytest.mark.parametrize(
    "line", ['"{0}": 1', 'description: {{"{0}": 1}}', 'split: {{by: "{0}"}}', "seed: !!int '{0}'"]
)
def test_an_error_about_a_project_file_is_words(tmp_path, capsys, line):
    path = tmp_path / "project.yaml"
    escaped = EVIL.encode("unicode_escape").decode()
    line = line.replace("'{0}'", '"{0}"').format(escaped)
    path.write_text(f"name: a\nsource: d.csv\ntarget: y\npositive_class: yes\n{line}\n")
    code = main(["run", str(path)])
    printed = capsys.readouterr()
    assert code == 2
    assert obeyed(printed.err + printed.out) == []
    assert printed.err.startswith("assayline: ")


def test_what_is_typed_wrongly_is_words(capsys):
    with pytest.raises(SystemExit):
        main(["run", "project.yaml", f"--{EVIL}"])
    assert obeyed(capsys.readouterr().err) == []
