"""What of a provider's own sentence may be repeated in an error."""

import re

_SECRETIVE = re.compile(
    r"(?i:authorization|authenticate|cookie|passw(?:or)?d|mot de passe|secret|assertion|token)\W*[:=].*"
    r"|\b(?i:basic|bearer|ntlm|negotiate)\s+(?=\S+[\dA-Z=+/])[\w+/=.~-]{8,}.*"
    r"|\beyJ[\w-]{8,}.*|-----BEGIN.*"
)
"""From here on a text is not repeated: what follows may be a header, a password, a token or a key."""

_QUOTED = re.compile(r"(?<!\w)['\"\u2018\u201c«](?:.*['\"\u2019\u201d»](?!\w)|.*)")
"""What is quoted may be a title, and a title an absence type; an apostrophe inside a word ends nothing."""

_LONGEST = 200


def said(text: str) -> str:
    """The sentence to put behind a code, with its colon; "" for a page, or half of an answer."""
    if text.lstrip().startswith(("<", "{", "[")):
        return ""
    words = _SECRETIVE.sub("", _QUOTED.sub("...", " ".join(text.split())))[:_LONGEST].strip(" .;:")
    return f": {words}" if words else ""
