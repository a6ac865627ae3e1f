"""How far the labels can be trusted: conflicts, suspected issues, agreement, a list to review."""

from tasks.labels.reviewed import Said
from tasks.labels.stage import check_labels

__all__ = ["Said", "check_labels"]
