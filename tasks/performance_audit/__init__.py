"""Is the model good enough everywhere that matters, on test rows: what must hold before it ships.

`floors` asks whether every metric reaches its minimum, `classes` whether rare classes are found,
`gaps` how far groups differ, `calibration` whether probabilities can be read as chances, `cost`
what a prediction takes, `offer` which mitigated candidate stands beside a refused gap. `stage`
puts the evidence together.
"""

from tasks.performance_audit.offer import Trained
from tasks.performance_audit.stage import audit_performance

__all__ = ["Trained", "audit_performance"]
