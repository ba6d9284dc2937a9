"""From a leave recorded in Figgo to an event in somebody's calendar, and back to the reason.

The journey:

    figgo  ->  leaves  ->  events  ->  diff, limits  ->  calendars
    source     half-days   what each   what must         Google, ...
               to periods  becomes     change

`look` reads both ends and plans, `planfile` keeps a plan until somebody confirmed it, `act` plans again and
writes what is in both, `sync` gives these the verbs of the command line.

The words:

    leave            one half-day of absence; Figgo's own unit
    leave period     one continuous absence as asked for or entered
    stretch          an unbroken part of a period: one event
    legal entity     Figgo's employer of a person
    mailbox          a person's calendar at a provider; a *calendar* is a configured provider connection
    place            a mailbox we ever wrote to for a person
    key              figgo host / owner / period / part: the identity of an event, fixed for life
    marker           key and fingerprint, carried by the event itself
    fingerprint      digest of what we wrote last
    window           the days a plan may change
    plan, change     what would be written, one thing of it
    apply, run       writing a confirmed plan; one execution with a record
    replacement      a removal and a creation that stand for each other
    look-alike       an unmarked event with our title on our dates
    stale            a planned row that no longer holds
"""

__version__ = "0.1.0"
