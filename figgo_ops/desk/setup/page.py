"""The page of the set-up pack, part by part; every value in it is shown as text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from figgo_ops.desk.setup.guides import Guide
from figgo_ops.desk.tables import visible
from figgo_ops.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Told:
    """One calendar on the page.

    Attributes:
        calendar: its name.
        whom: the people whom it is for, in words.
        guide: what is told about its set-up.
        file: name of its script, beside the page.
    """

    calendar: str
    whom: str
    guide: Guide
    file: str


def page_parts(tenant: Tenant, told: Iterable[Told]) -> Iterator[str]:
    """The page from top to bottom, as HTML."""
    calendars = list(told)
    yield _introduction(tenant, calendars)
    yield _off_first(tenant)
    yield _written(tenant)
    for one in calendars:
        yield from _calendar(one)


def _introduction(tenant: Tenant, calendars: list[Told]) -> str:
    listed = "".join(
        f"<li>{visible(one.guide.what)}, for {visible(one.whom)}: "
        f'<a href="{visible(one.file)}">{visible(one.file)}</a></li>'
        for one in calendars
    )
    return (
        f"<p>For the administrator of the calendars that will show leaves of {visible(tenant.figgo.host)}: "
        "what has to be done for it, what that opens, how to see that it works, and how to end it. "
        "No secret is on this page or in its scripts.</p>"
        f"<ul>{listed}</ul>"
    )


def _off_first(tenant: Tenant) -> str:
    since = tenant.checklist.vendor_sync_off
    said = f"You confirmed that it is off since {since}." if since else "Please tell us since when it is off."
    return _section(
        "What must be off first",
        [
            "Lucca's own calendar synchronisation, for the same legal entities, before we write anything.",
            f"With both, every leave would be shown twice. {said}",
        ],
    )


def _written(tenant: Tenant) -> str:
    events = tenant.events
    title = "the absence type" if events.show_type else f"the title “{events.title}”"
    private = (
        "All events are private." if events.private else "Events are as visible as others in a calendar."
    )
    rules = " Some absence types have rules of their own." if events.type else ""
    return _section(
        "What is written into a calendar",
        [
            f"One event for each unbroken absence from {tenant.start} on, with {title}. {private}{rules}",
            "Never a comment or a reason. Nobody is invited, reminded or notified.",
        ],
    )


def _calendar(one: Told) -> Iterator[str]:
    guide = one.guide
    facts = [("For", one.whom), *guide.names]
    listed = "".join(f"<dt>{visible(name)}</dt><dd>{visible(value)}</dd>" for name, value in facts)
    yield f"<h2>{visible(one.calendar)}: {visible(guide.what)}</h2><dl>{listed}</dl>"
    yield _part("What it is for", guide.purpose)
    yield _part("What we can reach", guide.reach)
    yield _part("What we cannot reach", guide.beyond)
    yield _part("Before you begin", guide.before)
    yield _part("Steps", guide.steps, ordered=True)
    if guide.console:
        yield _part("In the Admin console", guide.console, ordered=True)
    yield _script(one)
    yield _part("What you send us", guide.back)
    yield _part("How to verify", guide.verify)
    yield _part("How long it takes to act", guide.takes)
    yield _part("How to withdraw it", guide.withdraw, ordered=True)


def _script(one: Told) -> str:
    rows = "".join(
        f'<tr><th scope="row">{number}</th><td>{visible(section.title)}</td></tr>'
        for number, section in enumerate(one.guide.sections, 1)
    )
    link = f'<a href="{visible(one.file)}">{visible(one.file)}</a>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{visible(one.file)}"><table>'
        f'<caption>The script {link}</caption><thead><tr><th scope="col">Section</th>'
        f'<th scope="col">What it is about</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f"<details><summary>Read {visible(one.file)} here</summary><pre><code>{_code(one.guide.script)}"
        "</code></pre></details>"
    )


def _code(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def _section(title: str, sentences: Iterable[str]) -> str:
    return f"<h2>{visible(title)}</h2>" + "".join(f"<p>{visible(sentence)}</p>" for sentence in sentences)


def _part(title: str, sentences: Iterable[str], *, ordered: bool = False) -> str:
    return f"<h3>{visible(title)}</h3>" + _items(sentences, "ol" if ordered else "ul")


def _items(sentences: Iterable[str], kind: str) -> str:
    return f"<{kind}>" + "".join(f"<li>{visible(sentence)}</li>" for sentence in sentences) + f"</{kind}>"
