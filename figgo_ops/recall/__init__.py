"""Take back what was written: one run (`undo`), or everything of a tenant or a person (`offboard`).

Both look at the calendars by what the ledger remembers (`view`) and decide without Figgo (`takeback`).
"""
