"""When a source file counts as new data."""

import os

import pytest

from flows.services.arrivals import watched


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    return path


def seen(source, home, looks, told=None):
    """How many of the looks told of new data."""
    told = [] if told is None else told
    place = watched("p", source, home)
    return sum(place.look(lambda _, content: told.append(content)) for _ in range(looks))


def settle(place):
    """The two looks after which a file counts as still."""
    return [place.look(lambda *_: None) for _ in range(2)]


def write(path, text, nanoseconds):
    path.write_text(text)
    os.utime(path, ns=(nanoseconds, nanoseconds))


def test_what_was_there_before_is_no_news(source, tmp_path):
    assert seen(source, tmp_path, 4) == 0
    assert (tmp_path / "projects" / "p" / "arrived.json").is_file()


def test_a_file_that_is_not_there_is_no_news(tmp_path):
    assert seen(tmp_path / "none.csv", tmp_path, 3) == 0


def test_new_content_is_told_once_and_only_when_it_stands_still(source, tmp_path):
    place, told = watched("p", source, tmp_path), []
    settle(place)

    def look():
        return place.look(lambda _, content: told.append(content.sha256[:8]))

    write(source, "a\n1\n2", 10**18)
    assert not look()  # it may still be written
    write(source, "a\n1\n2\n", 10**18 + 1)
    assert not look()
    assert look()
    assert not look()
    assert told == ["d4fa155a"]


def test_the_same_content_under_a_new_time_is_no_news(source, tmp_path):
    place = watched("p", source, tmp_path)
    settle(place)
    write(source, "a\n1\n", 10**18)
    assert settle(place) == [False, False]


def test_what_came_while_nobody_looked_is_told_at_the_next_look(source, tmp_path):
    assert seen(source, tmp_path, 2) == 0
    write(source, "a\n3\n", 10**18)
    assert seen(source, tmp_path, 2) == 1
    assert seen(source, tmp_path, 2) == 0


def test_what_could_not_be_told_is_told_again(source, tmp_path):
    place = watched("p", source, tmp_path)
    settle(place)
    write(source, "a\n4\n", 10**18)

    def unreachable(*_):
        raise OSError("no server")

    place.look(unreachable)
    with pytest.raises(OSError, match="no server"):
        place.look(unreachable)
    assert place.look(lambda *_: None)
