"""The project file: everything that is declared about one problem.

`sections` holds the frozen models, one a stage; `loading` reads, overrides and explains.
"""

from tasks.project.loading import load_project, project_schema
from tasks.project.roles import Roles
from tasks.project.sections import Project

__all__ = ["Project", "Roles", "load_project", "project_schema"]
