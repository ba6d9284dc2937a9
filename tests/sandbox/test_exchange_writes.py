"""The Exchange stand-in, written to: by clients, and by people in Outlook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from figgo_ops.sandbox.exchange import Notification
from figgo_ops.sandbox.exchange_owner import ACTS, act
from tests.sandbox.ews import (
    ANNE,
    EXISTS,
    KEY,
    ROMANCE,
    SPACES,
    ZOE,
    Stage,
    at,
    marked,
    plain,
    set_end,
    set_field,
    shaped,
    times,
    uri,
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


# What is refused


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (plain(times(at("12:00"), at("09:00"))), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (plain(times("2026-01-01T00:00:00Z", "2031-06-01T00:00:00Z")), "ErrorCalendarDurationIsTooLong"),
        (
            plain(times(at("09:00"), at("12:00"), zone="Lutetia Standard Time")),
            "ErrorCalendarInvalidTimeZone",
        ),
        (plain(subject="x" * 256), "ErrorPropertyUpdate"),
        ("<t:CalendarItem><t:DisplayTo>x</t:DisplayTo></t:CalendarItem>", "ErrorInvalidPropertySet"),
        ("<t:Task><t:Subject>x</t:Subject></t:Task>", "ErrorInvalidItemForOperationCreateItem"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused_alone(stage: Stage, item: str, code: str) -> None:
    answer = stage.create(plain(subject="good"), item, plain(subject="good"))
    assert answer.codes == ["NoError", code, "NoError"]
    assert [kept["subject"] for kept in stage.content()] == ["good", "good"]


@pytest.mark.parametrize(
    "item",
    [
        plain(times("2026-11-23", "2026-11-24", all_day=True)),
        plain("<t:Start>2026-11-23T09:00Z</t:Start>"),
        plain("<t:IsAllDayEvent>yes</t:IsAllDayEvent>"),
        plain("<t:LegacyFreeBusyStatus>Away</t:LegacyFreeBusyStatus>"),
        plain("<t:Colour>Red</t:Colour>"),
        plain("<t:End>2026-11-24T00:00:00Z</t:End><t:Start>2026-11-23T00:00:00Z</t:Start>"),
        plain("<m:Location>Nîmes</m:Location>"),
    ],
)
def test_what_breaks_the_schema_stops_the_whole_request(stage: Stage, item: str) -> None:
    """Nothing is stored, whether Microsoft's own schema is there or only the stand-in's rules."""
    for check in (True, False):
        stage.exchange.check = check
        assert stage.create(plain(), item).fault == "ErrorSchemaValidation"
        assert stage.content() == []


@pytest.mark.parametrize(
    "operation",
    [
        '<m:FindItem Traversal="Sideways"/>',
        f"<m:GetItem>{shaped('Everything', '')}<m:ItemIds/></m:GetItem>",
        f"<m:GetItem>{shaped('IdOnly', uri('calendar:Mood'))}<m:ItemIds/></m:GetItem>",
        '<m:DeleteItem DeleteType="Shred"><m:ItemIds/></m:DeleteItem>',
        "<m:CreateItem><m:Things/></m:CreateItem>",
        (
            "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
            '<t:DistinguishedFolderId Id="cellar"/></m:FolderIds></m:GetFolder>'
        ),
    ],
)
def test_unknown_words_break_the_schema(stage: Stage, operation: str) -> None:
    for check in (True, False):
        stage.exchange.check = check
        assert stage.ask(operation).fault == "ErrorSchemaValidation"


def test_a_broken_schema_is_counted(stage: Stage) -> None:
    stage.created(plain())
    assert stage.exchange.violations == []
    stage.create(plain("<t:Colour>Red</t:Colour>"))
    stage.exchange.check = False
    stage.create(plain("<t:Colour>Red</t:Colour>"))
    assert len(stage.exchange.violations) == 2
    assert all("Colour" in text for text in stage.exchange.violations)


def test_unknown_operations_and_other_bodies_are_refused(stage: Stage) -> None:
    stage.exchange.check = False
    assert stage.ask("<m:BrewCoffee/>").fault == "ErrorInvalidRequest"
    assert stage.ask("<m:GetRoomLists/>").fault == "ErrorInvalidRequest"
    assert stage.post(b"good morning").status == 400
    assert stage.post(b'<!DOCTYPE s [<!ENTITY x "y">]><s>&x;</s>').status == 400
    envelope = f'<s:Envelope xmlns:s="{SPACES["s"]}"><s:Body><x/></s:Body></s:Envelope>'
    assert stage.post(envelope.encode()).status == 500
    assert stage.post(b"<!DOCTYPE x>" + envelope.encode()).status == 400
    assert stage.post(b"", path="/EWS/Services.wsdl").status == 404
    assert stage.post(b"", method="GET").status == 405


def test_sending_must_be_said_for_every_write(stage: Stage) -> None:
    ((identity, key),) = stage.created(plain())
    subject = set_field("item:Subject", "<t:Subject>x</t:Subject>")
    assert stage.create(plain(), send="").codes == ["ErrorSendMeetingInvitationsRequired"]
    assert stage.update((identity, key), subject, send="").codes == [
        "ErrorSendMeetingInvitationsOrCancellationsRequired"
    ]
    assert stage.delete(identity, send="").codes == ["ErrorSendMeetingCancellationsRequired"]
    assert stage.only()["change_key"] == key


def test_only_calendars_take_appointments(stage: Stage) -> None:
    answer = stage.create(plain(), folder='<t:DistinguishedFolderId Id="inbox"/>')
    assert answer.codes == ["ErrorCannotCreateCalendarItemInNonCalendarFolder"]


def test_large_requests_are_refused(stage: Stage) -> None:
    stage.exchange.switch("max_items", 2)
    assert stage.create(plain(), plain(), plain()).fault == "ErrorRequestStreamTooBig"
    assert len(stage.created(plain(), plain())) == 2
    stage.exchange.switch("max_body", 500)
    assert stage.create(plain()).status == 413


# Updates


def test_every_change_gives_a_new_change_key(stage: Stage) -> None:
    ((identity, key),) = stage.created(plain())
    answer = stage.update((identity, key), set_field("item:Subject", "<t:Subject>Absente</t:Subject>"))
    assert (answer.codes, answer.texts("t:Count")) == (["NoError"], ["0"])
    assert answer.ids[0][0] == identity
    assert answer.ids[0][1] not in (key, None)
    assert (stage.only()["subject"], stage.only()["change_key"]) == ("Absente", answer.ids[0][1])


@pytest.mark.parametrize(
    ("conflict", "stale", "code"),
    [
        ("NeverOverwrite", "stale", "ErrorIrresolvableConflict"),
        ("AutoResolve", "stale", "NoError"),
        ("AlwaysOverwrite", "stale", "NoError"),
        ("NeverOverwrite", None, "ErrorChangeKeyRequired"),
        ("AutoResolve", None, "ErrorChangeKeyRequired"),
        ("AlwaysOverwrite", None, "NoError"),
        ("NeverOverwrite", "RkFLRQ==", "ErrorInvalidChangeKey"),
        ("AlwaysOverwrite", "no base64", "ErrorInvalidChangeKey"),
    ],
)
def test_conflicts_are_settled_as_asked(stage: Stage, conflict: str, stale: str | None, code: str) -> None:
    ((identity, old),) = stage.created(plain())
    stage.exchange.owner(ANNE).rename(identity, "Dentiste")
    subject = set_field("item:Subject", "<t:Subject>Absent</t:Subject>")
    answer = stage.update((identity, old if stale == "stale" else stale), subject, conflict=conflict)
    assert answer.codes == [code]
    assert stage.only()["subject"] == ("Absent" if code == "NoError" else "Dentiste")


def test_where_stale_change_keys_are_noticed_can_be_chosen(stage: Stage) -> None:
    ((identity, old),) = stage.created(plain())
    stage.exchange.owner(ANNE).rename(identity, "Dentiste")
    stage.exchange.switch("change_keys", "nowhere")
    subject = set_field("item:Subject", "<t:Subject>Absent</t:Subject>")
    assert stage.update((identity, old), subject).codes == ["NoError"]
    stage.exchange.switch("change_keys", "everywhere")
    removal = (
        '<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone">'
        "<m:ItemIds>{}</m:ItemIds></m:DeleteItem>"
    )
    by_key = f'<t:ItemId Id="{identity}" ChangeKey="{old}"/>'
    assert stage.ask(removal.format(by_key)).codes == ["ErrorStaleObject"]
    fetched = f"<m:GetItem>{shaped('IdOnly', '')}<m:ItemIds>{by_key}</m:ItemIds></m:GetItem>"
    assert stage.ask(fetched).codes == ["ErrorStaleObject"]
    stage.exchange.switch("change_keys", "updates")
    assert stage.ask(removal.format(by_key)).codes == ["NoError"]


def test_fields_can_be_emptied_and_others_stay(stage: Stage) -> None:
    ((identity, key),) = stage.created(marked("k1", "<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>"))
    gone = "".join(f"<t:DeleteItemField>{name}</t:DeleteItemField>" for name in (uri("item:Subject"), KEY))
    assert stage.update((identity, key), gone).codes == ["NoError"]
    kept = stage.only()
    assert (kept["subject"], kept["properties"], kept["status"]) == (None, {}, "OOF")


@pytest.mark.parametrize(
    ("update", "code"),
    [
        (f"<t:DeleteItemField>{uri('calendar:Start')}</t:DeleteItemField>", "ErrorInvalidPropertyDelete"),
        (set_field("item:Subject", "<t:Location>x</t:Location>"), "ErrorUpdatePropertyMismatch"),
        (
            set_field("item:Subject", "<t:Subject>x</t:Subject><t:Location>x</t:Location>"),
            "ErrorIncorrectUpdatePropertyCount",
        ),
        (
            set_field("item:HasAttachments", "<t:HasAttachments>1</t:HasAttachments>"),
            "ErrorInvalidPropertySet",
        ),
        (set_field("calendar:UID", "<t:UID>x</t:UID>"), "ErrorInvalidPropertySet"),
        (set_end(at("00:00")), "NoError"),
        (set_end("2026-11-22T00:00:00+01:00"), "ErrorCalendarEndDateIsEarlierThanStartDate"),
    ],
)
def test_updates_that_make_no_sense_change_nothing(stage: Stage, update: str, code: str) -> None:
    ((identity, key),) = stage.created(plain())
    before = stage.only()
    status = set_field(
        "calendar:LegacyFreeBusyStatus", "<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>"
    )
    value = f"<t:ExtendedProperty>{KEY}<t:Value>k2</t:Value></t:ExtendedProperty>"
    named = f"<t:SetItemField>{KEY}<t:CalendarItem>{value}</t:CalendarItem></t:SetItemField>"
    assert stage.update((identity, key), status, named, update).codes == [code]
    assert (stage.only() == before) is (code != "NoError")


def test_a_note_survives_an_update(stage: Stage) -> None:
    ((identity, _),) = stage.created(marked("k1"))
    owner = stage.exchange.owner(ANNE)
    owner.annotate(identity, "Clés chez Zoé")
    key = owner.categorise(identity, ["Perso"])["change_key"]
    stage.update((identity, key), set_field("item:Subject", "<t:Subject>Absente</t:Subject>"))
    kept = stage.only()
    assert (kept["body"], kept["categories"], kept["properties"]) == (
        "Clés chez Zoé",
        ["Perso"],
        {"FiggoOpsKey": "k1"},
    )


# Removals


def test_a_removed_item_lies_in_deleted_items_under_another_id(stage: Stage) -> None:
    ((identity, _),) = stage.created(marked("k1"))
    uid = stage.only()["uid"]
    assert stage.delete(identity).codes == ["NoError"]
    assert stage.content() == []
    (kept,) = stage.content(deleted=True)
    assert kept["id"] != identity
    assert (kept["folder"], kept["uid"], kept["properties"]) == ("deleteditems", uid, {"FiggoOpsKey": "k1"})
    assert stage.get(identity).codes == stage.delete(identity).codes == ["ErrorItemNotFound"]
    assert stage.find(EXISTS).ids == []
    bin_ = '<t:DistinguishedFolderId Id="deleteditems"/>'
    assert [found for found, _ in stage.find(EXISTS, folder=bin_).ids] == [kept["id"]]
    assert stage.get(kept["id"]).codes == ["NoError"]


@pytest.mark.parametrize(("how", "left"), [("SoftDelete", ["recoverableitemsdeletions"]), ("HardDelete", [])])
def test_other_removals_leave_less(stage: Stage, how: str, left: list[str]) -> None:
    ((identity, _),) = stage.created(plain())
    assert stage.delete(identity, how=how).codes == ["NoError"]
    assert [kept["folder"] for kept in stage.content(deleted=True)] == left


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ("", "ErrorInvalidIdEmpty"),
        ("DUMMY", "ErrorInvalidIdMalformed"),
        ("QUFBQQ==", "ErrorInvalidIdMalformed"),
    ],
)
def test_ids_that_exchange_never_gave_are_malformed(stage: Stage, identity: str, code: str) -> None:
    assert stage.get(identity).codes == stage.delete(identity).codes == [code]


def test_an_item_of_another_mailbox_is_not_found(stage: Stage) -> None:
    ((identity, _),) = stage.created(plain())
    assert stage.get(identity, who=ZOE).codes == ["ErrorItemNotFound"]


# Notifications


def test_telling_attendees_is_counted(stage: Stage) -> None:
    ((identity, _),) = stage.created(plain())
    key = stage.exchange.owner(ANNE).invite(identity, [ZOE])["change_key"]
    subject = set_field("item:Subject", "<t:Subject>Absent</t:Subject>")
    key = stage.update((identity, key), subject).ids[0][1]
    assert stage.exchange.notifications == []
    stage.update((identity, key), subject, send="SendToAllAndSaveCopy")
    stage.delete(identity, send="SendOnlyToAll")
    assert stage.exchange.notifications == [
        Notification(ANNE, identity, "UpdateItem", (ZOE,), "SendToAllAndSaveCopy"),
        Notification(ANNE, identity, "DeleteItem", (ZOE,), "SendOnlyToAll"),
    ]


def test_nobody_is_told_of_an_item_without_attendees(stage: Stage) -> None:
    ((identity, _),) = stage.created(plain(), send="SendToAllAndSaveCopy")
    stage.delete(identity, send="SendOnlyToAll")
    assert stage.exchange.notifications == []


# What people do by hand


def test_owners_act_on_their_calendar(stage: Stage) -> None:
    owner = stage.exchange.owner(ANNE)
    made = owner.add(
        "Dentiste", "2026-11-23T14:00", "2026-11-23T15:00", location="Nîmes", body="Carte vitale"
    )
    assert (made["start"].hour, made["start_zone"], made["reminder"]) == (13, ROMANCE, True)
    identity = made["id"]
    assert owner.move(identity, "2026-11-24", "2026-11-26")["last_day"] == date(2026, 11, 25)
    assert owner.rename(identity, "Dentiste !")["subject"] == "Dentiste !"
    assert owner.annotate(identity, "Note")["body"] == "Note"
    assert owner.categorise(identity, ["Perso"])["categories"] == ["Perso"]
    assert owner.set_visibility(identity, "private")["sensitivity"] == "Private"
    assert owner.set_sensitivity(identity, "Personal")["sensitivity"] == "Personal"
    assert owner.set_status(identity, "Free")["status"] == "Free"
    assert owner.attach(identity, "plan.pdf")["attachments"] == ["plan.pdf"]
    assert owner.invite(identity, [ZOE])["attendees"] == [ZOE]
    assert owner.repeat(identity)["recurrence"]["times"] == 4
    assert stage.get(identity, fields=uri("item:HasAttachments")).texts("t:HasAttachments") == ["true"]
    deleted = owner.delete(identity)
    assert (deleted["folder"], stage.content()) == ("deleteditems", [])
    restored = owner.restore(deleted["id"])
    assert (restored["folder"], restored["subject"]) == ("calendar", "Dentiste !")
    with pytest.raises(KeyError):
        owner.rename(identity, "again")


def test_a_copy_has_hidden_properties_and_its_own_identity(stage: Stage) -> None:
    ((identity, _),) = stage.created(marked("k1"))
    made = stage.exchange.owner(ANNE).copy(identity, "2026-12-01", "2026-12-02")
    original = stage.content()[0]
    assert made["properties"] == original["properties"] == {"FiggoOpsKey": "k1"}
    assert made["id"] != original["id"]
    assert made["uid"] != original["uid"]
    assert made["first_day"] == date(2026, 12, 1)


def test_an_invitation_names_who_called_the_meeting(stage: Stage) -> None:
    stage.exchange.owner(ANNE).add(
        "Point", "2026-11-23T14:00", "2026-11-23T15:00", organizer=ZOE, attendees=[ANNE]
    )
    answer = stage.find(
        fields=uri("calendar:Organizer") + uri("calendar:IsOrganizer") + uri("calendar:IsMeeting")
    )
    assert answer.texts("t:EmailAddress") == [ZOE]
    assert (answer.texts("t:IsOrganizer"), answer.texts("t:IsMeeting")) == (["false"], ["true"])


def test_people_may_have_zones_that_nobody_else_knows(stage: Stage) -> None:
    owner = stage.exchange.owner(ANNE)
    made = owner.add("Vol", "2026-11-23T14:00", "2026-11-23T15:00", start_zone="tzone://Microsoft/Custom")
    shown = stage.find(fields=uri("calendar:StartTimeZone")).one("t:StartTimeZone")
    assert shown.get("Id") == "tzone://Microsoft/Custom"
    assert owner.rename(made["id"], "Train")["subject"] == "Train"


def test_what_xml_cannot_say_is_replaced(stage: Stage) -> None:
    made = stage.exchange.owner(ANNE).add("Réunion\x07 \ud83c", "2026-11-23", "2026-11-24")
    assert made["subject"] == "Réunion\ufffd \ufffd"
    assert stage.find(fields=uri("item:Subject")).texts("t:Subject") == [made["subject"]]


def test_owners_act_by_name_too(stage: Stage) -> None:
    owner = stage.exchange.owner(ANNE)
    made = act(owner, "add", {"subject": "Absente", "start": "2026-11-23", "end": "2026-11-24"})
    assert (made["start"], made["first_day"]) == ("2026-11-22T23:00:00+00:00", "2026-11-23")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("dance", {}),
        ("rename", {"event_id": "AAMk", "subject": "x"}),
        ("rename", {}),
        ("add", {"subject": "x", "start": "2026-11-23", "end": "2026-11-24", "colour": "red"}),
        ("repeat", {"event_id": made["id"], "rule": "often"}),
        ("set_visibility", {"event_id": made["id"], "visibility": "loud"}),
        ("move", {"event_id": made["id"], "start": "2026-11-24", "end": "2026-11-23"}),
        ("set_zone", {"zone": "Europe/Lutetia"}),
        ("set_status", {"event_id": made["id"], "status": "Away"}),
        ("set_sensitivity", {"event_id": made["id"], "sensitivity": "secret"}),
    ]
    for verb, arguments in wrong:
        with pytest.raises(ValueError, match=verb):
            act(owner, verb, arguments)
    assert {"add", "move", "delete", "restore", "copy", "set_zone", "set_visibility"} <= set(ACTS)
