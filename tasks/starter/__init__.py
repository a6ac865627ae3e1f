"""A starter project file for a data file: `columns` reads it, `protected` and `proposals` say what
its columns suggest, `project_text` writes that down, `starter` puts them together.
"""

from tasks.starter.starter import Starter, propose_project

__all__ = ["Starter", "propose_project"]
