"""The fields of a calendar item: how each is read, kept and shown.

The names and their order are those of the schema's ItemType and CalendarItemType.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from figgo_ops.sandbox.exchange_kinds import (
    BODY,
    FILES,
    FLAG,
    NUMBER,
    PEOPLE,
    PERSON,
    RECURRENCE,
    STATUS,
    STRINGS,
    TEXT,
    TIME,
    ZONE,
    Kind,
    one_of,
)
from figgo_ops.sandbox.exchange_properties import PROPERTY
from figgo_ops.sandbox.exchange_soap import Element, RefusedError, schema_fault, t
from figgo_ops.sandbox.exchange_store import Item

NAMES = (
    *("MimeContent", "ItemId", "ParentFolderId", "ItemClass", "Subject", "Sensitivity", "Body"),
    *("Attachments", "DateTimeReceived", "Size", "Categories", "Importance", "InReplyTo", "IsSubmitted"),
    *("IsDraft", "IsFromMe", "IsResend", "IsUnmodified", "InternetMessageHeaders", "DateTimeSent"),
    *("DateTimeCreated", "ResponseObjects", "ReminderDueBy", "ReminderIsSet", "ReminderNextTime"),
    *("ReminderMinutesBeforeStart", "DisplayCc", "DisplayTo", "DisplayBcc", "HasAttachments"),
    *("ExtendedProperty", "Culture", "EffectiveRights", "LastModifiedName", "LastModifiedTime"),
    *("IsAssociated", "WebClientReadFormQueryString", "WebClientEditFormQueryString", "ConversationId"),
    *("UniqueBody", "Flag", "StoreEntryId", "InstanceKey", "NormalizedBody", "EntityExtractionResult"),
    *("PolicyTag", "ArchiveTag", "RetentionDate", "Preview", "RightsManagementLicenseData"),
    *("PredictedActionReasons", "IsClutter", "BlockStatus", "HasBlockedImages", "TextBody", "IconIndex"),
    *("SearchKey", "SortKey", "Hashtags", "Mentions", "MentionedMe", "MentionsPreview", "MentionsEx"),
    *("AppliedHashtags", "AppliedHashtagsPreview", "Likes", "LikesPreview", "PendingSocialActivityTagIds"),
    *("AtAllMention", "CanDelete", "InferenceClassification", "UID", "RecurrenceId", "DateTimeStamp"),
    *("Start", "End", "OriginalStart", "IsAllDayEvent", "LegacyFreeBusyStatus", "Location", "When"),
    *("IsMeeting", "IsCancelled", "IsRecurring", "MeetingRequestWasSent", "IsResponseRequested"),
    *("CalendarItemType", "MyResponseType", "Organizer", "RequiredAttendees", "OptionalAttendees"),
    *("Resources", "InboxReminders", "ConflictingMeetingCount", "AdjacentMeetingCount"),
    *("ConflictingMeetings", "AdjacentMeetings", "Duration", "TimeZone", "AppointmentReplyTime"),
    *("AppointmentSequenceNumber", "AppointmentState", "Recurrence", "FirstOccurrence", "LastOccurrence"),
    *("ModifiedOccurrences", "DeletedOccurrences", "MeetingTimeZone", "StartTimeZone", "EndTimeZone"),
    *("ConferenceType", "AllowNewTimeProposal", "IsOnlineMeeting", "MeetingWorkspaceUrl", "NetShowUrl"),
    *("EnhancedLocation", "StartWallClock", "EndWallClock", "StartTimeZoneId", "EndTimeZoneId"),
    *("IntendedFreeBusyStatus", "JoinOnlineMeetingUrl", "OnlineMeetingSettings", "IsOrganizer"),
    *("CalendarActivityData", "DoNotForwardMeeting"),
)
PLACES: Mapping[str, int] = {t(name): place for place, name in enumerate(NAMES)}
_OF_ITEMS = frozenset(NAMES[: NAMES.index("UID")])
# Known, but not asked for by the name of their element.
URIS = frozenset(f"{'item' if name in _OF_ITEMS else 'calendar'}:{name}" for name in NAMES) - {
    "item:ExtendedProperty",
    "item:SearchKey",
    "item:SortKey",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its path, the attribute of Item that holds it, its kind, and what may be done with it.

    `writable`, `found` (FindItem returns it), `sought` (a restriction may name it).
    """

    uri: str
    attribute: str
    kind: Kind
    writable: bool = False
    found: bool = True
    sought: bool = True

    @property
    def tag(self) -> str:
        """The tag of its element."""
        return t(self.uri.partition(":")[2])

    def show(self, parent: Element, item: Item, style: str) -> None:
        """Add the field to an item of an answer, if it has a value."""
        value = getattr(item, self.attribute)
        if value is not None and value != ():
            self.kind.show(parent, self.tag, value if self.kind is not TIME else (value, item), style)


_FIELDS = (
    Field("item:ItemClass", "item_class", TEXT, writable=True),
    Field("item:Subject", "subject", TEXT, writable=True),
    Field(
        "item:Sensitivity",
        "sensitivity",
        one_of("Normal", "Personal", "Private", "Confidential"),
        writable=True,
    ),
    Field("item:Body", "body", BODY, writable=True, found=False, sought=False),
    Field("item:Attachments", "attachments", FILES, found=False, sought=False),
    Field("item:Categories", "categories", STRINGS, writable=True, sought=False),
    Field("item:Importance", "importance", one_of("Low", "Normal", "High"), writable=True),
    Field("item:DateTimeCreated", "created", TIME),
    Field("item:ReminderIsSet", "reminder", FLAG, writable=True),
    Field("item:ReminderMinutesBeforeStart", "reminder_minutes", NUMBER, writable=True),
    Field("item:DisplayTo", "display_to", TEXT),
    Field("item:HasAttachments", "has_attachments", FLAG),
    Field("item:Culture", "culture", TEXT, writable=True),
    Field("item:LastModifiedName", "modified_by", TEXT),
    Field("item:LastModifiedTime", "modified", TIME),
    Field("calendar:UID", "uid", TEXT, writable=True, sought=False),
    Field("calendar:Start", "start", TIME, writable=True),
    Field("calendar:End", "end", TIME, writable=True),
    Field("calendar:OriginalStart", "original_start", TIME, sought=False),
    Field("calendar:IsAllDayEvent", "all_day", FLAG, writable=True),
    Field("calendar:LegacyFreeBusyStatus", "status", STATUS, writable=True),
    Field("calendar:Location", "location", TEXT, writable=True),
    Field("calendar:IsMeeting", "is_meeting", FLAG, sought=False),
    Field("calendar:IsRecurring", "is_recurring", FLAG),
    Field("calendar:IsResponseRequested", "response_requested", FLAG, writable=True, sought=False),
    Field("calendar:CalendarItemType", "kind", TEXT, sought=False),
    Field("calendar:MyResponseType", "response", TEXT, sought=False),
    Field("calendar:Organizer", "organizer", PERSON, sought=False),
    Field("calendar:RequiredAttendees", "required", PEOPLE, writable=True, found=False, sought=False),
    Field("calendar:OptionalAttendees", "optional", PEOPLE, writable=True, found=False, sought=False),
    Field("calendar:Resources", "resources", PEOPLE, writable=True, found=False, sought=False),
    Field("calendar:Duration", "duration", TEXT, sought=False),
    Field(
        "calendar:Recurrence",
        "recurrence",
        RECURRENCE,
        writable=True,
        found=False,
        sought=False,
    ),
    Field("calendar:StartTimeZone", "start_zone", ZONE, writable=True, sought=False),
    Field("calendar:EndTimeZone", "end_zone", ZONE, writable=True, sought=False),
    Field("calendar:IsOrganizer", "is_organizer", FLAG, sought=False),
)
BY_URI: Mapping[str, Field] = {field.uri: field for field in _FIELDS}
BY_TAG: Mapping[str, Field] = {field.tag: field for field in _FIELDS}
# What FindItem never returns, whether the stand-in plays it or not.
NOT_FOUND = frozenset(field.uri for field in _FIELDS if not field.found) | {
    *("item:MimeContent", "item:UniqueBody", "item:NormalizedBody", "item:TextBody"),
    *("calendar:FirstOccurrence", "calendar:LastOccurrence", "calendar:ModifiedOccurrences"),
    *("calendar:DeletedOccurrences", "calendar:ConflictingMeetings", "calendar:AdjacentMeetings"),
}
EMPTY: Mapping[str, Any] = {
    "item:Subject": None,
    "item:Sensitivity": "Normal",
    "item:Body": None,
    "item:Categories": (),
    "item:Importance": "Normal",
    "item:ReminderIsSet": False,
    "item:ReminderMinutesBeforeStart": 15,
    "calendar:LegacyFreeBusyStatus": "Busy",
    "calendar:Location": None,
    "calendar:RequiredAttendees": (),
    "calendar:OptionalAttendees": (),
    "calendar:Resources": (),
    "calendar:Recurrence": None,
}


def read_item(element: Element) -> list[tuple[Any, Any]]:
    """Read t:CalendarItem into pairs of a field or property and its value, in the order given.

    A fault for an element that is unknown or out of order, RefusedError for one nobody may write.
    """
    if element.tag != t("CalendarItem"):
        raise RefusedError("ErrorInvalidItemForOperationCreateItem", "Only calendar items are played here.")
    found: list[tuple[Any, Any]] = []
    at = -1
    refused: RefusedError | None = None
    for part in element:
        place = PLACES.get(part.tag, -1)
        if place < at or (place == at and part.tag != PROPERTY.tag):
            raise schema_fault(f"CalendarItem has an unexpected child {part.tag}")
        at = place
        try:
            found.append(_read_part(part))
        except RefusedError as problem:
            if part.tag in PLACES and problem.code == "ErrorSchemaValidation":
                raise
            refused = refused or problem
    if refused:
        raise refused
    return found


def _read_part(part: Element) -> tuple[Any, Any]:
    if part.tag == PROPERTY.tag:
        return PROPERTY.read(part)
    field = BY_TAG.get(part.tag)
    if field is None or not field.writable:
        raise RefusedError("ErrorInvalidPropertySet", f"{part.tag.rpartition('}')[2]} cannot be set.")
    return field, field.kind.read(part)
