"""The rehearsal company: strict local stand-ins on HTTPS, for tests and for looking before leaping.

It imports nothing from the rest of the package: a bug they shared would hide itself.
"""

from figgo_ops.sandbox.company import Company
from figgo_ops.sandbox.faults import Fault
from figgo_ops.sandbox.narrator import Case
from figgo_ops.sandbox.people import RefusedAct
from figgo_ops.sandbox.rehearsal import Rehearsal, serve

__all__ = ["Case", "Company", "Fault", "RefusedAct", "Rehearsal", "serve"]
