"""Why a calendar shows a leave, or does not: facts gathered, judged, told.

`explain` is the verb; `evidence` gathers, `judging` (with `waiting`) decides by the verdicts of `reasons`,
and `trace` is what is told.
"""
