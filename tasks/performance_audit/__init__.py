"""Is the model good enough everywhere that matters, on test rows: what must hold before it ships.

`floors` asks whether every metric reaches its minimum, `classes` whether rare classes are found,
`gaps` how far groups differ, `calibration` whether probabilities can be read as chances, `cost`
what a prediction takes. `stage` puts the evidence together.
"""

from tasks.performance_audit.stage import audit_performance

__all__ = ["audit_performance"]
