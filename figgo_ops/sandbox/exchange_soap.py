"""SOAP as Exchange speaks it: envelopes in and out, faults, per-item errors, and how answers may be spelt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lxml import etree

from figgo_ops.sandbox.messages import Response

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NAMES = {"s": SOAP, "m": MESSAGES, "t": TYPES}
_OTHER_NAMES = {"env": SOAP, "ns1": MESSAGES, "ns2": TYPES}
_SIDS = ("PrincipalName", "SID", "PrimarySmtpAddress", "SmtpAddress")
Element = Any

# What a server of each kind shows, and the newest RequestServerVersion it takes.
BUILDS: Mapping[str, tuple[str, str, str, str, str]] = MappingProxyType(
    {
        "2010": ("14", "3", "513", "0", "Exchange2010_SP2"),
        "2013": ("15", "0", "1497", "48", "V2_23"),
        "2016": ("15", "1", "2507", "39", "V2017_07_11"),
        "2019": ("15", "2", "1544", "14", "V2018_01_08"),
        "SE": ("15", "2", "2562", "17", "V2018_01_08"),
    }
)
_VERSIONS = (
    *("Exchange2007", "Exchange2007_SP1", "Exchange2009", "Exchange2010", "Exchange2010_SP1"),
    *("Exchange2010_SP2", "Exchange2012", "Exchange2013", "Exchange2013_SP1", "Exchange2015"),
    *("Exchange2016", "V2015_10_05", "V2016_01_06", "V2016_04_13", "V2016_07_13", "V2016_10_10"),
    *("V2017_01_07", "V2017_04_14", "V2017_07_11"),
)
_NEWEST = {"2010": "Exchange2010_SP2", "2013": "Exchange2013_SP1"}
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


class RefusedError(Exception):
    """Exchange says no to one item: a code of the schema, a sentence, and named values beside it."""

    def __init__(self, code: str, text: str = "", values: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.values = code, text or f"The request failed with {code}.", values or {}


class FaultError(RefusedError):
    """Exchange says no to the whole request."""


class UnreadableError(Exception):
    """What came is no SOAP envelope at all."""


def schema_fault(violation: str) -> FaultError:
    """Say that a request does not fit the schema, and where."""
    return FaultError("ErrorSchemaValidation", f"The request failed schema validation: {violation}")


def m(name: str) -> str:
    """Give the tag of an element of the messages namespace."""
    return f"{{{MESSAGES}}}{name}"


def t(name: str) -> str:
    """Give the tag of an element of the types namespace."""
    return f"{{{TYPES}}}{name}"


def local(element: Element) -> str:
    """Give an element's name without its namespace."""
    return str(element.tag.rpartition("}")[2])


def new(tag: str, text: str | None = None, **attributes: str) -> Element:
    """Make an element that stands alone for now."""
    made = etree.Element(tag, attributes, nsmap=_NAMES)
    made.text = text
    return made


def add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    """Add an element to another."""
    made = etree.SubElement(parent, tag, attributes)
    made.text = text
    return made


def choice(element: Element, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """Read an attribute that takes one of a few values; a fault otherwise, or without a needed one."""
    value = element.get(name, default)
    if value is None or (value not in allowed and value != default):
        raise schema_fault(f"the attribute {name} of {local(element)} has the value {value!r}")
    return str(value)


def whole(element: Element, name: str) -> int | None:
    """Read an attribute that is a whole number; None when it is absent."""
    value = element.get(name)
    try:
        return None if value is None else int(value)
    except ValueError:
        raise schema_fault(f"the attribute {name} of {local(element)} is {value!r}") from None


def child(parent: Element, tag: str) -> Element:
    """Find a child that must be there; a fault when it is not."""
    found = parent.find(tag)
    if found is None:
        raise schema_fault(f"{local(parent)} lacks {tag.rpartition('}')[2]}")
    return found


def only(parent: Element, *allowed: str) -> None:
    """Refuse children by any other tag, or in another order."""
    at = 0
    for element in parent:
        if element.tag not in allowed[at:]:
            raise schema_fault(f"{local(parent)} has an unexpected child {element.tag}")
        at = allowed.index(element.tag, at)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request: its operation, the version asked for, who is impersonated and the zone of naive times."""

    operation: Element
    version: str
    sid: tuple[str, str] | None
    zone: str | None

    @property
    def name(self) -> str:
        """The operation's name."""
        return local(self.operation)


def read_envelope(body: bytes) -> Envelope:
    """Take a request apart; UnreadableError for what is no envelope, FaultError for a bad header."""
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as problem:
        raise UnreadableError(str(problem)) from None
    inside = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if inside is None or root.getroottree().docinfo.doctype:
        raise UnreadableError("no SOAP envelope")
    if len(inside) != 1:
        raise FaultError("ErrorInvalidRequest", "The body of the request holds no single operation.")
    header = root.find(f"{{{SOAP}}}Header")
    header = new("none") if header is None else header
    version = header.find(t("RequestServerVersion"))
    return Envelope(
        operation=inside[0],
        version="Exchange2007_SP1" if version is None else version.get("Version", ""),
        sid=_sid(header),
        zone=_zone(header),
    )


def _sid(header: Element) -> tuple[str, str] | None:
    found = header.findall(t("ExchangeImpersonation"))
    if len(found) > 1:
        raise FaultError("ErrorDuplicateSOAPHeader", "A SOAP header was given twice.")
    if not found:
        return None
    connecting = child(found[0], t("ConnectingSID"))
    if len(connecting) != 1 or local(connecting[0]) not in _SIDS:
        raise schema_fault("ConnectingSID names nobody that can be understood")
    return local(connecting[0]), (connecting[0].text or "").strip()


def _zone(header: Element) -> str | None:
    found = header.find(f"{t('TimeZoneContext')}/{t('TimeZoneDefinition')}")
    return None if found is None else found.get("Id")


def check_version(version: str, server: str) -> None:
    """Refuse a version that the schema does not list or that is newer than the server."""
    newest = _NEWEST.get(server, _VERSIONS[-1])
    if version not in _VERSIONS or _VERSIONS.index(version) > _VERSIONS.index(newest):
        raise FaultError("ErrorInvalidServerVersion", "The specified server version is invalid.")


@dataclass(slots=True)
class Message:
    """One response message: its class and code, what explains them, and what follows."""

    content: list[Element] = field(default_factory=list)
    code: str = "NoError"
    kind: str = "Success"
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def refusal(cls, refused: RefusedError, *content: Element) -> Message:
        """Say no to one item."""
        # A batch that was stopped is told of as a warning: those items were not even tried.
        kind = "Warning" if refused.code == "ErrorBatchProcessingStopped" else "Error"
        return cls(list(content), refused.code, kind, refused.text, refused.values)

    def write(self, parent: Element, tag: str, *, sparse: bool) -> None:
        """Add the message to an answer, in the schema's order."""
        made = add(parent, tag, ResponseClass=self.kind)
        if self.text and not sparse:
            add(made, m("MessageText"), self.text)
        add(made, m("ResponseCode"), self.code)
        if self.kind != "Success" and not sparse:
            add(made, m("DescriptiveLinkKey"), "0")
        if self.values:
            _values(add(made, m("MessageXml")), self.values)
        made.extend(self.content)


def _values(parent: Element, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        add(parent, t("Value"), value, Name=name)


class Speller:
    """Spells answers as the switches say: prefixes, headers, and how much is said."""

    def __init__(self, switches: Mapping[str, Any]) -> None:
        self._switches = switches

    def answer(self, operation: str, messages: list[Message]) -> Element:
        """Make the envelope of an answer."""
        root = new(f"{{{SOAP}}}Envelope")
        self._header(root)
        inside = add(add(root, f"{{{SOAP}}}Body"), m(f"{operation}Response"))
        held, tag = add(inside, m("ResponseMessages")), m(f"{operation}ResponseMessage")
        for message in messages:
            message.write(held, tag, sparse=self._switches["sparse"])
        return root

    def _header(self, root: Element) -> None:
        build = BUILDS.get(self._switches["version"])
        if build:
            names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber", "Version")
            header = add(root, f"{{{SOAP}}}Header")
            add(header, t("ServerVersionInfo"), **dict(zip(names, build, strict=True)))

    def response(self, root: Element) -> Response:
        """Send an envelope, its last spelling choices made."""
        if self._switches["headers"] == "more":
            _more_headers(root)
        style = self._switches["prefixes"]
        if style != "usual":
            root = _redressed(root, style)
        content = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        return Response(200, content, {"Content-Type": "text/xml; charset=utf-8"})


def fault_response(refused: RefusedError, status: int = 500) -> Response:
    """Say no to a whole request as a SOAP fault."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP})
    fault = add(add(root, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault")
    code = etree.SubElement(fault, "faultcode", nsmap={"a": TYPES})
    code.text = f"a:{refused.code}"
    words = add(fault, "faultstring", refused.text)
    words.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    detail = add(fault, "detail")
    for name, text in (("ResponseCode", refused.code), ("Message", refused.text)):
        etree.SubElement(detail, f"{{{ERRORS}}}{name}", nsmap={"e": ERRORS}).text = text
    if refused.values:
        _values(etree.SubElement(detail, t("MessageXml"), nsmap={"t": TYPES}), refused.values)
    content = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(status, content, {"Content-Type": "text/xml; charset=utf-8"})


def _more_headers(root: Element) -> None:
    header = root.find(f"{{{SOAP}}}Header")
    if header is None:
        header = new(f"{{{SOAP}}}Header")
        root.insert(0, header)
    for name in ("Diagnostics", "ServerTrace"):
        extra = etree.SubElement(
            header, f"{{urn:example:front-end}}{name}", nsmap={"x": "urn:example:front-end"}
        )
        extra.text = "…"


def _redressed(element: Element, style: str, parent: Element | None = None) -> Element:
    """Copy a tree under other prefixes, or with none at all."""
    space = etree.QName(element).namespace
    names: dict[str | None, str] = {}
    if style == "other" and parent is None:
        names.update(_OTHER_NAMES)
    if style == "default" and (parent is None or etree.QName(parent).namespace != space):
        names[None] = space
    if f"{{{XSI}}}type" in element.attrib:
        names["t"] = TYPES
    attributes = dict(element.attrib)
    if parent is None:
        made = etree.Element(element.tag, attributes, nsmap=names)
    else:
        made = etree.SubElement(parent, element.tag, attributes, nsmap=names)
    made.text = element.text
    for part in element:
        _redressed(part, style, made)
    return made
