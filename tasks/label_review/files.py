"""Where a project keeps its overlay, reviews, label rules and ratings, and its hand tags.

Guarantees: the files lie where the project says, else beside it under its own name, so that a team
keeps them with the project; rules and ratings that the project names have to be there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from tasks.errors import NotFoundError, ProjectFileError
from tasks.project.loading import LoadedProject


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """The files that are there: corrections, answers, definitions of the classes, and ratings.

    And the tags that people gave, with the designs of the exports that they answered.
    """

    overlay: Path | None = None
    reviews: Path | None = None
    rules: Path | None = None
    ratings: Path | None = None
    tags: Path | None = None
    tag_exports: Path | None = None

    @property
    def present(self) -> dict[str, Path]:
        """The files that are there, by name."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: path for name, path in found.items() if path is not None}


def overlay_path(loaded: LoadedProject) -> Path:
    """Where the overlay lies or would lie: `labels.overlay`, else `<project file>.labels.csv`."""
    return _place(loaded, loaded.project.labels.overlay, "labels.csv")


def reviews_path(loaded: LoadedProject) -> Path:
    """Where the answers lie or would lie: `labels.reviews`, else `<project file>.reviews.csv`."""
    return _place(loaded, loaded.project.labels.reviews, "reviews.csv")


def tags_path(loaded: LoadedProject) -> Path:
    """Where hand tags lie or would lie: `error_analysis.hand_tags`, else `<project>.tags.csv`."""
    return _place(loaded, loaded.project.error_analysis.hand_tags, "tags.csv")


def tag_exports_path(loaded: LoadedProject) -> Path:
    """Where the designs of the exports that were answered lie: beside the hand tags."""
    place = tags_path(loaded)
    return place.with_name(exports_name(place)).resolve()


def ratings_path(loaded: LoadedProject) -> Path | None:
    """Where the ratings lie, if the project names a file of them."""
    rated = loaded.project.labels.ratings
    return None if rated is None else (loaded.path.parent / rated.path).resolve()


def rules_path(loaded: LoadedProject) -> Path | None:
    """Where the label rules lie, if the project names them."""
    named = loaded.project.labels.rules
    return None if named is None else (loaded.path.parent / named).resolve()


def readable_files(loaded: LoadedProject) -> dict[str, Path]:
    """Every file that a run of the project would read if it is there, by what it holds.

    Links are followed: each is where its bytes lie.
    """
    found = {
        "project file": loaded.path,
        "data file": loaded.source_path,
        "file of corrected labels": overlay_path(loaded),
        "file of answers": reviews_path(loaded),
        "file of label rules": rules_path(loaded),
        "file of ratings": ratings_path(loaded),
        "file of hand tags": tags_path(loaded),
        "file of tag exports": tag_exports_path(loaded),
    }
    return {what: path for what, path in found.items() if path is not None}


def find_label_files(loaded: LoadedProject) -> LabelFiles:
    """The files of the project that are there.

    Raises NotFoundError where `labels.rules` or `labels.ratings` names a file that is not.
    """
    if loaded.project.task == "regression":
        return _none_for_numbers(loaded)
    rules = rules_path(loaded)
    if rules is not None and not rules.is_file():
        raise NotFoundError(f"no label rules at {rules}; correct 'labels.rules', or write them")
    ratings = ratings_path(loaded)
    if ratings is not None and not ratings.is_file():
        raise NotFoundError(f"no ratings at {ratings}; correct 'labels.ratings.path'")
    return LabelFiles(
        overlay=_there(overlay_path(loaded)),
        reviews=_there(reviews_path(loaded)),
        rules=rules,
        ratings=ratings,
        tags=_there(tags_path(loaded)),
        tag_exports=_there(tag_exports_path(loaded)),
    )


def _none_for_numbers(loaded: LoadedProject) -> LabelFiles:
    """Raises ProjectFileError where there are corrections or answers, which are for classes."""
    for path in (overlay_path(loaded), reviews_path(loaded)):
        if path.is_file():
            raise ProjectFileError(
                f"{path} holds corrected labels or answers, which are for classes, and "
                f"{loaded.path.name} is a regression: correct the source, and move the file away"
            )
    return LabelFiles(tags=_there(tags_path(loaded)), tag_exports=_there(tag_exports_path(loaded)))


def exports_name(tags: Path) -> str:
    """The name of the file of designs beside a file of hand tags."""
    return f"{tags.stem}.exports.json"


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _place(loaded: LoadedProject, named: str | None, ending: str) -> Path:
    name = f"{loaded.path.stem}.{ending}" if named is None else named
    return (loaded.path.parent / name).resolve()
