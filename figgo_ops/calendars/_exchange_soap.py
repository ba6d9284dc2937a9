"""What is said in answers: per item, as a fault of the whole request, or by HTTP alone.

Pure: no input or output, no clock.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from figgo_ops.calendars._exchange_refusal import Refusal, code_in
from figgo_ops.calendars._exchange_xml import Element, inside, name_of, text_of
from figgo_ops.pacing import retry_after
from figgo_ops.secrets import REDACTOR

Answer = Element | Refusal
"""What became of one item: its response message, or why not."""

_METHODS = re.compile(r"\b(ntlm|negotiate|basic|bearer)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,80})", re.IGNORECASE)


def answers(messages: Iterable[Element]) -> list[Answer]:
    """One answer per response message, in their order; a refusal stands in place of what it refuses."""
    return [_answer(message) for message in messages]


def _answer(message: Element) -> Answer:
    code = text_of(message, "ResponseCode")
    said = message.get("ResponseClass")
    if (said == "Success" and code in ("NoError", "")) or (said == "Warning" and code == "NoError"):
        return message
    text = text_of(message, "MessageText")
    return Refusal(
        code or code_in(text), text, back_off=_back_off(message), primary=_value(message, "Primary")
    )


def is_answer(body: Element, operation: str) -> bool:
    """Whether this is what Exchange says to that operation: its response, or a fault."""
    return any(name_of(one) in (f"{operation}Response", "Fault") for one in body)


def fault(said: Element) -> Refusal:
    """What a SOAP fault says; Exchange's own code is in its detail, a proxy's fault has none."""
    code = next((text for text in _all(said, "ResponseCode") if text), "")
    text = next((text for text in (*_all(said, "Message"), *_all(said, "faultstring")) if text), "")
    faultcode = next(iter(_all(said, "faultcode")), "")
    return Refusal(
        code or code_in(faultcode) or code_in(text),
        text,
        status=500,
        level="fault",
        back_off=_back_off(said),
        primary=_value(said, "Primary"),
    )


def refusal_of(status: int, headers: Mapping[str, str], content: bytes) -> Refusal:
    """What an answer of HTTP that holds no SOAP says."""
    # Cleaned before anything is cut: half a secret would not be recognised as one any more.
    page = REDACTOR.clean(content[:20_000].decode("utf-8", "replace"))
    title = _TITLE.search(page)
    text = title[1].strip() if title else ""
    location = headers.get("Location", "")
    if REDACTOR.clean(location) != location:
        location = ""
    return Refusal(
        "redirect" if 300 <= status < 400 else f"HTTP {status}",
        urlsplit(location).path if location else _locked_out(content) or text,
        status,
        "http",
        back_off=_retry_after(headers),
        offered=tuple(sorted({one.lower() for one in _METHODS.findall(headers.get("WWW-Authenticate", ""))})),
        policy=headers.get("X-EWS-Policy-Reason", ""),
        location=urlsplit(location).netloc,
        server=headers.get("X-FEServer", ""),
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; a moment is counted from the server's own clock, and is past where it shows none."""
    try:
        now = parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        now = datetime.max.replace(tzinfo=UTC)
    return retry_after(headers.get("Retry-After"), now)


def _locked_out(content: bytes) -> str:
    words = b"The referenced account is currently locked out"
    return words.decode() if words in content else ""


def _back_off(said: Element) -> float | None:
    asked = _value(said, "BackOffMilliseconds")
    return int(asked) / 1000 if asked.isdecimal() else None


def _value(said: Element, name: str) -> str:
    """A value of MessageXml by its name."""
    named = (one for one in inside(said, "Value") if one.get("Name", "").casefold() == name.casefold())
    found = next(named, None)
    return "" if found is None else (found.text or "").strip()


def _all(said: Element, name: str) -> list[str]:
    return [(one.text or "").strip() for one in inside(said, name) if name_of(one) == name]
