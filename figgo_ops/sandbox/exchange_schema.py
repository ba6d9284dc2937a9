"""Microsoft's own schema of EWS, where somebody has it: it is not ours to hand on."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path

from lxml import etree

FOLDER = "FIGGO_OPS_EWS_SCHEMA"

_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OURS = "http://schemas.microsoft.com/exchange/services/2006/"
_XML_NAMESPACE = (
    b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    b' targetNamespace="http://www.w3.org/XML/1998/namespace">'
    b'<xs:attribute name="lang" type="xs:language"/></xs:schema>'
)
_IMPORT = b'<xs:import namespace="http://www.w3.org/XML/1998/namespace"'

# A compiled schema keeps the errors of its last validation, so threads take turns.
_turn = threading.Lock()


def violations(envelope: bytes) -> list[str]:
    """Say in what an envelope breaks the official schema; [] also where no folder is named.

    The header fields of EWS and what stands in the body are checked, faults aside: the schema has none.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return []
    try:
        root = etree.fromstring(envelope, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as problem:
        return [f"this is no XML: {problem}"]
    header, body = root.find(f"{_SOAP}Header"), root.find(f"{_SOAP}Body")
    if root.tag != f"{_SOAP}Envelope" or body is None:
        return [f"{root.tag} is no envelope of SOAP 1.1 with a body"]
    with _turn:
        return [text for part in _parts(header, body) for text in _broken(_schema(folder), part)]


def _parts(header: etree._Element | None, body: etree._Element) -> list[etree._Element]:
    fields = [] if header is None else header.findall("*")
    content = [part for part in body.findall("*") if part.tag != f"{_SOAP}Fault"]
    return [part for part in fields if _namespace(part).startswith(_OURS)] + content


def _broken(schema: etree.XMLSchema, part: etree._Element) -> list[str]:
    if schema.validate(part):
        return []
    name = etree.QName(part).localname
    return [f"{name}, line {error.line}: {error.message}" for error in schema.error_log]


def _namespace(part: etree._Element) -> str:
    return etree.QName(part).namespace or ""


@cache
def _schema(folder: str) -> etree.XMLSchema:
    """Compile messages.xsd with the types.xsd beside it; half a second, so once per process."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Beside(Path(folder)))
    return etree.XMLSchema(etree.parse(str(Path(folder, "messages.xsd")), parser))


class _Beside(etree.Resolver):  # type: ignore[misc]  # lxml has no types
    """Finds what messages.xsd imports: in its folder, and the namespace of xml:lang here."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        """Give the text of types.xsd, or of the schema that types.xsd imports without saying whence."""
        name = system_url.rpartition("/")[2]
        if name == "xml.xsd":
            return self.resolve_string(_XML_NAMESPACE, context)
        if name != "types.xsd":
            return None
        path = self._folder / name
        text = path.read_bytes().replace(_IMPORT, _IMPORT + b' schemaLocation="xml.xsd"')
        return self.resolve_string(text, context, base_url=str(path))
