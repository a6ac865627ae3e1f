"""Documentation stands near the code: links between its pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (".", "flows", "tasks", "tasks/statistics", "tests/benchmarks", "deployments")
PAGES = [f"{folder}/README.md" for folder in FOLDERS]


def anchors(page):
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    page = ROOT / page
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        path, _, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_first_page_is_read_in_a_sitting():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 250
