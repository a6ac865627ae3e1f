"""`assayline tag` from end to end: export, tag, apply, run again; on real runs."""

import contextlib
import csv
import io
import json

import pytest
from conftest import HOME, SMALL, write_small

from flows.cli import main
from tasks.evidence import EvidenceStore

# Without expectations: nothing here is about them, and their library takes seconds to load.
LIGHT = SMALL[: SMALL.index("validation:")] + SMALL[SMALL.index("training:") :]


def command(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    text = out.getvalue()
    return code, json.loads(text) if text.startswith("{") else text, err.getvalue()


def curated(run_id):
    keys = json.loads((HOME / "runs" / run_id / "evidence.json").read_text())["keys"]
    return EvidenceStore(HOME / "evidence").output("validation", keys["validation"], "curated")


class Story:
    """Run, export, tag who is older than 60, apply, run again."""

    def __init__(self, folder):
        self.path = write_small(folder, "tags-small", LIGHT)
        self.folder, self.tags = folder / "out", folder / "project.tags.csv"
        self.first = command("run", self.path, "--json")[1]
        words = ("tag", "export", self.path, "--count", 40, "--out", self.folder, "--json")
        self.exported = command(*words)[1]
        frame = curated(self.first["run_id"])
        design = json.loads((self.folder / "design.json").read_text())
        self.rows = [row["key"] for row in design["rows"]]
        self.old = {key: bool(frame.loc[key, "age"] > 60) for key in self.rows}
        self.answers = self.write(self.old)
        self.applied = command("tag", "apply", self.path, self.answers, "--name", "Ada", "--json")
        self.second = command("run", self.path, "--json")[1]

    def write(self, has, name="answers.csv", tag="older", export=None):
        """A file of answers, made of tags.csv as in a spreadsheet."""
        header, *lines = csv.reader((self.folder / "tags.csv").open())
        path = self.folder / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*header, f"tag: {tag}"])
            for line in lines:
                word = {True: "yes", False: "no", None: ""}[has.get(line[1])]
                writer.writerow([export or line[0], *line[1:], word])
        return path


@pytest.fixture(scope="module")
def story(prefect_server, tmp_path_factory):
    return Story(tmp_path_factory.mktemp("tags"))


def stage(run, name="error_analysis"):
    return next(one for one in run["stages"] if one["name"] == name)


def check(run):
    found = {one["id"]: one for one in stage(run)["checks"]}
    return found["error_analysis.hand_tags"]


def refused(story, path, *words):
    """The exit code and the sentence; nothing may have changed."""
    files = (story.tags, story.tags.with_name("project.tags.exports.json"))
    before = [file.read_bytes() for file in files]
    code, _, error = command("tag", "apply", story.path, path, *words)
    assert [file.read_bytes() for file in files] == before
    return code, error


def test_an_export_that_nobody_drew_is_refused(story):
    path = story.write(story.old, "other.csv", export="0123456789ab")
    code, error = refused(story, path)
    assert (code, "has no tag export '0123456789ab'" in error) == (2, True)


def test_a_contradiction_is_refused_with_both(story):
    path = story.write({story.rows[0]: not story.old[story.rows[0]]}, "turned.csv")
    code, error = refused(story, path)
    assert (code, f"row {story.rows[0]}: tag 'older' is answered" in error) == (4, True)


def test_a_project_without_a_run_has_nothing_to_export(story, tmp_path):
    code, _, error = command("tag", "export", write_small(tmp_path, "never-ran"))
    assert (code, "has analysed its errors; run the project first" in error) == (2, True)


def test_the_export_says_how_many_of_how_many_and_shows_dev_rows_only(story):
    wrong = story.exported["of"]["errors"]
    assert story.exported["rows"] == {"errors": min(20, wrong), "right": 40 - min(20, wrong)}
    keys = json.loads((HOME / "runs" / story.first["run_id"] / "evidence.json").read_text())["keys"]
    split = EvidenceStore(HOME / "evidence").output("splitting", keys["splitting"], "split")
    assert set(split.loc[story.rows, "side"]) == {"dev"}
    assert (story.folder / "tags.html").is_file()


def test_the_tags_lie_beside_the_project_with_who_and_the_probability(story):
    code, document, _ = story.applied
    assert (code, document["new_answers"], document["answered"]) == (0, 40, 40)
    lines = list(csv.DictReader(story.tags.open()))
    assert {line["who"] for line in lines} == {"Ada"}
    assert {line["row_key"]: line["has"] == "yes" for line in lines} == story.old
    chances = {round(float(line["probability"]), 6) for line in lines}
    rows, of = story.exported["rows"], story.exported["of"]
    assert chances == {round(rows[name] / of[name], 6) for name in rows}


def test_applying_twice_changes_nothing_and_says_so(story):
    before = story.tags.read_bytes()
    code, text, _ = command("tag", "apply", story.path, story.answers, "--name", "Eve")
    assert (code, text.startswith("nothing changed: all 40 rows")) == (0, True)
    assert story.tags.read_bytes() == before


def test_only_error_analysis_computes_again_and_says_what_the_tags_rest_on(story):
    assert check(story.first)["outcome"] == "not_applicable"
    assert "assayline tag export" in check(story.first)["detail"]
    found = check(story.second)
    assert (found["outcome"], found["value"], found["n"]) == ("passed", 40.0, 40)
    assert "by Ada; 1 tag can be used" in found["detail"]
    before_gate = [
        one for one in story.second["stages"] if one["name"] not in ("gate", "promotion")
    ]
    assert [one["name"] for one in before_gate if not one["cached"]] == ["error_analysis"]


def test_a_second_export_draws_other_rows_and_shows_the_tags(story):
    out = story.folder / "second"
    found = command("tag", "export", story.path, "--count", 40, "--out", out, "--json")[1]
    assert found["tags"] == ["older"]
    assert found["export"] != story.exported["export"]
    rows = {row["row_key"]: row for row in csv.DictReader((out / "tags.csv").open())}
    known = rows.keys() & story.old.keys()
    assert known
    assert {key: rows[key]["tagged before"] == "older" for key in known} == {
        key: story.old[key] for key in known
    }


def test_a_run_is_refused_where_the_designs_are_gone(story):
    exports = story.tags.with_name("project.tags.exports.json")
    kept = exports.read_bytes()
    exports.unlink()
    try:
        code, _, error = command("run", story.path, "--json")
        assert (code, "restore that file, or take those lines out" in error) == (2, True)
    finally:
        exports.write_bytes(kept)


def test_the_record_of_a_run_holds_the_tags_that_it_was_given(story):
    folder = HOME / "runs" / story.second["run_id"] / "recorded" / "labels"
    assert {path.name for path in folder.iterdir()} == {"tags.csv", "tag_exports.json"}
    assert (folder / "tags.csv").read_bytes() == story.tags.read_bytes()
