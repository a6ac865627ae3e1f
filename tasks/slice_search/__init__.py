"""Where is a model wrong more often than elsewhere, found without being told where to look?

`codes` turns columns into small integers, `halves` says which rows are searched and which confirm,
`counting` counts the rows and errors of every crossing, `candidates` chooses what is carried to the
other half, `confirmation` tests that there, `merging` keeps the simplest descriptions, `detectable`
says what the search could have found, and `search` puts them together.
"""

from tasks.slice_search.codes import SearchColumn, mask_column, value_column
from tasks.slice_search.search import Found, Search, SearchPlan, search_slices

__all__ = [
    "Found",
    "Search",
    "SearchColumn",
    "SearchPlan",
    "mask_column",
    "search_slices",
    "value_column",
]
