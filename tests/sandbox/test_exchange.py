"""The Exchange stand-in, read from: items, pages, restrictions, days, mailboxes and folders."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from figgo_ops.sandbox.exchange import STATES
from figgo_ops.sandbox.exchange_recurrence import Recurrence
from figgo_ops.sandbox.exchange_times import ZONES, windows_id, zone_info
from tests.sandbox.ews import (
    ANNE,
    EXISTS,
    INVITED,
    KEY,
    MORNING,
    PAUL,
    ROMANCE,
    START,
    ZOE,
    Stage,
    at,
    compared,
    conversion,
    equal,
    marked,
    plain,
    set_all_day,
    set_end,
    set_start,
    times,
    uri,
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


# What is stored, and what is shown of it


def test_an_item_is_kept_as_it_was_sent(stage: Stage) -> None:
    extra = (
        '<t:Sensitivity>Private</t:Sensitivity><t:Body BodyType="Text">À Nîmes</t:Body>'
        "<t:Categories><t:String>RH</t:String></t:Categories><t:ReminderIsSet>false</t:ReminderIsSet>"
    )
    item = (
        f"<t:CalendarItem><t:Subject>Congé</t:Subject>{extra}<t:ExtendedProperty>{KEY}<t:Value>k1</t:Value>"
        "</t:ExtendedProperty><t:Start>2026-11-23T09:00:00+01:00</t:Start><t:End>2026-11-23T11:00:00Z</t:End>"
        "<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Nîmes</t:Location>"
        f'<t:StartTimeZone Id="{ROMANCE}"/></t:CalendarItem>'
    )
    ((identity, key),) = stage.created(item)
    kept = stage.only()
    assert (kept["id"], kept["change_key"]) == (identity, key)
    assert kept | {"uid": ""} == {
        "id": identity,
        "change_key": key,
        "uid": "",
        "subject": "Congé",
        "start": datetime(2026, 11, 23, 8, tzinfo=UTC),
        "end": datetime(2026, 11, 23, 11, tzinfo=UTC),
        "start_zone": ROMANCE,
        "end_zone": ROMANCE,
        "all_day": False,
        "first_day": date(2026, 11, 23),
        "last_day": date(2026, 11, 23),
        "status": "OOF",
        "sensitivity": "Private",
        "body": "À Nîmes",
        "body_type": "Text",
        "categories": ["RH"],
        "location": "Nîmes",
        "attendees": [],
        "recurrence": None,
        "attachments": [],
        "reminder": False,
        "properties": {"FiggoOpsKey": "k1"},
        "folder": "calendar",
    }
    assert kept["uid"].startswith("040000008200E00074C5B7101A82E008")


def test_a_reminder_is_set_unless_the_client_says_otherwise(stage: Stage) -> None:
    """A sync that forgets to say so makes telephones ring."""
    stage.created(plain())
    assert stage.only()["reminder"] is True


def test_ids_are_long_and_differ_by_case_alone(stage: Stage) -> None:
    ids = [identity for identity, _ in stage.created(*(plain() for _ in range(70)))]
    assert len(set(ids)) == 70
    assert len({identity.lower() for identity in ids}) < 70
    assert all(len(identity) > 150 for identity in ids)
    assert stage.get(ids[0].swapcase()).codes != ["NoError"]


def test_finding_shows_what_lists_show(stage: Stage) -> None:
    stage.created(marked("k1", MORNING))
    names = (
        *("item:Subject", "item:Sensitivity", "item:DisplayTo", "item:HasAttachments", "calendar:UID"),
        *("calendar:Start", "calendar:End", "calendar:IsAllDayEvent", "calendar:LegacyFreeBusyStatus"),
        *("calendar:IsMeeting", "calendar:IsRecurring", "calendar:CalendarItemType"),
        *("calendar:StartTimeZone", "calendar:EndTimeZone"),
    )
    answer = stage.find(fields="".join(uri(name) for name in names) + KEY)
    found = {element.tag.rpartition("}")[2]: element for element in answer.one("t:CalendarItem")}
    texts = {name: element.text for name, element in found.items()}
    assert texts == {
        "ItemId": None,
        "Subject": "Congés payés",
        "Sensitivity": "Normal",
        "DisplayTo": None,
        "HasAttachments": "false",
        "ExtendedProperty": None,
        "UID": stage.only()["uid"],
        "Start": "2026-11-23T08:00:00Z",
        "End": "2026-11-23T11:00:00Z",
        "IsAllDayEvent": "false",
        "LegacyFreeBusyStatus": "Busy",
        "IsMeeting": "false",
        "IsRecurring": "false",
        "CalendarItemType": "Single",
        "StartTimeZone": None,
        "EndTimeZone": None,
    }
    assert found["StartTimeZone"].get("Id") == ROMANCE
    assert answer.one("t:ExtendedProperty/t:Value").text == "k1"


@pytest.mark.parametrize(
    "name",
    [
        *("item:Body", "item:Attachments", "calendar:RequiredAttendees", "calendar:OptionalAttendees"),
        *("calendar:Resources", "calendar:Recurrence", "item:MimeContent"),
    ],
)
def test_finding_never_returns_what_only_getting_does(stage: Stage, name: str) -> None:
    assert stage.find(fields=uri(name)).codes == ["ErrorInvalidPropertyRequest"]


def test_finding_cuts_long_properties_and_getting_does_not(stage: Stage) -> None:
    ((identity, _),) = stage.created(marked("é" * 300))
    assert stage.find(fields=KEY).texts("t:Value") == ["é" * 255]
    assert stage.get(identity, fields=KEY).texts("t:Value") == ["é" * 300]


def test_getting_shows_everything(stage: Stage) -> None:
    body = '<t:Body BodyType="HTML">&lt;p&gt;Fermé&lt;/p&gt;</t:Body>'
    start = "<t:Start>2026-11-23T09:00:00Z</t:Start><t:End>2026-11-23T10:00:00Z</t:End>"
    ((identity, _),) = stage.created(f"<t:CalendarItem>{body}{start}{INVITED}</t:CalendarItem>")
    answer = stage.get(identity, base="AllProperties")
    assert answer.texts("t:RequiredAttendees//t:EmailAddress") == [ZOE]
    assert (answer.texts("t:Body"), answer.texts("t:IsMeeting")) == (["<p>Fermé</p>"], ["true"])
    assert answer.texts("t:DisplayTo") == [ZOE]


def test_pages_end_where_the_server_says(stage: Stage) -> None:
    """The cap with a restriction holds whatever the client asks for, and is four times that without one."""
    stage.exchange.switch("page_cap", 2)
    stage.created(*(marked(f"k{n}") for n in range(9)))
    page = '<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="{}" BasePoint="Beginning"/>'
    seen: list[tuple[str | None, ...]] = []
    offset: str | None = "0"
    keys: list[str | None] = []
    while offset is not None:
        answer = stage.find(EXISTS, fields=KEY, view=page.format(offset))
        root = answer.one("m:RootFolder")
        names = ("IndexedPagingOffset", "TotalItemsInView", "IncludesLastItemInRange")
        seen.append(tuple(root.get(name) for name in names))
        keys += answer.texts("t:Value")
        offset = None if seen[-1][2] == "true" else seen[-1][0]
    assert keys == [f"k{n}" for n in range(9)]
    assert seen[0] == ("2", "9", "false")
    assert seen[-1] == ("9", "9", "true")
    assert len(stage.find(view=page.format(0)).ids) == 8


@pytest.mark.parametrize(
    ("view", "code"),
    [
        ('<m:IndexedPageItemView Offset="-1" BasePoint="Beginning"/>', "ErrorInvalidIndexedPagingParameters"),
        (
            '<m:IndexedPageItemView MaxEntriesReturned="0" Offset="0" BasePoint="Beginning"/>',
            "ErrorInvalidPagingMaxRows",
        ),
    ],
)
def test_pages_that_make_no_sense_are_refused(stage: Stage, view: str, code: str) -> None:
    assert stage.find(view=view).codes == [code]


def test_pages_from_the_end_count_backwards(stage: Stage) -> None:
    stage.created(*(marked(f"k{n}") for n in range(5)))
    page = '<m:IndexedPageItemView MaxEntriesReturned="2" Offset="1" BasePoint="End"/>'
    answer = stage.find(fields=KEY, view=page)
    assert answer.texts("t:Value") == ["k2", "k3"]
    assert answer.one("m:RootFolder").get("IncludesLastItemInRange") == "false"


def test_the_order_of_a_listing_means_nothing_but_stays(stage: Stage) -> None:
    stage.created(*(marked(f"k{n}") for n in range(12)))
    usual = stage.find(fields=KEY).texts("t:Value")
    stage.exchange.switch("order", "shuffled")
    shuffled = stage.find(fields=KEY).texts("t:Value")
    assert shuffled != usual
    assert sorted(map(str, shuffled)) == sorted(map(str, usual))
    assert stage.find(fields=KEY).texts("t:Value") == shuffled


def test_a_listing_can_be_sorted(stage: Stage) -> None:
    stage.created(*(plain(subject=subject) for subject in ("b", "c", "a")))
    order = (
        f'<m:SortOrder><t:FieldOrder Order="Descending">{uri("item:Subject")}</t:FieldOrder></m:SortOrder>'
    )
    assert stage.find(fields=uri("item:Subject"), order=order).texts("t:Subject") == ["c", "b", "a"]


# Restrictions


def contains(wanted: str, mode: str, comparison: str = "Exact", what: str = KEY) -> str:
    names = f'ContainmentMode="{mode}" ContainmentComparison="{comparison}"'
    return f'<t:Contains {names}>{what}<t:Constant Value="{wanted}"/></t:Contains>'


@pytest.mark.parametrize(
    ("restriction", "subjects"),
    [
        (EXISTS, "abc"),
        (f"<t:Not>{EXISTS}</t:Not>", "d"),
        (equal(KEY, "corail/1"), "a"),
        (equal(KEY, "CORAIL/1"), "a"),
        (compared("IsNotEqualTo", KEY, "corail/1"), "bc"),
        (contains("corail/", "Prefixed"), "ab"),
        (contains("Corail/", "Prefixed"), ""),
        (contains("Corail/", "Prefixed", "IgnoreCase"), "ab"),
        (contains("ete", "FullString", "LooseAndIgnoreCaseAndIgnoreNonSpace"), "c"),
        (contains("Ete", "FullString", "IgnoreNonSpacingCharacters"), "c"),
        (contains("ete", "FullString", "IgnoreNonSpacingCharacters"), ""),
        (contains("ail", "Substring"), "ab"),
        (f"<t:Or>{equal(KEY, 'corail/1')}{equal(KEY, 'Été')}</t:Or>", "ac"),
        (f"<t:And>{EXISTS}<t:Not>{equal(KEY, 'corail/1')}</t:Not></t:And>", "bc"),
        (equal(uri("item:Subject"), "D"), "d"),
        (equal(uri("calendar:IsAllDayEvent"), "true"), "bcd"),
        (compared("IsGreaterThanOrEqualTo", START, "2026-11-23T08:00:00Z"), "a"),
        (compared("IsLessThan", START, "2026-11-23T09:00:00+01:00"), "bcd"),
        (compared("IsLessThan", uri("item:DateTimeCreated"), "2026-11-22T12:00:00Z"), ""),
    ],
)
def test_a_restriction_selects(stage: Stage, restriction: str, subjects: str) -> None:
    stage.created(
        marked("corail/1", MORNING, subject="a"),
        marked("corail/2", subject="b"),
        marked("Été", subject="c"),
        plain(subject="d"),
    )
    answer = stage.find(restriction, fields=uri("item:Subject"))
    assert "".join(map(str, answer.texts("t:Subject"))) == subjects


def test_a_selection_is_made_anew_when_the_mailbox_changes(stage: Stage) -> None:
    first, _ = stage.created(marked("k1"), marked("k2"))
    assert len(stage.find(EXISTS).ids) == 2
    stage.delete(first[0], how="HardDelete")
    assert len(stage.find(EXISTS).ids) == 1
    stage.exchange.owner(ANNE).copy(stage.only()["id"])
    assert len(stage.find(EXISTS).ids) == 2


@pytest.mark.parametrize(("count", "code"), [(254, "NoError"), (255, "ErrorRestrictionTooLong")])
def test_a_restriction_holds_255_nodes(stage: Stage, count: int, code: str) -> None:
    assert stage.find(f"<t:Or>{equal(KEY, 'k') * count}</t:Or>").codes == [code]


def test_ranges_may_be_refused(stage: Stage) -> None:
    stage.exchange.switch("restrictions", "no-ranges")
    later = compared("IsGreaterThan", START, "2026-11-23T08:00:00Z")
    assert stage.find(f"<t:Not>{later}</t:Not>").codes == ["ErrorUnsupportedQueryFilter"]
    assert stage.find(EXISTS).codes == ["NoError"]


@pytest.mark.parametrize(
    ("restriction", "code"),
    [
        (equal(uri("calendar:UID"), "x"), "ErrorUnsupportedPathForQuery"),
        (contains("x", "Substring", what=uri("item:Body")), "ErrorUnsupportedPathForQuery"),
        (contains("1", "Substring", what=uri("item:ReminderIsSet")), "ErrorUnsupportedPathForQuery"),
        (compared("IsEqualTo", START, "tomorrow"), "ErrorInvalidValueForProperty"),
        (
            equal(KEY.replace("Name", "Tag"), "x").replace("FiggoOpsKey", "0x1"),
            "ErrorInvalidExtendedProperty",
        ),
    ],
)
def test_what_cannot_be_searched_for_is_refused(stage: Stage, restriction: str, code: str) -> None:
    assert stage.find(restriction).codes == [code]


# Calendar views


def view(start: str, end: str, most: int | None = None) -> str:
    cap = f' MaxEntriesReturned="{most}"' if most else ""
    return f'<m:CalendarView StartDate="{start}" EndDate="{end}"{cap}/>'


def test_a_view_unrolls_series(stage: Stage) -> None:
    series = (
        "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>"
        "<t:NumberedRecurrence><t:StartDate>2026-10-19</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences>"
        "</t:NumberedRecurrence></t:Recurrence>"
    )
    start = "<t:Start>2026-10-19T09:00:00+02:00</t:Start><t:End>2026-10-19T10:00:00+02:00</t:End>"
    ((master, _),) = stage.created(
        f'<t:CalendarItem>{start}{series}<t:StartTimeZone Id="{ROMANCE}"/></t:CalendarItem>'
    )
    answer = stage.find(
        view=view("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        fields=START + uri("calendar:CalendarItemType"),
    )
    # The clocks change between the first and the second Monday: nine in the morning stays nine.
    assert answer.texts("t:Start") == ["2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z", "2026-11-02T08:00:00Z"]
    assert answer.texts("t:CalendarItemType") == ["Occurrence"] * 3
    second = answer.ids[1][0]
    assert stage.get(second, fields=START).texts("t:Start") == ["2026-10-26T08:00:00Z"]
    assert stage.delete(second).codes == ["ErrorInvalidOperation"]
    assert stage.find(fields=uri("calendar:CalendarItemType")).texts("t:CalendarItemType") == [
        "RecurringMaster"
    ]
    assert stage.get(master, fields=uri("calendar:Recurrence")).texts("t:NumberOfOccurrences") == ["3"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (Recurrence("DailyRecurrence", date(2026, 12, 30), interval=2, times=3), "12-30 01-01 01-03"),
        (
            Recurrence(
                "WeeklyRecurrence", date(2026, 12, 2), interval=2, days=(0, 2), last=date(2026, 12, 30)
            ),
            "12-02 12-14 12-16 12-28 12-30",
        ),
        (Recurrence("AbsoluteMonthlyRecurrence", date(2026, 12, 31), day=31, times=3), "12-31 01-31 02-28"),
        (
            Recurrence("AbsoluteYearlyRecurrence", date(2026, 12, 1), day=24, month=12, times=2),
            "12-24 12-24",
        ),
    ],
)
def test_series_fall_on_their_days(rule: Recurrence, days: str) -> None:
    assert " ".join(day.isoformat()[5:] for day in rule.dates()) == days


def test_a_view_shows_what_touches_it(stage: Stage) -> None:
    stage.created(
        plain(MORNING, "a"),
        plain(subject="b"),
        plain(times("2026-11-25T08:00:00Z", "2026-11-25T09:00:00Z"), "c"),
    )
    seen = stage.find(view=view("2026-11-23T11:00:00Z", "2026-11-25T08:00:00Z"), fields=uri("item:Subject"))
    assert seen.texts("t:Subject") == ["b"]
    capped = stage.find(
        view=view("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", 2), fields=uri("item:Subject")
    )
    assert capped.texts("t:Subject") == ["b", "a"]
    assert capped.one("m:RootFolder").get("IncludesLastItemInRange") == "false"


@pytest.mark.parametrize(
    ("shown", "restriction", "code"),
    [
        (view("2026-01-01T00:00:00Z", "2028-06-01T00:00:00Z"), "", "ErrorCalendarViewRangeTooBig"),
        (view("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"), EXISTS, "ErrorInvalidOperation"),
        (
            view("2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            "",
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
    ],
)
def test_views_have_limits(stage: Stage, shown: str, restriction: str, code: str) -> None:
    assert stage.find(restriction, view=shown).codes == [code]


# Days


@pytest.mark.parametrize(
    ("start", "end", "zone", "kept"),
    [
        (
            "2026-11-23T09:00:00+01:00",
            "2026-11-24T12:00:00+01:00",
            ROMANCE,
            ("2026-11-22T23", "2026-11-24T23"),
        ),
        (
            "2026-11-23T00:00:00+01:00",
            "2026-11-24T00:00:00+01:00",
            ROMANCE,
            ("2026-11-22T23", "2026-11-23T23"),
        ),
        ("2026-11-23T00:00:00", "2026-11-23T00:00:00", ROMANCE, ("2026-11-22T23", "2026-11-23T23")),
        # Midnight in Paris is not midnight in Martinique: the day grows.
        (
            "2026-11-23T00:00:00+01:00",
            "2026-11-24T00:00:00+01:00",
            "SA Western Standard Time",
            ("2026-11-22T04", "2026-11-24T04"),
        ),
        # The week in which Paris puts its clocks forward has a day of 23 hours.
        ("2026-03-29T00:00:00", "2026-03-30T00:00:00", ROMANCE, ("2026-03-28T23", "2026-03-29T22")),
        ("2026-03-29T09:00:00", "2026-03-29T12:00:00", ROMANCE, ("2026-03-28T23", "2026-03-29T22")),
        # In Cairo that day begins at one in the morning.
        (
            "2026-04-24T00:00:00",
            "2026-04-25T00:00:00",
            "Egypt Standard Time",
            ("2026-04-23T22", "2026-04-24T21"),
        ),
    ],
)
def test_whole_days_are_whole_days_of_their_zone(
    stage: Stage, start: str, end: str, zone: str, kept: tuple[str, str]
) -> None:
    stage.created(plain(times(start, end, all_day=True, zone=zone)))
    item = stage.only()
    assert (item["start"].isoformat()[:13], item["end"].isoformat()[:13]) == kept


def test_days_are_told_with_the_last_one_included(stage: Stage) -> None:
    stage.created(plain(times("2026-11-23T00:00:00", "2026-11-26T00:00:00", all_day=True)))
    assert (stage.only()["first_day"], stage.only()["last_day"]) == (date(2026, 11, 23), date(2026, 11, 25))


def test_times_set_on_a_whole_day_are_widened_before_it_stops_being_one(stage: Stage) -> None:
    """The order of the updates decides: the usual client's own order loses the hours."""
    ((identity, key),) = stage.created(plain())
    hours = (set_start(at("09:00")), set_end(at("12:00")))
    answer = stage.update((identity, key), *hours, set_all_day("false"))
    assert answer.codes == ["NoError"]
    assert (stage.only()["start"].hour, stage.only()["end"].hour) == (23, 23)
    stage.update(answer.ids[0], *hours)
    assert (stage.only()["start"].hour, stage.only()["end"].hour) == (8, 11)


def test_a_day_that_stops_being_whole_first_takes_hours(stage: Stage) -> None:
    ((identity, key),) = stage.created(plain())
    stage.update((identity, key), set_all_day("0"), set_start(at("09:00")), set_end(at("12:00")))
    kept = stage.only()
    assert (kept["all_day"], kept["start"].hour, kept["end"].hour) == (False, 8, 11)


def test_naive_times_are_those_of_the_request_s_zone(stage: Stage) -> None:
    item = plain(times("2026-11-23T09:00:00", "2026-11-23T12:00:00", zone=None))
    stage.created(item, zone="Tokyo Standard Time")
    stage.created(item, who=ZOE)
    assert (stage.only()["start"].hour, stage.only()["start_zone"]) == (0, "Tokyo Standard Time")
    assert (stage.only(ZOE)["start"].hour, stage.only(ZOE)["start_zone"]) == (9, "UTC")


def test_every_zone_has_rules_and_a_name() -> None:
    assert all(windows_id(zone_info(name).key) == name for name in ZONES)
    assert windows_id("America/Martinique") == "SA Western Standard Time"
    with pytest.raises(KeyError):
        windows_id("Europe/Lutetia")


# Mailboxes


def test_each_item_stays_in_its_mailbox(stage: Stage) -> None:
    stage.created(plain(subject="a"))
    stage.created(plain(subject="z"), who=ZOE.upper())
    assert (stage.only()["subject"], stage.only(ZOE)["subject"]) == ("a", "z")
    assert [entry.principal for entry in stage.log.entries()] == [ANNE, ZOE]


def test_a_lost_impersonation_writes_to_the_service_account(stage: Stage) -> None:
    """And nobody complains, unless the folder says whose calendar was meant."""
    stage.created(plain(), who=None)
    assert (stage.content(), len(stage.content(stage.exchange.account))) == ([], 1)
    owned = f"<t:Mailbox><t:EmailAddress>{ANNE}</t:EmailAddress></t:Mailbox>"
    named = f'<t:DistinguishedFolderId Id="calendar">{owned}</t:DistinguishedFolderId>'
    assert stage.create(plain(), who=None, folder=named).codes == ["ErrorAccessDenied"]
    assert stage.find(who=ZOE, folder=named).codes == ["ErrorAccessDenied"]
    assert stage.find(folder=named).codes == ["NoError"]
    nobody = named.replace("anne.lefevre", "nobody")
    assert stage.find(folder=nobody).codes == ["ErrorNonExistentMailbox"]


EXPECTED = {
    "outside": "ErrorImpersonateUserDenied",
    "cloud": "ErrorNonExistentMailbox",
    "unknown": "ErrorNonExistentMailbox",
    "disabled": "ErrorAccountDisabled",
    "moving": "ErrorMailboxMoveInProgress",
    "no-access": "ErrorAccessDenied",
    "elsewhere": "ErrorNoRespondingCASInDestinationSite",
    "store-down": "ErrorMailboxStoreUnavailable",
}


def test_a_mailbox_out_of_reach_says_why(stage: Stage) -> None:
    """On each item, or as a fault of the whole request, whichever the switch says."""
    for state, code in EXPECTED.items():
        stage.exchange.set_state(ANNE, state)
        stage.exchange.switch("errors", "item")
        assert stage.create(plain(), plain()).codes == [code, code]
        assert stage.find().codes == stage.delete("AAMk").codes == [code]
        stage.exchange.switch("errors", "fault")
        assert stage.create(plain()).fault == stage.find().fault == code
    assert set(EXPECTED) | {"ok", "full"} == set(STATES)
    stage.exchange.set_state(ANNE, "ok")
    assert stage.content() == []


def test_a_full_mailbox_is_read_and_emptied_but_not_filled(stage: Stage) -> None:
    ((identity, key),) = stage.created(plain())
    stage.exchange.set_state(ANNE, "full")
    assert stage.create(plain()).codes == ["ErrorQuotaExceeded"]
    assert stage.update((identity, key), set_all_day("1")).codes == ["NoError"]
    assert stage.find().codes == stage.delete(identity).codes == ["NoError"]


def test_addresses_that_name_nobody(stage: Stage) -> None:
    assert stage.find(who="nobody@corail.example").codes == ["ErrorNonExistentMailbox"]
    assert stage.find(who="anne").codes == ["ErrorInvalidSmtpAddress"]
    assert stage.find(who="S-1-5-21-1", as_="SID").codes == ["ErrorInvalidUserSid"]


def test_an_alias_is_not_the_primary_address(stage: Stage) -> None:
    answer = stage.find(who=PAUL)
    assert answer.codes == ["ErrorNonPrimarySmtpAddress"]
    value = answer.one("m:MessageXml/t:Value")
    assert (value.get("Name"), value.text) == ("Primary", "paul.ricci@corail.example")
    stage.exchange.switch("errors", "fault")
    fault = stage.find(who=PAUL)
    assert (fault.fault, fault.texts("t:Value")) == (
        "ErrorNonPrimarySmtpAddress",
        ["paul.ricci@corail.example"],
    )
    assert stage.find(who=PAUL, as_="SmtpAddress").codes == ["NoError"]


def test_a_renamed_mailbox_keeps_its_content(stage: Stage) -> None:
    stage.created(plain())
    stage.exchange.rename_mailbox(ANNE, "anne.morel@corail.example")
    assert stage.find().codes == ["ErrorNonPrimarySmtpAddress"]
    assert len(stage.find(who="anne.morel@corail.example").ids) == 1
    stage.exchange.rename_mailbox("anne.morel@corail.example", "anne.roux@corail.example", keep_alias=False)
    assert stage.find(who="anne.morel@corail.example").codes == ["ErrorNonExistentMailbox"]
    assert len(stage.content(ANNE)) == 1
    assert stage.exchange.mails()[-1] == "anne.roux@corail.example"


def test_a_mailbox_is_added_once_and_to_a_place_that_exists(stage: Stage) -> None:
    for wrong in (
        {"mail": ANNE},
        {"mail": "x@y.example", "state": "asleep"},
        {"mail": "x@y.example", "zone": "Europe/Lutetia"},
    ):
        with pytest.raises(ValueError, match="cannot be added"):
            stage.exchange.add_mailbox(**wrong)
    with pytest.raises(ValueError, match="unknown state"):
        stage.exchange.set_state(ANNE, "asleep")


# Smaller operations


def folder(*names: str, fields: str = "", base: str = "Default") -> str:
    more = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>" if fields else ""
    ids = "".join(f'<t:DistinguishedFolderId Id="{name}"/>' for name in names)
    shape = f"<m:FolderShape><t:BaseShape>{base}</t:BaseShape>{more}</m:FolderShape>"
    return f"<m:GetFolder>{shape}<m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"


def test_folders_count_what_they_hold_and_go_by_an_id_too(stage: Stage) -> None:
    stage.created(plain(), plain())
    answer = stage.ask(folder("calendar", "root"))
    assert answer.texts("t:TotalCount") == ["2", "0"]
    assert answer.texts("t:FolderClass") == ["IPF.Appointment", "IPF.Note"]
    by_id = f'<t:FolderId Id="{answer.all("t:FolderId")[0].get("Id")}"/>'
    assert len(stage.find(folder=by_id).ids) == 2
    assert stage.find(folder=by_id, who=ZOE).codes == ["ErrorFolderNotFound"]


def test_old_servers_do_not_know_a_folder_s_distinguished_name(stage: Stage) -> None:
    asked = folder("calendar", fields=uri("folder:DistinguishedFolderId"))
    assert stage.ask(asked, version="Exchange2016").texts("t:DistinguishedFolderId") == ["calendar"]
    stage.exchange.switch("version", "2013")
    assert stage.ask(asked).fault == "ErrorInvalidPropertyRequest"


OPTIONS = (
    '<m:GetUserConfiguration><m:UserConfigurationName Name="{}"><t:DistinguishedFolderId Id="root"/>'
    "</m:UserConfigurationName><m:UserConfigurationProperties>Dictionary</m:UserConfigurationProperties>"
    "</m:GetUserConfiguration>"
)


def test_the_owner_s_zone_stands_in_the_options_of_the_web(stage: Stage) -> None:
    stage.exchange.add_mailbox("lea@corail.example", zone="America/Martinique")
    answer = stage.ask(OPTIONS.format("OWA.UserOptions"), who="lea@corail.example")
    keys, values = answer.texts("t:DictionaryKey/t:Value"), answer.texts("t:DictionaryValue/t:Value")
    assert dict(zip(keys, values, strict=True))["timezone"] == "SA Western Standard Time"
    stage.exchange.owner("lea@corail.example").set_zone("Asia/Kathmandu")
    assert "Nepal Standard Time" in stage.ask(
        OPTIONS.format("OWA.UserOptions"), who="lea@corail.example"
    ).texts("t:Value")


def test_who_never_used_the_web_has_no_options(stage: Stage) -> None:
    stage.exchange.mailbox(ANNE).uses_web = False
    assert stage.ask(OPTIONS.format("OWA.UserOptions")).codes == ["ErrorItemNotFound"]
    assert stage.ask(OPTIONS.format("Calendar")).codes == ["ErrorItemNotFound"]


def test_ids_are_converted(stage: Stage) -> None:
    ((identity, _),) = stage.created(plain())
    spelt = stage.ask(conversion("HexEntryId", "EwsId", identity, ANNE)).one("m:AlternateId").get("Id")
    assert bytes.fromhex(spelt) == base64.b64decode(identity)
    back = stage.ask(conversion("EwsId", "HexEntryId", spelt, ANNE)).one("m:AlternateId").get("Id")
    assert back == identity
    assert stage.ask(conversion("EwsId", "EwsId", "DUMMY", "DUMMY")).codes == ["ErrorInvalidIdMalformed"]


@pytest.mark.parametrize(
    ("server", "asked", "major"),
    [
        ("2016", "Exchange2016", "15.1"),
        ("2016", "Exchange2013", "15.1"),
        ("2019", "Exchange2016", "15.2"),
        ("SE", "Exchange2016", "15.2"),
        ("2013", "Exchange2013_SP1", "15.0"),
        ("2013", "Exchange2016", None),
        ("2010", "Exchange2010_SP2", "14.3"),
        ("2010", "Exchange2013", None),
        ("2016", "Exchange2015_SP1", None),
        ("unknown", "Exchange2016", ""),
    ],
)
def test_servers_refuse_versions_newer_than_they_are(
    stage: Stage, server: str, asked: str, major: str | None
) -> None:
    stage.exchange.switch("version", server)
    answer = stage.find(version=asked)
    if major is None:
        assert answer.fault == "ErrorInvalidServerVersion"
    else:
        shown = [
            ".".join((e.get("MajorVersion"), e.get("MinorVersion")))
            for e in answer.all("t:ServerVersionInfo")
        ]
        assert shown == ([major] if major else [])
