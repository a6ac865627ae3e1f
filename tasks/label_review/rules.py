"""The label rules: what each class means, which every correction cites.

Guarantees: the version is a hash of what the rules say, so that another wording is another version
and another layout of the file is not; an unknown entry is refused.

    spam:
      definition: an advertisement that nobody asked for
      examples: [WINNER! Call now]
      borderline: [a delivery notice of a shop is ham]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tasks.errors import ProjectFileError
from tasks.evidence import hash_of
from tasks.project.fields import Section
from tasks.project.yaml_text import parse_yaml

_VERSION_LENGTH = 12


class ClassRule(Section):
    """One class: what belongs to it, with examples and borderline cases."""

    definition: str
    examples: tuple[str, ...] = ()
    borderline: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelRules:
    """The rules by class, and their version: 12 hex characters."""

    classes: Mapping[str, ClassRule]

    @property
    def version(self) -> str:
        """The hash of what the rules say."""
        said = {name: rule.model_dump(mode="json") for name, rule in self.classes.items()}
        return hash_of(said)[:_VERSION_LENGTH]


def read_rules(path: Path) -> LabelRules:
    """The rules in a YAML file. Raises ProjectFileError for one that cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise ProjectFileError(f"the label rules {path} cannot be read: {failure}") from None
    values = {_class_name(name): rule for name, rule in parse_yaml(text, str(path)).items()}
    try:
        classes = TypeAdapter(dict[str, ClassRule]).validate_python(values)
    except ValidationError as failure:
        first = failure.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProjectFileError(
            f"the label rules {path}: '{where}': {first['msg']}; a class has definition, examples "
            "and borderline"
        ) from None
    return LabelRules(classes)


def _class_name(name: object) -> str:
    return ("true" if name else "false") if isinstance(name, bool) else str(name)
