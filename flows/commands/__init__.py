"""The commands, one a module: each has a function `command` that returns the exit code."""
