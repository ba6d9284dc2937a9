"""Speaking to the Exchange stand-in by hand: a stage, requests as text and answers taken apart."""

from __future__ import annotations

import base64
import http.client
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from exchangelib import (
    BASIC,
    IMPERSONATION,
    Account,
    Configuration,
    Credentials,
    EWSTimeZone,
    FailFast,
)
from exchangelib.folders import Calendar, Root
from exchangelib.properties import DistinguishedFolderId, Mailbox
from exchangelib.protocol import Protocol
from exchangelib.version import Version
from lxml import etree

from figgo_ops.sandbox.ca import make_authority
from figgo_ops.sandbox.exchange import PATH, ExchangeService
from figgo_ops.sandbox.faults import Faults
from figgo_ops.sandbox.web import RequestLog, Server

ANNE, ZOE, PAUL = "anne.lefevre@corail.example", "zoe.benard@corail.example", "paul.old@corail.example"
ACCOUNT, PASSWORD = "CORAIL\\svc-figgo", "corail"
GUID = "6f1d0a52-9d0e-4c59-8a2c-2b8d1f0e7a11"
KEY = f'<t:ExtendedFieldURI PropertySetId="{GUID}" PropertyName="FiggoOpsKey" PropertyType="String"/>'
SPACES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
ROMANCE = "Romance Standard Time"
ALL_PAGES = '<m:IndexedPageItemView Offset="0" BasePoint="Beginning"/>'
EXISTS = f"<t:Exists>{KEY}</t:Exists>"


def uri(name: str) -> str:
    return f'<t:FieldURI FieldURI="{name}"/>'


def times(start: str, end: str, *, all_day: bool = False, zone: str | None = ROMANCE) -> str:
    zones = f'<t:StartTimeZone Id="{zone}"/><t:EndTimeZone Id="{zone}"/>' if zone else ""
    whole = f"<t:IsAllDayEvent>{int(all_day)}</t:IsAllDayEvent>"
    return f"<t:Start>{start}</t:Start><t:End>{end}</t:End>{whole}{zones}"


DAY = times("2026-11-23T00:00:00+01:00", "2026-11-24T00:00:00+01:00", all_day=True)
MORNING = times("2026-11-23T09:00:00+01:00", "2026-11-23T12:00:00+01:00")


def marked(key: str, rest: str = DAY, subject: str = "Congés payés") -> str:
    value = f"<t:ExtendedProperty>{KEY}<t:Value>{escape(key)}</t:Value></t:ExtendedProperty>"
    return f"<t:CalendarItem><t:Subject>{escape(subject)}</t:Subject>{value}{rest}</t:CalendarItem>"


def plain(rest: str = DAY, subject: str = "Absent") -> str:
    return f"<t:CalendarItem><t:Subject>{escape(subject)}</t:Subject>{rest}</t:CalendarItem>"


INVITED = (
    f"<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>{ZOE}</t:EmailAddress></t:Mailbox>"
    "</t:Attendee></t:RequiredAttendees>"
)


def set_field(name: str, element: str) -> str:
    return f"<t:SetItemField>{uri(name)}<t:CalendarItem>{element}</t:CalendarItem></t:SetItemField>"


def at(hour: str) -> str:
    return f"2026-11-23T{hour}:00+01:00"


def set_start(value: str) -> str:
    return set_field("calendar:Start", f"<t:Start>{value}</t:Start>")


def set_end(value: str) -> str:
    return set_field("calendar:End", f"<t:End>{value}</t:End>")


def set_all_day(value: str) -> str:
    return set_field("calendar:IsAllDayEvent", f"<t:IsAllDayEvent>{value}</t:IsAllDayEvent>")


def equal(name: str, key: str) -> str:
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{key}"/></t:FieldURIOrConstant>'
    return f"<t:IsEqualTo>{name}{constant}</t:IsEqualTo>"


class Answer:
    """What came back: the HTTP status and, where there is one, the envelope."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status, self.content = status, content
        self.root = etree.fromstring(content) if content.startswith(b"<?xml") else None

    def all(self, path: str) -> list[Any]:
        assert self.root is not None, self.content
        return list(self.root.iterfind(f".//{path}", SPACES))

    def one(self, path: str) -> Any:
        (found,) = self.all(path)
        return found

    def texts(self, path: str) -> list[str | None]:
        return [element.text for element in self.all(path)]

    @property
    def codes(self) -> list[str | None]:
        return self.texts("m:ResponseCode")

    @property
    def fault(self) -> str:
        assert self.status == 500
        code = self.one("s:Fault/detail/e:ResponseCode").text
        assert self.one("s:Fault/faultcode").text == f"a:{code}"
        return str(code)

    @property
    def ids(self) -> list[tuple[str, str]]:
        return [(element.get("Id"), element.get("ChangeKey")) for element in self.all("t:ItemId")]


class Stage:
    """The stand-in running, and the means to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
        self.exchange = ExchangeService(ACCOUNT, PASSWORD, [ANNE, ZOE], clock=lambda: self.now)
        self.exchange.add_mailbox(PAUL.replace("old", "ricci"), aliases=[PAUL])
        self.faults, self.log = Faults(), RequestLog()
        authority = make_authority(folder)
        self.ca_file = str(authority.ca_file)
        self.server = Server(self.exchange, authority.server_context(), self.faults, self.log)
        self.server.start()
        context = ssl.create_default_context(cafile=self.ca_file)
        self._line = http.client.HTTPSConnection(
            urlsplit(self.server.url).netloc, context=context, timeout=20
        )

    def close(self) -> None:
        self._line.close()
        self.server.stop()

    def post(self, body: bytes, *, path: str = PATH, method: str = "POST") -> Answer:
        shown = base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {shown}", "Content-Type": "text/xml; charset=utf-8"}
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        return Answer(answer.status, answer.read())

    def ask(
        self,
        operation: str,
        who: str | None = ANNE,
        *,
        version: str = "Exchange2013_SP1",
        zone: str | None = None,
        as_: str = "PrimarySmtpAddress",
    ) -> Answer:
        """Send one operation as it is."""
        header = f'<t:RequestServerVersion Version="{version}"/>'
        if who:
            header += f"<t:ExchangeImpersonation><t:ConnectingSID><t:{as_}>{who}</t:{as_}></t:ConnectingSID>"
            header += "</t:ExchangeImpersonation>"
        if zone:
            header += f'<t:TimeZoneContext><t:TimeZoneDefinition Id="{zone}"/></t:TimeZoneContext>'
        spaces = " ".join(f'xmlns:{name}="{space}"' for name, space in SPACES.items() if name != "e")
        text = f"<s:Envelope {spaces}><s:Header>{header}</s:Header><s:Body>{operation}</s:Body></s:Envelope>"
        return self.post(text.encode())

    def create(self, *items: str, send: str = "SendToNone", folder: str = CALENDAR, **more: Any) -> Answer:
        attribute = f' SendMeetingInvitations="{send}"' if send else ""
        place = f"<m:SavedItemFolderId>{folder}</m:SavedItemFolderId>"
        return self.ask(
            f"<m:CreateItem{attribute}>{place}<m:Items>{''.join(items)}</m:Items></m:CreateItem>", **more
        )

    def created(self, *items: str, **more: Any) -> list[tuple[str, str]]:
        answer = self.create(*items, **more)
        assert set(answer.codes) == {"NoError"}, answer.content
        return answer.ids

    def update(
        self,
        item: tuple[str, str | None],
        *updates: str,
        conflict: str = "NeverOverwrite",
        send: str = "SendToNone",
        **more: Any,
    ) -> Answer:
        key = f' ChangeKey="{item[1]}"' if item[1] else ""
        sending = f' SendMeetingInvitationsOrCancellations="{send}"' if send else ""
        changes = f'<t:ItemId Id="{item[0]}"{key}/><t:Updates>{"".join(updates)}</t:Updates>'
        held = f"<m:ItemChanges><t:ItemChange>{changes}</t:ItemChange></m:ItemChanges>"
        return self.ask(
            f'<m:UpdateItem ConflictResolution="{conflict}"{sending}>{held}</m:UpdateItem>', **more
        )

    def delete(
        self, *ids: str, how: str = "MoveToDeletedItems", send: str = "SendToNone", **more: Any
    ) -> Answer:
        sending = f' SendMeetingCancellations="{send}"' if send else ""
        items = "".join(f'<t:ItemId Id="{identity}"/>' for identity in ids)
        return self.ask(
            f'<m:DeleteItem DeleteType="{how}"{sending}><m:ItemIds>{items}</m:ItemIds></m:DeleteItem>', **more
        )

    def find(
        self,
        restriction: str = "",
        *,
        fields: str = "",
        view: str = ALL_PAGES,
        folder: str = CALENDAR,
        base: str = "IdOnly",
        order: str = "",
        **more: Any,
    ) -> Answer:
        shape = shaped(base, fields)
        where = f"<m:Restriction>{restriction}</m:Restriction>" if restriction else ""
        places = f"<m:ParentFolderIds>{folder}</m:ParentFolderIds>"
        return self.ask(
            f'<m:FindItem Traversal="Shallow">{shape}{view}{where}{order}{places}</m:FindItem>', **more
        )

    def get(self, *ids: str, fields: str = "", base: str = "IdOnly", **more: Any) -> Answer:
        items = "".join(f'<t:ItemId Id="{identity}"/>' for identity in ids)
        return self.ask(
            f"<m:GetItem>{shaped(base, fields)}<m:ItemIds>{items}</m:ItemIds></m:GetItem>", **more
        )

    def content(self, who: str = ANNE, **more: Any) -> list[dict[str, Any]]:
        return self.exchange.content(who, **more)

    def only(self, who: str = ANNE) -> dict[str, Any]:
        (item,) = self.content(who)
        return item

    def account(
        self, mail: str = ANNE, zone: str = "Europe/Paris", version: Version | None = None
    ) -> Account:
        """Give the usual client, with a connection of its own."""
        configuration = Configuration(
            service_endpoint=self.server.url + PATH,
            credentials=Credentials(ACCOUNT, PASSWORD),
            auth_type=BASIC,
            version=version,
            retry_policy=FailFast(),
            max_connections=1,
        )
        account = Account(
            mail,
            config=configuration,
            autodiscover=False,
            access_type=IMPERSONATION,
            default_timezone=EWSTimeZone(zone),
        )
        account.protocol = type.__call__(Protocol, config=configuration)
        box = Mailbox(email_address=mail)
        root = Root(account=account, _distinguished_id=DistinguishedFolderId(id="root", mailbox=box))
        calendar = Calendar(root=root, _distinguished_id=DistinguishedFolderId(id="calendar", mailbox=box))
        account.__dict__.update(root=root, calendar=calendar)
        return account


def shaped(base: str, fields: str) -> str:
    more = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>" if fields else ""
    return f"<m:ItemShape><t:BaseShape>{base}</t:BaseShape>{more}</m:ItemShape>"


def conversion(wanted: str, form: str, identity: str, mail: str) -> str:
    source = f'<t:AlternateId Format="{form}" Id="{identity}" Mailbox="{mail}"/>'
    return f'<m:ConvertId DestinationFormat="{wanted}"><m:SourceIds>{source}</m:SourceIds></m:ConvertId>'


def compared(name: str, what: str, value: str) -> str:
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return f"<t:{name}>{what}{constant}</t:{name}>"


START = uri("calendar:Start")
