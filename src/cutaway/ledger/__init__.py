"""What exists because of us, and how to undo it.

Reading order: entry (the heart), kinds, paths, engines, state, and watch: the process that outlives its owner.
"""

from cutaway.ledger.entry import Entry, Outcome, entries, kept, record, sweep
from cutaway.ledger.labels import LABELS
from cutaway.ledger.state import state_folder

__all__ = ["LABELS", "Entry", "Outcome", "entries", "kept", "record", "state_folder", "sweep"]
