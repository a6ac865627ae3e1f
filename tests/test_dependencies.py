"""What is installed: as locked, without contradictions, under licences that ours may use."""

import re
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (ROOT / "requirements.lock", ROOT / "tests" / "benchmarks" / "requirements.lock")

# Licences of libraries that a program under Apache-2.0 may import. MPL-2.0 binds the files of the
# library alone, which are installed as they are.
EXPRESSIONS = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
# The same, as older packages write them.
WORDS = {
    "3-Clause BSD License",
    "Apache 2.0",
    "Apache Software License",
    "BSD",
    "BSD 2-Clause License",
    "BSD 3-Clause License",
    "BSD License",
    "ISC License",
    "ISC License (ISCL)",
    "MIT License",
    "MIT license",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "Python Software Foundation License",
}
VAGUE = {"Dual License", "OSI Approved"}
# What the metadata do not tell, or tell of several at once, and a person read in the package.
READ_BY_HAND = {
    "huey": "no licence in its metadata; the LICENSE file in the package is the MIT licence",
    "skops": "says 'OSI Approved' alone; the LICENSE file in the package is the MIT licence",
    "text-unidecode": "the Artistic License or the GPL, as one chooses; used unchanged under the "
    "first, which lets a program of any licence call it",
}


def locked(lock):
    """The entries of a lock: the requirement, and the hashes under it."""
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text().replace("\\\n", " "))
    for entry in entries:
        words, *hashes = re.split(r"\s+--hash=", entry.splitlines()[0])
        yield Requirement(words), hashes


def applies(requirement, extra=""):
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def installed():
    return {canonicalize_name(found.name): found for found in distributions()}


def contradictions(found):
    """What a package needs, of those that are installed, and has not, or has in another version."""
    waiting, seen = [(name, "") for name in found], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for needed in map(Requirement, found[name].requires or []):
            if not applies(needed, extra):
                continue
            other = canonicalize_name(needed.name)
            if other not in found:
                yield f"{name} needs {needed}, which is not installed"
            elif not needed.specifier.contains(found[other].version, prereleases=True):
                yield f"{name} needs {needed}, and {found[other].version} is installed"
            else:
                waiting += [(other, more) for more in needed.extras]


def closure():
    """The names of all that a run may import: what the project declares, and what that needs."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [*declared["dependencies"], *declared["optional-dependencies"]["postgres"]]
    waiting, seen = [Requirement(words) for words in needed], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {known for at, known in seen if at == name}:
            seen.add((name, extra))
            more = map(Requirement, distribution(name).requires or [])
            waiting += [one for one in more if applies(one, extra)]
    return sorted({name for name, _ in seen})


def stated(metadata):
    """What a package says of its licence; a licence that it quotes whole is told by its classes."""
    if metadata.get("License-Expression"):
        return [metadata["License-Expression"]]
    words = (metadata.get("License") or "").strip()
    classes = [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier") or []
        if one.startswith("License ::")
    ]
    short = [words] if words and "\n" not in words else []
    return [one for one in (*short, *classes) if one not in VAGUE]


def allowed(statement):
    """Whether the licence, or the choice of several, is one of those that ours may use."""
    if statement in WORDS:
        return True
    parts = re.split(r"(\(|\)|\bAND\b|\bOR\b)", statement)
    words = [part.strip() for part in parts if part.strip()]
    signs = {"(", ")", "AND", "OR"}
    told = [word.lower() if word in signs else str(word in EXPRESSIONS) for word in words]
    return bool(told) and eval(" ".join(told)) is True


@pytest.mark.parametrize(
    ("statement", "may"),
    [
        ("GPL-3.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("MIT OR GPL-2.0-only", True),
        ("MPL-2.0 AND (GPL-2.0-only OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("GNU Affero General Public License v3", False),
        ("", False),
    ],
)
def test_a_licence_is_allowed_or_not(statement, may):
    assert allowed(statement) is may


def test_a_contradiction_is_found():
    class Package:
        def __init__(self, version, *requires):
            self.version, self.requires = version, requires

    found = {
        "a": Package("1.0", "b>=2", "c; extra == 'more'", "d[more]"),
        "b": Package("1.9"),
        "d": Package("1.0", "e; extra == 'more'", "f; python_version < '3'"),
    }
    assert sorted(contradictions(found)) == [
        "a needs b>=2, and 1.9 is installed",
        'd needs e; extra == "more", which is not installed',
    ]


def test_nothing_installed_contradicts_what_another_needs():
    assert list(contradictions(installed())) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_what_is_installed_is_what_is_locked(lock):
    found = installed()
    wanted = [needed for needed, _ in locked(lock) if applies(needed)]
    there = [needed for needed in wanted if canonicalize_name(needed.name) in found]
    assert len(there) > 150
    others = [
        f"{needed}: {found[needed.name].version}"
        for needed in there
        if found[needed.name].version not in needed.specifier
    ]
    assert others == []


def test_all_that_a_run_may_import_is_locked():
    names = {needed.name for needed, _ in locked(LOCKS[0])}
    assert [name for name in closure() if name not in names] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_every_line_of_a_lock_is_one_version_with_hashes_and_no_address(lock):
    assert "://" not in lock.read_text()
    for needed, hashes in locked(lock):
        assert re.fullmatch(r"==[^,*]+", str(needed.specifier)), needed
        assert hashes, needed
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), needed


def test_set_up_installs_nothing_that_is_not_locked():
    lines = (ROOT / "Makefile").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 7
    for line in installs:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation -e ." in line


def test_every_licence_may_be_used():
    names = closure()
    assert len(names) > 150
    told = {name: stated(distribution(name).metadata) for name in names}
    refused = {
        name: words
        for name, words in told.items()
        if not words or not all(allowed(one) for one in words)
    }
    assert sorted(refused) == sorted(READ_BY_HAND), refused
