"""What an off-boarding is proved by: a JSON document with a checksum over everything else in it.

The checksum is the SHA-256, in hexadecimal, of the document without its member `checksum`, written as
UTF-8 JSON with members sorted by name and no white space between them. Where jq is at hand:

    jq -cjS 'del(.checksum)' certificate.json | sha256sum
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FILE = "certificate.json"


def sealed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its checksum."""
    return {**found, "checksum": checksum(found)}


def is_genuine(document: Mapping[str, Any]) -> bool:
    """Whether nothing in the document was changed since it was sealed."""
    return document.get("checksum") == checksum(document)


def checksum(document: Mapping[str, Any]) -> str:
    """The checksum that the document should have."""
    rest = {name: value for name, value in document.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
