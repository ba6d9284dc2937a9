"""What Exchange's refusals tell a person, and what a program may conclude from each."""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from figgo_ops.calendars import _exchange_refusal as refusals
from figgo_ops.calendars._exchange_codes import CASES
from figgo_ops.calendars._exchange_errors import Denied, meaning
from figgo_ops.calendars._exchange_refusal import Refusal, code_in
from figgo_ops.calendars._lost import Lost, lost
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)

WHOM = "anne@corail.example in head office"
USER = "CORAIL\\svc-figgo"
URL = "https://mail.corail.example/EWS/Exchange.asmx"

BY_MEANING: dict[tuple[type[FiggoOpsError], str], str] = {
    (RightsMissing, "outside-scope"): "ErrorImpersonateUserDenied",
    (RightsMissing, "impersonation-denied"): "ErrorImpersonationDenied",
    (RightsMissing, "impersonation-failed"): "ErrorImpersonationFailed",
    (RightsMissing, "organization-blocked"): "ErrorOrganizationAccessBlocked",
    (CredentialRefused, "password-expired"): "ErrorPasswordExpired ErrorPasswordChangeRequired",
    (MailboxAbsent, "absent"): "ErrorNonExistentMailbox",
    (RowFailed, "alias"): "ErrorNonPrimarySmtpAddress",
    (RowFailed, "bad-address"): "ErrorInvalidSmtpAddress ErrorInvalidUserPrincipalName ErrorInvalidUserSid",
    (RowFailed, "account-disabled"): "ErrorAccountDisabled",
    (RowFailed, "access-denied"): "ErrorAccessDenied ErrorCreateItemAccessDenied",
    (RowFailed, "other-site"): (
        "ErrorNoRespondingCASInDestinationSite ErrorCrossSiteRequest ErrorProxyRequestProcessingFailed"
    ),
    (RowFailed, "mailbox-moving"): "ErrorMailboxMoveInProgress",
    (RowFailed, "directory"): ("ErrorMailboxConfiguration ErrorCannotFindUser ErrorMissingExchangePrincipal"),
    (RowFailed, "account-invalid"): "ErrorCallerIsInvalidADAccount",
    (RowFailed, "too-many-groups"): "ErrorProxyGroupSidLimitExceeded",
    (Unreachable, "mailbox-down"): (
        "ErrorMailboxFailover ErrorMailboxStoreUnavailable ErrorConnectionFailed"
    ),
    (Unreachable, "directory-down"): "ErrorADUnavailable ErrorADOperation",
    (Unreachable, "server-overloaded"): "ErrorInsufficientResources ErrorNotEnoughMemory",
    (Unreachable, "server-error"): (
        "ErrorInternalServerTransientError ErrorInternalServerError ErrorServiceUnavailable"
    ),
    (Unreachable, "too-slow"): "ErrorTimeoutExpired",
    (RowFailed, "too-fast"): "ErrorServerBusy ErrorExceededConnectionCount ErrorTooManyObjectsOpened",
    (RowFailed, "not-reached"): "ErrorBatchProcessingStopped",
    (RowFailed, "gone"): "ErrorItemNotFound",
    (RowFailed, "changed-meanwhile"): "ErrorIrresolvableConflict ErrorStaleObject ErrorInvalidChangeKey",
    (RowFailed, "mailbox-full"): "ErrorQuotaExceeded",
    (RowFailed, "calendar-full"): "ErrorMessagePerFolderCountReceiveQuotaExceeded",
    (RowFailed, "bad-dates"): (
        "ErrorCalendarEndDateIsEarlierThanStartDate ErrorCalendarDurationIsTooLong ErrorCalendarOutOfRange"
    ),
    (RowFailed, "bad-zone"): "ErrorCalendarInvalidTimeZone",
    (RowFailed, "range-too-big"): "ErrorCalendarViewRangeTooBig",
    (UsageError, "old-server"): "ErrorInvalidServerVersion",
    (RowFailed, "old-mailbox-server"): "ErrorInvalidSchemaVersionForMailboxVersion",
    (RowFailed, "not-understood"): (
        "ErrorSchemaValidation ErrorInvalidRequest ErrorIncorrectSchemaVersion ErrorInvalidIdMalformed "
        "ErrorRestrictionTooLong"
    ),
    (RowFailed, "too-large"): "ErrorRequestStreamTooBig ErrorMessageSizeExceeded",
    (RowFailed, "damaged"): "ErrorItemCorrupt ErrorCorruptData",
    (RowFailed, "not-deletable"): "ErrorCannotDeleteObject ErrorCannotDeleteTaskOccurrence",
    (RowFailed, "bad-data"): (
        "ErrorItemSave ErrorMimeContentConversionFailed ErrorRecurrenceHasNoOccurrence "
        "ErrorMailRecipientNotFound"
    ),
}
"""Every code that Exchange is known to say to a calendar, by who must act and what a program calls it."""

KNOWN = {code: kind for kind, codes in BY_MEANING.items() for code in codes.split()}

WITHOUT_SOAP = (
    "redirect",
    *(f"HTTP {status}" for status in (401, 403, 404, 407, 408, 500, 502, 503)),
)

OFFICIAL = os.environ.get("FIGGO_OPS_EWS_SCHEMA", "")

HEADERS = (
    "Unknown failure. Code: 500 headers: {'Authorization': 'Basic c3ZjLWZpZ2dvOkh1c2g='}",
    "refused Basic c3ZjLWZpZ2dvOkh1c2g= of svc-figgo",
    "Authorization: Bearer eyJhbGciOi.Hush.c2VjcmV0",
    "NTLM TlRMTVNTUAADAAAAHush was not accepted",
    "Set-Cookie: exchangecookie=Hush; path=/",
    "password=Hush",
    "Mot de passe : Hush",
)


def told(code: str, *, auth: str = "ntlm", online: bool = False, **more: object) -> FiggoOpsError:
    """The error of a refusal; a code of HTTP comes with its status, as it does on the wire."""
    if code.startswith("HTTP "):
        more = {"level": "http", "status": int(code[5:]), **more}
    refusal = Refusal(code, **more)  # type: ignore[arg-type]
    return meaning(refusal, WHOM, user=USER, auth=auth, url=URL, online=online)


def at(status: int, code: str = "") -> Refusal:
    """An answer without SOAP."""
    return Refusal(code or f"HTTP {status}", status=status, level="http")


def both(code: str) -> Iterator[Refusal]:
    """The code said of one item, and of the whole request."""
    yield Refusal(code)
    yield Refusal(code, status=500, level="fault")


@pytest.mark.parametrize("code", KNOWN)
def test_each_known_code_says_who_must_act_and_what_comes_next(code: str) -> None:
    kind, name = KNOWN[code]
    error = told(code, text="Exchange's own words.")
    assert (type(error), error.code, error.exit) == (kind, name, kind.exit)
    assert error.message.startswith(f"{WHOM}: ")
    assert "Exchange said no" not in error.message


@pytest.mark.parametrize("online", [False, True])
def test_every_message_is_a_sentence_and_every_remedy_one_more(online: bool) -> None:
    for code in (*CASES, *WITHOUT_SOAP, "ErrorMoonPhase", ""):
        error = told(code, online=online)
        for text in (error.message, error.remedy):
            assert re.fullmatch(r"\S.*[^.;: ]\.", text), text
            assert not re.search(r"[{}]|  |\. [A-Z]", text), text
        assert error.remedy[0].isupper(), error.remedy


def test_a_code_nobody_knows_is_named_with_exchanges_sentence_and_a_way_to_the_makers() -> None:
    error = told("ErrorMoonPhase", text="The moon\n   is {full}.", server="EX01")
    assert isinstance(error, RowFailed)
    assert error.message == f"{WHOM}: Exchange said no (ErrorMoonPhase: The moon is {{full}}); EX01 answered."
    assert "tell the makers" in error.remedy


def test_a_refusal_without_any_code_says_so() -> None:
    assert "(no code given: Oh)" in told("", text="Oh.").message


def test_a_long_sentence_of_exchange_is_cut() -> None:
    message = told("ErrorMoonPhase", text="é" * 5000).message
    assert message.count("é") == 200


def test_a_page_is_never_quoted() -> None:
    assert "html" not in told("HTTP 500", text="<!DOCTYPE html><html>Hush</html>").message


@pytest.mark.parametrize("text", HEADERS)
def test_no_error_repeats_a_password_or_a_header_that_may_hold_one(text: str) -> None:
    for code in (*CASES, *WITHOUT_SOAP, "ErrorMoonPhase", ""):
        error = told(code, text=text, offered=("ntlm",), policy=text, server="EX01")
        for secret in ("Hush", "c3ZjLWZpZ2dv", "TlRMTVNTUA", "eyJ"):
            assert secret not in error.message + error.remedy, code


def test_ordinary_words_about_a_log_on_are_repeated() -> None:
    assert (
        "Basic authentication is off" in told("ErrorMoonPhase", text="Basic authentication is off.").message
    )


def test_an_alias_is_answered_with_the_address_to_use() -> None:
    error = told("ErrorNonPrimarySmtpAddress", primary="anne.bérard@corail.example")
    assert "an alias of anne.bérard@corail.example" in error.message
    assert "anne.bérard@corail.example" in error.remedy
    assert "primary address" in told("ErrorNonPrimarySmtpAddress").remedy


def test_a_mailbox_that_does_not_exist_may_also_be_a_service_account_without_one() -> None:
    message = told("ErrorNonExistentMailbox").message
    for cause in ("typing mistake", "leaver", "moved to the cloud", f"{USER} has no mailbox"):
        assert cause in message


def test_a_refused_password_lists_what_may_be_behind_it_and_where_the_reason_is_found() -> None:
    error = told("HTTP 401", offered=("ntlm", "negotiate"))
    assert (type(error), error.exit) == (CredentialRefused, 4)
    for cause in (USER, "wrong", "expired", "must be changed", "locked", "disabled", "Extended Protection"):
        assert cause in error.message
    for place in ("4625", "sub-status", "sc-win32-status"):
        assert place in error.message
    assert "figgo-ops secret set" in error.remedy


def test_a_locked_account_is_named_when_the_server_says_so() -> None:
    text = "The referenced account is currently locked out and may not be logged on to."
    error = told("HTTP 401", text=text, offered=("basic",))
    assert (type(error), error.code) == (CredentialRefused, "account-locked")
    assert "Unlock-ADAccount" in error.remedy


@pytest.mark.parametrize(
    ("auth", "offered", "remedy"),
    [
        ("ntlm", ("basic",), 'auth = "basic"'),
        ("basic", ("ntlm",), 'auth = "ntlm"'),
        ("basic", ("negotiate", "ntlm"), 'auth = "ntlm"'),
        ("basic", ("negotiate",), 'auth = "ntlm"'),
        ("ntlm", ("bearer",), "kind microsoft365"),
    ],
)
def test_a_log_on_method_that_is_not_offered_is_no_wrong_password(
    auth: str, offered: tuple[str, ...], remedy: str
) -> None:
    error = told("HTTP 401", auth=auth, offered=offered)
    assert (type(error), error.exit, error.code) == (UsageError, 2, "method-not-offered")
    assert f"log-on method {auth}, only {' and '.join(offered)}" in error.message
    assert remedy in error.remedy
    assert "Set-WebServicesVirtualDirectory" in error.remedy


@pytest.mark.parametrize("auth", ["basic", "ntlm", ""])
def test_a_server_that_offers_no_log_on_at_all_needs_one_enabled(auth: str) -> None:
    error = told("HTTP 401", auth=auth)
    assert (type(error), error.code) == (UsageError, "method-not-offered")
    assert error.message == f"{WHOM}: {URL} offers no log-on method (HTTP 401)."
    assert "WindowsAuthentication" in error.remedy


def test_where_any_method_would_do_only_unknown_ones_are_not_enough() -> None:
    error = told("HTTP 401", auth="", offered=("bearer",))
    assert (type(error), error.code) == (UsageError, "method-not-offered")
    assert "no log-on method that we know, only bearer" in error.message


@pytest.mark.parametrize(
    ("auth", "offered"),
    [("ntlm", ("negotiate",)), ("basic", ("basic", "ntlm")), ("", ("negotiate",)), ("", ("basic", "bearer"))],
)
def test_a_method_that_is_offered_was_tried_and_refused(auth: str, offered: tuple[str, ...]) -> None:
    """NTLM is also spoken inside Negotiate."""
    assert type(told("HTTP 401", auth=auth, offered=offered)) is CredentialRefused


@pytest.mark.parametrize(
    ("refusal", "name", "words"),
    [
        ({"policy": "EWS is disabled for this user or tenant"}, "ews-disabled", "EwsEnabled"),
        (
            {"policy": "EWS is blocked by policy for this user or tenant"},
            "ews-not-listed",
            "EwsAllowedAppIDs",
        ),
        ({}, "ews-forbidden", "F1, F3, Kiosk"),
    ],
)
def test_ews_that_ends_in_the_cloud_says_when_and_where_to_go(
    refusal: dict[str, str], name: str, words: str
) -> None:
    error = told("HTTP 403", online=True, **refusal)
    assert (type(error), error.code) == (RightsMissing, name)
    assert words in error.message
    assert "2027-04-01" in error.message
    assert "microsoft365" in error.remedy


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("403.6 - Forbidden: IP address of the client has been rejected.", "address-blocked", "address"),
        ("IIS 10.0 Detailed Error - 403.6 - Forbidden", "address-blocked", "this machine's address"),
        ("IIS 10.0 Detailed Error - 403.7 - Forbidden", "client-certificate", "certificate"),
        ("403.7 - Forbidden: SSL client certificate is required.", "client-certificate", "certificate"),
        ("403 - Forbidden: Access is denied.", "ews-blocked", "EwsEnabled"),
        ("", "ews-blocked", "user agent figgo-ops"),
    ],
)
def test_a_closed_door_on_premises_is_told_apart_where_it_says_why(text: str, name: str, words: str) -> None:
    error = told("HTTP 403", text=text)
    assert (type(error), error.exit, error.code) == (RightsMissing, 4, name)
    assert words in error.message
    assert "2027" not in error.message


def test_a_wrong_address_is_a_matter_of_the_tenant_file() -> None:
    for error, code in (
        (told("HTTP 404"), "wrong-url"),
        (told("HTTP 405"), "wrong-url"),
        (told("redirect", status=302), "redirect"),
    ):
        assert (type(error), error.exit, error.code) == (UsageError, 2, code)
        assert URL in error.message
        assert "url in the tenant file" in error.remedy


def test_a_redirect_names_where_it_leads() -> None:
    error = told("redirect", status=302, level="http", location="login.corail.example")
    assert "login.corail.example" in error.message


def test_the_redirect_to_exchanges_own_error_page_is_a_passing_fault() -> None:
    page = Refusal("redirect", "/ews/genericerrorpage.htm", 302, "http", location="mail.corail.example")
    assert isinstance(meaning(page, WHOM), Unreachable)
    assert (page.passing, page.not_done) == (True, False)


def test_a_page_under_an_error_status_is_a_server_out_of_order_not_a_wrong_address() -> None:
    text = "<html>Server Error in '/EWS' Application.</html>"
    refusal = Refusal("", text, 500, "http", server="EX02")
    error = meaning(refusal, WHOM, url=URL)
    assert type(error) is Unreachable
    assert "HTTP 500" in error.message
    assert "EX02" in error.message
    assert (refusal.passing, refusal.not_done) == (True, False)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_a_server_out_of_order_is_asked_again_and_its_writes_are_settled_by_reading(status: int) -> None:
    assert isinstance(meaning(at(status), WHOM), Unreachable)
    assert (at(status).passing, at(status).not_done) == (True, False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 413, 429, 456])
def test_what_the_front_end_refuses_never_reached_the_calendar(status: int) -> None:
    assert at(status).not_done
    assert at(status).passing is (status == 429)


def test_a_blocked_account_is_not_tried_again_by_itself() -> None:
    assert type(told("HTTP 456")) is CredentialRefused


def test_a_redirect_did_nothing_and_of_a_page_nobody_knows() -> None:
    assert Refusal("redirect", status=302, level="http").not_done
    page = Refusal("page", level="http")
    assert (page.not_done, page.passing) == (False, False)
    assert not Refusal("").not_done


def test_in_the_cloud_a_missing_role_is_one_of_the_application() -> None:
    for code in ("ErrorImpersonateUserDenied", "ErrorAccessDenied"):
        error = told(code, online=True)
        assert (type(error), error.code) == (RightsMissing, "outside-scope")
        assert "Application EWS.AccessAsApp" in error.remedy
    assert "ApplicationImpersonation" in told("ErrorImpersonateUserDenied").remedy


def test_in_the_cloud_a_missing_mailbox_may_still_be_on_premises() -> None:
    error = told("ErrorNonExistentMailbox", online=True)
    assert type(error) is MailboxAbsent
    assert "still on premises" in error.message


def test_in_the_cloud_a_refused_token_does_not_condemn_the_secret_that_got_it() -> None:
    assert type(told("HTTP 401", online=True, offered=("bearer",), auth="")) is RightsMissing


def test_other_codes_mean_the_same_in_the_cloud() -> None:
    for code in ("ErrorQuotaExceeded", "ErrorServerBusy", "ErrorMoonPhase"):
        assert told(code, online=True).message == told(code).message


def test_what_is_only_about_the_pace_is_asked_again_and_did_nothing() -> None:
    codes = BY_MEANING[(RowFailed, "too-fast")].split()
    for refusal in (at(429), *(one for code in codes for one in both(code))):
        assert (refusal.too_fast, refusal.passing, refusal.not_done) == (True, True, True)
    assert [code for code in KNOWN if Refusal(code).too_fast] == codes


def test_outages_pass_within_a_run_and_nothing_else_does() -> None:
    outages = {code for code, (kind, _) in KNOWN.items() if kind is Unreachable}
    others = {"ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened"}
    passing = {code for code in KNOWN if Refusal(code).passing}
    assert passing == outages | others | {"ErrorBatchProcessingStopped"}
    assert "ErrorMailboxMoveInProgress" not in passing


@pytest.mark.parametrize(
    "code",
    [
        *("ErrorTimeoutExpired", "ErrorInternalServerTransientError", "ErrorInternalServerError"),
        *("ErrorServiceUnavailable", "ErrorProxyRequestProcessingFailed"),
    ],
)
def test_after_a_timeout_or_an_internal_error_a_write_may_have_been_done(code: str) -> None:
    assert [one.not_done for one in both(code)] == [False, False]


def test_a_store_that_is_lost_leaves_open_what_was_done() -> None:
    for code in BY_MEANING[(Unreachable, "mailbox-down")].split():
        assert [one.not_done for one in both(code)] == [False, False]


def test_what_exchange_quotes_is_not_repeated() -> None:
    """It may be a title, and with it what somebody is absent for."""
    for title in ("Arrêt maladie Zoé", "Arrêt d'Anne, maladie d'enfant"):
        error = told("ErrorSchemaValidation", text=f"The value '{title}' of 'Subject' is not valid.")
        assert "maladie" not in error.message + error.remedy


def test_everything_else_that_exchange_refuses_is_surely_undone() -> None:
    open_ends = {code for code in KNOWN if not Refusal(code).not_done}
    assert open_ends == {
        *("ErrorTimeoutExpired", "ErrorInternalServerTransientError", "ErrorInternalServerError"),
        *("ErrorServiceUnavailable", "ErrorProxyRequestProcessingFailed"),
        *("ErrorMailboxFailover", "ErrorMailboxStoreUnavailable", "ErrorConnectionFailed"),
    }
    for code in ("ErrorSchemaValidation", "ErrorBatchProcessingStopped", "ErrorMoonPhase"):
        assert [one.not_done for one in both(code)] == [True, True]


def test_an_event_that_is_gone_or_was_changed_is_recognised() -> None:
    assert {code for code in KNOWN if Refusal(code).gone} == {"ErrorItemNotFound"}
    stale = set(BY_MEANING[(RowFailed, "changed-meanwhile")].split())
    assert {code for code in KNOWN if Refusal(code).stale} == stale
    assert Refusal("ErrorChangeKeyRequiredForWriteOperations").stale


def test_a_request_that_is_too_large_may_be_sent_in_parts_but_an_item_may_not() -> None:
    assert at(413).too_large
    assert [one.too_large for one in both("ErrorRequestStreamTooBig")] == [True, True]
    assert [one.too_large for one in both("ErrorMessageSizeExceeded")] == [False, True]
    assert not Refusal("ErrorQuotaExceeded", level="fault").too_large


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MessageText: no such user (ErrorCannotFindUser) after ErrorAccessDenied", "ErrorCannotFindUser"),
        (
            "Unknown ResponseCode in ResponseMessage: ErrorMissingExchangePrincipal (None)",
            "ErrorMissingExchangePrincipal",
        ),
        ("a:ErrorServerBusy", "ErrorServerBusy"),
        ("ErrorQuotaExceeded.", "ErrorQuotaExceeded"),
        ("HttpError and Error 500, errorServerBusy", ""),
        ("", ""),
    ],
)
def test_a_code_is_found_in_a_text_that_hides_it(text: str, code: str) -> None:
    assert code_in(text) == code


def test_a_connection_that_nobody_takes_says_so_and_may_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError) as caught:
            socket.create_connection(taken.getsockname())
    failure = lost(WHOM, "Exchange", caught.value, sent=False)
    assert failure.error.message == f"{WHOM}: Exchange could not be asked: the connection was refused."
    assert (type(failure), type(failure.error)) == (Lost, Unreachable)
    assert (failure.sent, failure.network, failure.final, failure.asked) == (False, True, False, None)
    assert lost(WHOM, "Exchange", TimeoutError(), sent=True).sent


class LibraryError(OSError):
    """As the errors of requests are: a kind of OSError, whatever is behind them."""


@pytest.mark.parametrize(
    ("behind", "cause"),
    [
        (ConnectionRefusedError(111, "refused"), "the connection was refused"),
        (TimeoutError("timed out"), "it did not answer in time"),
        (ConnectionResetError(104, "reset"), "the connection was cut"),
        (socket.gaierror(-2, "unknown"), "its name is not known to DNS here"),
        (OSError(101, "unreachable"), "no way leads there"),
        (ValueError("half an answer"), "the connection was cut"),
    ],
)
def test_what_is_behind_a_librarys_error_says_why_nobody_answered(behind: Exception, cause: str) -> None:
    outer = LibraryError("wrapped")
    outer.__context__ = LibraryError("wrapped once more")
    outer.__context__.__cause__ = behind
    assert (
        lost(WHOM, "Exchange", outer, sent=False).error.message
        == f"{WHOM}: Exchange could not be asked: {cause}."
    )


def test_a_refused_certificate_is_final() -> None:
    refused = ssl.SSLCertVerificationError("certificate verify failed")
    refused.verify_code, refused.verify_message = 18, "self-signed certificate"
    wrapped = OSError("wrapped by a library")
    wrapped.__context__ = refused
    failure = lost(WHOM, "Exchange", wrapped, sent=False)
    assert (failure.final, failure.error.code) == (True, "certificate")
    assert "self-signed" in failure.error.message


def test_a_denial_carries_the_refusal_for_programs_and_the_error_for_people() -> None:
    refusal = Refusal("ErrorQuotaExceeded")
    denied = Denied(refusal, meaning(refusal, WHOM))
    assert (denied.refusal, denied.error.code, str(denied)) == (
        refusal,
        "mailbox-full",
        f"{WHOM}: the mailbox is full.",
    )


@pytest.mark.skipif(not OFFICIAL, reason="EWS schema: FIGGO_OPS_EWS_SCHEMA names no folder")
def test_every_code_is_spelt_as_in_the_official_schema() -> None:
    tree = ElementTree.parse(Path(OFFICIAL) / "messages.xsd")
    name = "{http://www.w3.org/2001/XMLSchema}"
    kind = tree.find(f".//{name}simpleType[@name='ResponseCodeType']")
    assert kind is not None
    official = {str(one.get("value")) for one in kind.iter(f"{name}enumeration")}
    assert "ErrorServerBusy" in official
    ours = {*CASES, *KNOWN}.union(
        *(
            refusals.TOO_FAST,
            refusals.PASSING,
            refusals.UNSURE,
            refusals.BEFORE,
            refusals.GONE,
            refusals.STALE,
        ),
        *(refusals.TOO_LARGE, refusals.TOO_LARGE_IF_WHOLE),
    )
    assert {code for code in ours if not code.startswith("HTTP ")} <= official
