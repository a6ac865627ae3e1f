import pytest

from tasks.ledger import _summary
from tasks.ledger_entries import Draft
from tasks.markup import escape

EVIL = "<img src=x onerror=alert(1)>[a](javascript:1) ![b](http://c.example/d) *e*"
SAFE = (
    "&lt;img src=x onerror=alert(1)&gt;\\[a\\](javascript:1) "
    "\\!\\[b\\](http:\\//c.example/d) \\*e\\*"
)


def test_markup_stays_text():
    assert escape(EVIL) == SAFE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\[31mb"),
        ("a\x00\x07\u202eb\u200bc", "abc"),
        ("a\r\n\n# b\x85c", "a \\# b c"),
        ("naïve – 中文", "naïve – 中文"),
    ],
)
def test_control_characters_are_left_out(text, shown):
    assert escape(text) == shown


def test_the_description_of_a_ledger_entry_is_text(ledger):
    entry = ledger.append(
        Draft(
            "adopt",
            run_id="r",
            candidate_version="1",
            expected_champion=None,
            to_version="1",
            who=EVIL,
            why=EVIL,
            when="now",
        )
    )
    assert _summary(entry) == f"1. adopt: version - to 1, by {SAFE}. {SAFE}"


def test_the_artifact_of_a_signature_is_text(monkeypatch):
    from types import SimpleNamespace

    from flows import approval

    made = []
    monkeypatch.setattr(approval, "get_run_logger", lambda: SimpleNamespace(info=lambda _: None))
    monkeypatch.setattr(
        approval,
        "MarkdownArtifact",
        lambda **about: SimpleNamespace(create=lambda: made.append(about["markdown"])),
    )
    run = SimpleNamespace(ledger=SimpleNamespace(project="p"))
    state = approval._conclude(run, {"outcome": "approved", "sentence": EVIL})
    assert made == [f"**Approved.** {SAFE}\n"]
    assert (state.name, state.message) == ("Completed", f"Approved: {EVIL}")
