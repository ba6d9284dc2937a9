"""Planted defects: small mistakes that the tests must notice, one patch file each.

`python -m tests.defects` plants them one at a time in a copy of the tree and says which test caught each.
A patch begins with one sentence about the defect, the rule it breaks, and the test files to try first.
"""

RULES = (
    "failure is never emptiness",
    "a write is done, failed or unknown",
    "identity rides on the event",
    "look, then act",
    "a removal needs a proof",
    "removals are counted",
    "a marker proves origin, not ownership",
    "nobody is notified and nothing of the owner's is lost",
    "a trigger only says whom and which days to look at",
    "dates stay dates and a period is never cut",
    "one broken mailbox stops only itself, a refused credential its calendar",
    "no secret, comment or leave type where it does not belong",
    "every refusal can be answered",
)
"""What must be true of every run, in a few words each."""
