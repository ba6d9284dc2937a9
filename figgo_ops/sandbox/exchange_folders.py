"""The smaller operations: GetFolder, ConvertId and GetUserConfiguration."""

from __future__ import annotations

import base64

from figgo_ops.sandbox.exchange_call import KEEPS_ITEMS, Call
from figgo_ops.sandbox.exchange_soap import (
    XSI,
    Element,
    Message,
    RefusedError,
    add,
    child,
    choice,
    local,
    m,
    new,
    only,
    schema_fault,
    t,
)
from figgo_ops.sandbox.exchange_store import CALENDAR, decoded

_TITLES = {
    CALENDAR: "Calendrier",
    "deleteditems": "Éléments supprimés",
    "msgfolderroot": "Haut de la banque d'informations",
    "inbox": "Boîte de réception",
    "recoverableitemsdeletions": "Deletions",
}
_FIELDS = (
    *("FolderId", "ParentFolderId", "FolderClass", "DisplayName", "TotalCount", "ChildFolderCount"),
    *("EffectiveRights", "DistinguishedFolderId"),
)
_KNOWN = frozenset(f"folder:{name}" for name in _FIELDS) | {
    *("folder:UnreadCount", "folder:SearchParameters", "folder:ManagedFolderInformation"),
    *("folder:PermissionSet", "folder:SharingEffectiveRights", "folder:PolicyTag", "folder:ArchiveTag"),
    "folder:ReplicaList",
}
_DEFAULT = frozenset({"FolderClass", "DisplayName", "TotalCount", "ChildFolderCount"})
_RIGHTS = (
    "CreateAssociated",
    "CreateContents",
    "CreateHierarchy",
    "Delete",
    "Modify",
    "Read",
    "ViewPrivateItems",
)
_FORMATS = ("EwsLegacyId", "EwsId", "EntryId", "HexEntryId", "StoreId", "OwaId")
_BEFORE_2016 = ("2010", "2013")
_NO_CHANGE_KEY = "AQAAAA=="


def get_folder(call: Call) -> list[Message]:
    """Carry out GetFolder."""
    only(call.operation, m("FolderShape"), m("FolderIds"))
    wanted = _wanted(call, child(call.operation, m("FolderShape")))

    def give(element: Element) -> Message:
        name = call.folder(element)
        folders = new(m("Folders"))
        made = add(folders, t("CalendarFolder" if name == CALENDAR else "Folder"))
        for field in _FIELDS:
            if field in wanted:
                _show(made, call, name, field)
        return Message([folders])

    return call.each(child(call.operation, m("FolderIds")), give)


def _wanted(call: Call, shape: Element) -> frozenset[str]:
    base = child(shape, t("BaseShape")).text
    if base not in ("IdOnly", "Default", "AllProperties"):
        raise schema_fault(f"the base shape {base!r}")
    named = set() if base == "IdOnly" or call.switches["sparse"] else set(_DEFAULT)
    if base == "AllProperties" and not call.switches["sparse"]:
        named |= {"ParentFolderId", "EffectiveRights"}
    for path in shape.iterfind(f"{t('AdditionalProperties')}/*"):
        uri = path.get("FieldURI", "")
        if path.tag == t("FieldURI") and uri not in _KNOWN:
            raise schema_fault(f"the field {uri!r}")
        if uri == "folder:DistinguishedFolderId" and call.switches["version"] in _BEFORE_2016:
            raise RefusedError("ErrorInvalidPropertyRequest", f"This server does not know {uri}.")
        named.add(uri.removeprefix("folder:"))
    return frozenset(named | {"FolderId"})


def _show(made: Element, call: Call, name: str, field: str) -> None:
    mailbox = call.mailbox
    if field == "FolderId":
        add(made, t(field), Id=mailbox.folder_id(name), ChangeKey=_NO_CHANGE_KEY)
    elif field == "ParentFolderId":
        parent = "root" if name in ("msgfolderroot", "root") else "msgfolderroot"
        add(made, t(field), Id=mailbox.folder_id(parent), ChangeKey=_NO_CHANGE_KEY)
    elif field == "EffectiveRights":
        rights = add(made, t(field))
        for right in _RIGHTS:
            add(rights, t(right), "true")
    else:
        texts = {
            "FolderClass": "IPF.Appointment" if name == CALENDAR else "IPF.Note",
            "DisplayName": _TITLES.get(name, name),
            "TotalCount": str(len(mailbox.folder(name))) if name in KEEPS_ITEMS else "0",
            "ChildFolderCount": "0",
            "DistinguishedFolderId": name,
        }
        add(made, t(field), texts[field])


def convert_id(call: Call) -> list[Message]:
    """Carry out ConvertId."""
    only(call.operation, m("SourceIds"))
    wanted = choice(call.operation, "DestinationFormat", _FORMATS)

    def convert(element: Element) -> Message:
        if element.tag != t("AlternateId"):
            raise RefusedError("ErrorInvalidOperation", f"{local(element)} is not played here.")
        raw = _raw(choice(element, "Format", _FORMATS), element.get("Id", ""))
        address = element.get("Mailbox", "")
        if call.known(address) is None:
            raise RefusedError("ErrorNonExistentMailbox", "No mailbox has that address.")
        made = new(m("AlternateId"), Format=wanted, Id=_spelt(wanted, raw), Mailbox=address)
        made.set(f"{{{XSI}}}type", "t:AlternateIdType")
        return Message([made])

    return call.each(child(call.operation, m("SourceIds")), convert)


def _raw(form: str, text: str) -> bytes:
    if form != "HexEntryId":
        return decoded(text)
    try:
        return decoded(base64.b64encode(bytes.fromhex(text)).decode())
    except ValueError:
        raise RefusedError("ErrorInvalidIdMalformed", "The id is malformed.") from None


def _spelt(form: str, raw: bytes) -> str:
    return raw.hex().upper() if form == "HexEntryId" else base64.b64encode(raw).decode()


def get_user_configuration(call: Call) -> list[Message]:
    """Carry out GetUserConfiguration, of which only the owner's options for the web are kept."""
    only(call.operation, m("UserConfigurationName"), m("UserConfigurationProperties"))
    asked = child(call.operation, m("UserConfigurationName"))
    wanted = (child(call.operation, m("UserConfigurationProperties")).text or "").split()
    if not wanted or set(wanted) - {"Id", "Dictionary", "XmlData", "BinaryData", "All"}:
        raise schema_fault(f"the properties {' '.join(wanted)!r}")
    if len(asked) != 1 or not asked.get("Name"):
        raise schema_fault("UserConfigurationName holds a name and one folder")

    def give(element: Element) -> Message:
        folder = call.folder(element)
        if (folder, asked.get("Name")) != ("root", "OWA.UserOptions") or not call.mailbox.uses_web:
            raise RefusedError("ErrorItemNotFound", "The configuration object was not found.")
        made = new(m("UserConfiguration"))
        named = add(made, t("UserConfigurationName"), Name="OWA.UserOptions")
        add(named, t("FolderId"), Id=call.mailbox.folder_id("root"), ChangeKey=_NO_CHANGE_KEY)
        if {"Dictionary", "All"} & set(wanted):
            _options(add(made, t("Dictionary")), {"timezone": call.mailbox.windows_zone, "hourincrement": 30})
        return Message([made])

    return call.each(asked, give)


def _options(parent: Element, options: dict[str, str | int]) -> None:
    for name, value in options.items():
        entry = add(parent, t("DictionaryEntry"))
        kind = "Integer32" if isinstance(value, int) else "String"
        for part, form, text in (("DictionaryKey", "String", name), ("DictionaryValue", kind, str(value))):
            made = add(entry, t(part))
            add(made, t("Type"), form)
            add(made, t("Value"), text)
