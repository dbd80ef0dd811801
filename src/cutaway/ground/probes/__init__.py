"""What this machine can do, found by trying: one short function for each finding.

Version numbers decide nothing; they are only told. Nothing that a probe makes outlives it.
Reading order: finding (the words, and how trials are run), then any of the others.
The order of the imports below is the order of the report.
"""

# isort: off
from cutaway.ground.probes import kernel, limits, machines, containers, tools
from cutaway.ground.probes.finding import PROBES, Finding, Lacking, find, find_all
# isort: on

__all__ = ["PROBES", "Finding", "Lacking", "containers", "find", "find_all", "kernel", "limits", "machines", "tools"]
