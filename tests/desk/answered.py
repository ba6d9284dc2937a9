"""Answers as people give them: plain ones, and as Hypothesis draws them, with names nobody should have."""

from datetime import date

from hypothesis import strategies as st

from figgo_ops.desk.onboarding import (
    Answers,
    CalendarAnswers,
    EventAnswers,
    FiggoAnswers,
    TypeAnswers,
    ZoneAnswers,
)

TODAY = date(2026, 11, 23)

GOOGLE = CalendarAnswers("siège", "google", (1, 4), fields={"service_account": "file:acme-sa.json"})
EXCHANGE = CalendarAnswers(
    "Lyon",
    "exchange",
    (2,),
    fields={"url": "https://mail.acme.example", "user": r"ACME\svc-figgo", "password": "keyring:acme/ews"},
)
MICROSOFT365 = CalendarAnswers(
    "Genève",
    "microsoft365",
    (3,),
    fields={
        "tenant_id": "acme.example",
        "client_id": "3f0d6f8b-2b1a-4a0e-9c7d-5e8a41b6d2f9",
        "certificate": "file:acme.pem",
    },
)

ACME = Answers(
    name="acme",
    timezone="Europe/Paris",
    start=date(2026, 1, 1),
    figgo=FiggoAnswers("https://acme.ilucca.net", "acme.ilucca.net", "env:ACME_FIGGO_KEY"),
    calendars=(GOOGLE, EXCHANGE, MICROSOFT365),
    events=EventAnswers(
        look_alikes="ask",
        types=(TypeAnswers("Maladie*", "Absent", private=True), TypeAnswers("RTT*", skip=True)),
    ),
    zones=(ZoneAnswers("America/Martinique", (4,)),),
    only=(61, "ines.carrel@acme.example"),
    vendor_sync_off=date(2026, 11, 20),
)
"""A customer who has answered everything."""

HARD = st.sampled_from(
    [
        "'",
        '"',
        "\\",
        "$(id)",
        "`id`",
        "# no comment",
        " = ",
        ",",
        "]",
        "]]",
        "\u2019",
        "é",
        "'''",
        '"""',
        "=",
        "--save",
        "%s",
        "🦊",
    ]
)
SOFT = st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"])
WORDS = st.lists(HARD | SOFT, min_size=1, max_size=8).map("".join).filter(str.strip)
IDS = st.lists(st.integers(1, 10**6), max_size=3, unique=True).map(tuple)
SOME_IDS = st.lists(st.integers(1, 10**6), min_size=1, max_size=3, unique=True).map(tuple)
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))
REFERENCES = st.one_of(
    st.sampled_from(["env:ACME_KEY", "keyring:acme/figgo"]),
    WORDS.filter(lambda text: "\n" not in text).map(lambda text: f"file:{text}"),
)
ZONES = st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Noumea"])
MAILS = st.integers(1, 999).map(lambda number: f"n{number}@acme.example")
PEOPLE = st.lists(st.integers(1, 10**6) | MAILS, max_size=3, unique=True).map(tuple)
LOOKS = st.sampled_from(["busy", "away", "free", "elsewhere"])


@st.composite
def _fields(draw: st.DrawFn, kind: str) -> dict[str, str | bool | int | float]:
    if kind == "google":
        found: dict[str, str | bool | int | float] = {"service_account": draw(REFERENCES)}
    elif kind == "exchange":
        found = {
            "url": "https://mail.acme.example/EWS/Exchange.asmx",
            "user": draw(WORDS),
            "password": draw(REFERENCES),
            "deletion": draw(st.sampled_from(["soft", "hard"])),
        }
    else:
        found = {**MICROSOFT365.fields, "certificate": draw(REFERENCES)}
    if draw(st.booleans()):
        found |= {"threads": draw(st.integers(1, 8)), "ca_file": f"/etc/{draw(WORDS)}.pem"}
    return found


@st.composite
def _calendars(draw: st.DrawFn) -> tuple[CalendarAnswers, ...]:
    """Each reaches somebody; only the last may be for everyone."""
    names = draw(
        st.lists(
            WORDS.map(lambda text: text.replace("/", "")[:80]).filter(bool),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    found = []
    for number, name in enumerate(names):
        kind = draw(st.sampled_from(["google", "exchange", "microsoft365"]))
        last = number == len(names) - 1
        by = draw(st.sampled_from(["entities", "domains", *["all"] * last]))
        found.append(
            CalendarAnswers(
                name,
                kind,
                draw(SOME_IDS) if by == "entities" else (),
                (f"d{number}.example",) if by == "domains" else (),
                draw(_fields(kind)),
                draw(st.none() | DAYS),
                draw(st.just("") | MAILS),
            )
        )
    return tuple(found)


TYPES = st.builds(
    TypeAnswers,
    match=WORDS,
    title=st.just("") | WORDS,
    show_as=st.just("") | LOOKS,
    private=st.none() | st.booleans(),
    skip=st.none() | st.booleans(),
)
EVENTS = st.builds(
    EventAnswers,
    title=WORDS,
    show_type=st.booleans(),
    whole_days=st.sampled_from(["all-day", "hours"]),
    morning=st.sampled_from([("09:00", "12:00"), ("08:30", "12:15")]),
    afternoon=st.sampled_from([("14:00", "18:00"), ("13:00", "17:30")]),
    pending=st.sampled_from(["tentative", "hidden"]),
    private=st.booleans(),
    show_as=LOOKS,
    hand_edits=st.sampled_from(["restore", "respect"]),
    look_alikes=st.sampled_from(["ask", "adopt", "ignore"]),
    past_days=st.integers(0, 400),
    future_days=st.integers(0, 400),
    types=st.lists(TYPES, max_size=3).map(tuple),
)
FIGGO = st.builds(
    FiggoAnswers,
    url=st.sampled_from(["https://acme.ilucca.net", "https://acme.ilucca-test.ch:8443/"]),
    host=st.just("acme.ilucca.net"),
    api_key=REFERENCES,
    webhook_secret=st.just("") | REFERENCES,
    working_time=st.sampled_from(["weekdays", "userdates"]),
    weekend=st.sampled_from([("saturday", "sunday"), ("friday",), ("sunday", "saturday")]),
    rest_rows=st.booleans(),
    ca_file=st.just("") | WORDS,
    per_minute=st.sampled_from([25, 12.5, 50]),
)
ANSWERS = st.builds(
    Answers,
    name=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
    timezone=ZONES,
    start=DAYS,
    figgo=FIGGO,
    calendars=_calendars(),
    events=EVENTS,
    zones=st.lists(st.builds(ZoneAnswers, ZONES, SOME_IDS, IDS), max_size=2).map(tuple),
    only=PEOPLE,
    excluded=PEOPLE,
    vendor_sync_off=DAYS,
)
"""Answers without a mistake."""
