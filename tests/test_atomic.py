"""A file is written whole or not at all."""

import stat
from pathlib import Path

import pytest

from tasks import atomic
from tasks.atomic import replaced, write_json, write_text


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), replaced(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.txt": "old"}


def test_nobody_sees_a_part_and_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with replaced(path) as one, replaced(path) as two:
        one.write_text("one")
        two.write_text("two")
        assert (path.exists(), one.name[0], one != two) == (False, ".", True)
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "one"  # the outer one ended last


def test_line_ends_stay_and_permissions_are_handed_on(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "a\r\nb\n")
    path.chmod(0o640)
    write_text(path, "c\r\n")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"c\r\n", 0o640)


def test_what_is_durable_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, synced = tmp_path / "a.txt", []

    def sync(handle):
        synced.append((str(Path(f"/proc/self/fd/{handle}").readlink()), path.exists()))

    monkeypatch.setattr(atomic.os, "fsync", sync)
    write_text(path, "quick")
    assert synced == []
    path.unlink()
    write_text(path, "lasting", durable=True)
    (part, named), (folder, renamed) = synced
    assert part.startswith(f"{tmp_path}/.a.txt.")
    assert (named, folder, renamed) == (False, str(tmp_path), True)


def test_a_number_that_json_does_not_know_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []
