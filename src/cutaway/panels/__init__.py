"""Widgets: views over the rooms below, with no logic of their own.

Reading order: predict, source, namespaces, stepper, examined.
"""

from cutaway.panels.namespaces import NamespacePanel
from cutaway.panels.predict import Outcome, Predict
from cutaway.panels.source import Source
from cutaway.panels.stepper import StepPanel

__all__ = ["NamespacePanel", "Outcome", "Predict", "Source", "StepPanel"]
