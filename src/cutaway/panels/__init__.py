"""Widgets: views over the rooms below, with no logic of their own.

Reading order: predict, source, namespaces, privilege, topology, stepper, vcpu, exits, examined, machine, dials, layers,
images, build, alignment, lifecycle, stats, logs.
"""

from cutaway.panels.alignment import Alignment
from cutaway.panels.build import BuildPanel
from cutaway.panels.dials import DialPanel
from cutaway.panels.exits import ExitPlot
from cutaway.panels.images import ImagePanel
from cutaway.panels.layers import LayerPanel
from cutaway.panels.lifecycle import LifecyclePanel
from cutaway.panels.logs import LogPanel
from cutaway.panels.machine import BootTimeline, ConsolePanel
from cutaway.panels.namespaces import NamespacePanel
from cutaway.panels.predict import Outcome, Predict
from cutaway.panels.privilege import PrivilegePanel
from cutaway.panels.source import Source
from cutaway.panels.stats import StatsPanel
from cutaway.panels.stepper import StepPanel
from cutaway.panels.topology import TopologyPanel
from cutaway.panels.vcpu import VcpuPanel

__all__ = [
    "Alignment",
    "BootTimeline",
    "BuildPanel",
    "ConsolePanel",
    "DialPanel",
    "ExitPlot",
    "ImagePanel",
    "LayerPanel",
    "LifecyclePanel",
    "LogPanel",
    "NamespacePanel",
    "Outcome",
    "Predict",
    "PrivilegePanel",
    "Source",
    "StatsPanel",
    "StepPanel",
    "TopologyPanel",
    "VcpuPanel",
]
