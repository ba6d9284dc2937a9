"""What Microsoft's refusals tell a person, and what a program may conclude from each."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figgo_ops.calendars._microsoft365_codes import CASES
from figgo_ops.calendars._microsoft365_errors import Denied, meaning
from figgo_ops.calendars._microsoft365_refusal import Level, Refusal, refusal_of, token_refusal
from figgo_ops.calendars._microsoft365_sign_in import SIGN_IN
from figgo_ops.errors import (
    CredentialRefused,
    FiggoOpsError,
    MailboxAbsent,
    MailboxElsewhere,
    RightsMissing,
    RowFailed,
    Unreachable,
    UsageError,
)

WHOM = "anne@corail.example in head office"
CLIENT = "5d1c8a0e-0000-4000-8000-00000000c11e"
TENANT = "corail.example"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

BY_MEANING: dict[tuple[type[FiggoOpsError], str], str] = {
    (RightsMissing, "outside-scope"): "403 ErrorAccessDenied, 403 ErrorInsufficientPermissionsInAccessToken",
    (RightsMissing, "directory-denied"): "403 Authorization_RequestDenied",
    (RightsMissing, "no-service-principal"): "401 Authorization_IdentityNotFound",
    (RightsMissing, "forbidden"): "403 UnknownError, 403 ErrorMoonPhase, 403",
    (RightsMissing, "token-refused"): "401 InvalidAuthenticationToken, 401 UnknownError, 401",
    (UsageError, "no-exchange-online"): "404 OrganizationFromTenantGuidNotFound",
    (MailboxElsewhere, "elsewhere"): (
        "404 MailboxNotEnabledForRESTAPI, 401 MailboxNotEnabledForRESTAPI, 404 ResourceNotFound, "
        "404 MailboxNotSupportedForRESTAPI"
    ),
    (MailboxAbsent, "absent"): (
        "404 ErrorInvalidUser, 404 Request_ResourceNotFound, 404 ErrorNonExistentMailbox, "
        "404 ErrorMailboxNotFound"
    ),
    (RowFailed, "account-disabled"): "403 ErrorAccountDisabled, 403 ErrorAccountSuspend",
    (RowFailed, "mailbox-moving"): "503 ErrorMailboxMoveInProgress, 503 MailboxInfoStale",
    (RowFailed, "no-calendar"): "404 ErrorFolderNotFound, 404 ErrorNoCalendar",
    (RowFailed, "too-fast"): (
        "429 ApplicationThrottled, 429 TooManyRequests, 429 UnknownError, 429, 503 TooManyRequests, "
        "504 ApplicationThrottled, 429 activityLimitReached, 503 ErrorServerBusy"
    ),
    (Unreachable, "mailbox-down"): (
        "503 MailboxStoreUnavailable, 503 ErrorMailboxStoreUnavailable, 503 ErrorMailboxFailover, "
        "500 ErrorConnectionFailed"
    ),
    (Unreachable, "server-error"): (
        "500 ErrorInternalServerError, 500 ErrorInternalServerTransientError, 500 generalException, 500, "
        "502, 503 serviceNotAvailable, 503"
    ),
    (Unreachable, "too-slow"): "504, 504 UnknownError, 408, 503 ErrorTimeoutExpired",
    (UsageError, "proxy-log-on"): "407",
    (RowFailed, "not-reached"): "424",
    (RowFailed, "gone"): "404 ErrorItemNotFound, 404 ErrorCalendarCannotUpdateDeletedItem, 410",
    (RowFailed, "changed-meanwhile"): (
        "412, 412 ErrorIrresolvableConflict, 409 ErrorIrresolvableConflict, 400 ErrorInvalidChangeKey, 409, "
        "400 ErrorChangeKeyRequired"
    ),
    (RowFailed, "made-before"): "409 ErrorDuplicateTransactionId, 400 ErrorDuplicateTransactionId",
    (RowFailed, "locked"): "423",
    (RowFailed, "mailbox-full"): "507 quotaLimitReached, 507, 403 ErrorQuotaExceeded",
    (RowFailed, "too-large"): "413, 413 ErrorMessageSizeExceeded",
    (RowFailed, "bad-dates"): (
        "400 ErrorCalendarEndDateIsEarlierThanStartDate, 400 ErrorCalendarDurationIsTooLong"
    ),
    (RowFailed, "bad-zone"): "400 TimeZoneNotSupportedException",
    (RowFailed, "bad-data"): "400 ErrorPropertyValidationFailure, 500 ErrorItemSave",
    (RowFailed, "not-deletable"): "400 ErrorCannotDeleteObject",
    (RowFailed, "not-understood"): (
        "400 BadRequest, 400 ErrorInvalidIdMalformed, 400 ErrorInvalidUrlQueryFilter, 400 InefficientFilter, "
        "400 RequestBodyRead, 400 RequestBroker--ParseUri, 405, 415, 501"
    ),
    (RowFailed, "unknown-refusal"): "404, 404 UnknownError, 418 ErrorMoonPhase",
}
"""Every refusal that Graph is known to say to a calendar, by who must act and what a program calls it."""

EVERY = ", ".join(BY_MEANING.values()).split(", ")
LEVELS: tuple[Level, ...] = ("item", "http")

SIGN_IN_BY_MEANING: dict[tuple[type[FiggoOpsError], str], str] = {
    (CredentialRefused, "secret-wrong"): "AADSTS7000215",
    (CredentialRefused, "secret-expired"): "AADSTS7000222",
    (CredentialRefused, "certificate-refused"): "AADSTS700027 AADSTS700030 AADSTS50017",
    (CredentialRefused, "unknown-client"): "AADSTS700016 AADSTS700011",
    (CredentialRefused, "log-on-refused"): "AADSTS70002 AADSTS50012 invalid_client",
    (UsageError, "unknown-tenant"): "AADSTS90002 AADSTS900023 AADSTS900021 AADSTS50059 invalid_tenant",
    (UsageError, "clock"): "AADSTS700024 AADSTS500133",
    (UsageError, "log-on-method"): "AADSTS7000216 AADSTS7000218 AADSTS700025",
    (UsageError, "wrong-authority"): "AADSTS50049 AADSTS700023 AADSTS900432",
    (UsageError, "wrong-scope"): "AADSTS1002012 AADSTS70011 AADSTS500011 invalid_scope",
    (RightsMissing, "consent-missing"): "AADSTS65001 AADSTS650056",
    (RightsMissing, "no-service-principal"): "AADSTS7000229",
    (RightsMissing, "application-disabled"): "AADSTS7000112 AADSTS70001",
    (RightsMissing, "graph-disabled"): "AADSTS500014 AADSTS650052",
    (RightsMissing, "assignment-missing"): "AADSTS50105",
    (RightsMissing, "conditional-access"): "AADSTS53003 AADSTS53000 AADSTS530035",
    (RightsMissing, "no-token"): "AADSTS99999 unauthorized_client moon_phase",
    (Unreachable, "too-fast"): "AADSTS50196 AADSTS90055",
    (Unreachable, "sign-in-down"): "temporarily_unavailable server_error AADSTS90033 AADSTS50033",
}
"""Every way in which no token may be given, by who must act and what a program calls it."""

EVERY_NUMBER = " ".join(SIGN_IN_BY_MEANING.values()).split()

SECRETS = (
    "refused Authorization: Bearer eyJhbGciOi.Hush.c2VjcmV0",
    "the token eyJ0eXAiOiJKV1Qi.Hush cannot be parsed",
    "access token=EwBHush",
    "client_secret=Hush",
    "client_assertion: Hush",
    "Bearer EwB9c2VjcmV0Hush1= was not accepted",
    "Set-Cookie: fpc=Hush; path=/",
    "-----BEGIN PRIVATE KEY----- Hush",
)

PAGE = b"<!DOCTYPE html><html><title>Connexion</title>Hush</html>"


def rows(table: dict[tuple[type[FiggoOpsError], str], str], between: str) -> list[object]:
    """A table one by one: what Microsoft says, and what it means."""
    listed = ((one, kind, name) for (kind, name), ones in table.items() for one in ones.split(between))
    return [pytest.param(*row, id=row[0]) for row in listed]


def said(
    words: str, text: str = "Microsoft's own words.", level: Level = "item", policy: str = ""
) -> Refusal:
    """The refusal that "404 ErrorItemNotFound", or a status alone, stands for."""
    status, _, code = words.partition(" ")
    return Refusal(int(status), code, text, level, policy=policy)


def token(code: str, text: str = "Microsoft's own words.") -> Refusal:
    """The refusal that a number or a word of the sign-in service stands for, as the library tells it."""
    if not code.startswith("AADSTS"):
        return token_refusal({"error": code, "error_description": text})
    numbers = [int(code.removeprefix("AADSTS"))]
    return token_refusal(
        {"error": "invalid_request", "error_description": f"{code}: {text}", "error_codes": numbers}
    )


def told(refusal: Refusal) -> FiggoOpsError:
    """What a person reads."""
    return meaning(refusal, WHOM, client=CLIENT, tenant=TENANT)


def answered(status: int, body: object, headers: dict[str, str] | None = None) -> Refusal:
    """What is read from an answer to one item of a batch."""
    return refusal_of(status, headers or {}, body, now=NOW)


def every_refusal(text: str = "Microsoft's own words.") -> Iterator[Refusal]:
    """Each known refusal, at each level where it may be said."""
    for row in EVERY:
        yield said(row, text)
        yield said(row, text, "http")
    for case in CASES:
        for code in (*case.codes, "ErrorMoonPhase"):
            status = int(code[5:]) if code.startswith("HTTP ") else 400
            word = "" if code.startswith("HTTP ") else code
            yield Refusal(status, word, f"{text} {' '.join(case.words)}", request_id="6c1f-09")
    for code in (*(code for case in SIGN_IN for code in case.codes), "AADSTS99999", ""):
        yield token(code, text)


@pytest.mark.parametrize(("words", "kind", "name"), rows(BY_MEANING, ", "))
def test_each_known_refusal_says_who_must_act(words: str, kind: type[FiggoOpsError], name: str) -> None:
    error = told(said(words))
    assert (type(error), error.code, error.exit) == (kind, name, kind.exit)
    assert error.message.startswith(f"{WHOM}: ")


@pytest.mark.parametrize(("code", "kind", "name"), rows(SIGN_IN_BY_MEANING, " "))
def test_each_way_to_get_no_token_says_who_must_act(code: str, kind: type[FiggoOpsError], name: str) -> None:
    refusal = token(code)
    error = told(refusal)
    assert (refusal.code, refusal.level) == (code, "token")
    assert (type(error), error.code, error.exit) == (kind, name, kind.exit)
    assert error.message.startswith(f"{WHOM}: ")


def test_every_number_of_the_sign_in_service_is_said_in_the_error() -> None:
    for code in EVERY_NUMBER:
        assert f"({code}" in told(token(code)).message


def test_every_message_is_a_sentence_and_every_remedy_one_more() -> None:
    for refusal in every_refusal():
        error = told(refusal)
        for text in (error.message, error.remedy):
            assert re.fullmatch(r"\S.*[^.;: ]\.", text), text
            assert not re.search(r"[{}]|  |\. [A-Z]|\(\)|\(:", text), text
            assert text.count("`") % 2 == text.count("(") - text.count(")") == 0, text
        assert error.remedy[0].isupper(), error.remedy


def test_no_two_meanings_claim_the_same_code_unless_the_sentence_decides() -> None:
    for table in (CASES, SIGN_IN):
        plain = [code for case in table if not case.words for code in case.codes]
        assert len(plain) == len(set(plain)), plain
        for first, second in combinations(table, 2):
            assert first.words or not second.words or set(first.codes).isdisjoint(second.codes)


def test_a_code_nobody_knows_is_named_with_microsofts_sentence_and_a_way_to_the_makers() -> None:
    error = told(said("418 ErrorMoonPhase", "The moon\tis {full}."))
    assert error.message == f"{WHOM}: Microsoft Graph said no (ErrorMoonPhase: The moon is {{full}})."
    assert "tell the makers" in error.remedy


def test_a_request_that_we_wrote_wrongly_is_for_the_makers() -> None:
    error = told(said("400 ErrorInvalidUrlQueryFilter", "The query filter contains invalid nodes."))
    assert "The query filter contains invalid nodes" in error.message
    assert "tell the makers" in error.remedy


@pytest.mark.parametrize(
    "text",
    [
        "Le titre 'Arrêt maladie Zoé' est refusé.",
        "The value 'Arrêt d'Anne: maladie d'Œdipe' of 'Subject' is not valid.",
        'The value "Congé maladie" is too long.',
        "The value “maladie” or «maladie» or \u2018maladie\u2019 is not valid.",
        "The value 'maladie",
    ],
)
def test_what_microsoft_quotes_is_not_repeated(text: str) -> None:
    """It may be a title, and with it what somebody is absent for."""
    for words in ("400 BadRequest", "418 ErrorMoonPhase", "500 generalException"):
        error = told(said(words, text))
        assert "aladie" not in error.message + error.remedy
        assert words.partition(" ")[2] in error.message


def test_an_apostrophe_hides_nothing() -> None:
    message = told(said("400 BadRequest", "The user's calendar doesn't exist.")).message
    assert "The user's calendar doesn't exist" in message


@pytest.mark.parametrize("text", SECRETS)
def test_no_error_repeats_a_token_a_secret_or_a_header_that_may_hold_one(text: str) -> None:
    for refusal in every_refusal(text):
        error = told(refusal)
        for secret in ("Hush", "eyJ", "EwB", "c2VjcmV0"):
            assert secret not in error.message + error.remedy, refusal


def test_ordinary_words_about_tokens_are_repeated() -> None:
    text = "Lifetime validation failed, the token is expired."
    assert "the token is expired" in told(said("401 InvalidAuthenticationToken", text)).message


def test_a_long_sentence_of_microsoft_is_cut() -> None:
    assert told(said("418 ErrorMoonPhase", "é" * 5000)).message.count("é") == 200


def test_only_the_first_line_of_the_sign_in_services_sentence_is_shown() -> None:
    text = "AADSTS99999: The moon is full.\r\nTrace ID: 1\r\nTimestamp: 2026-11-22"
    error = told(token_refusal({"error": "x", "error_description": text, "trace_id": "7e5f-11"}))
    assert "(AADSTS99999: The moon is full); trace id 7e5f-11." in error.message
    assert "Timestamp" not in error.message
    assert "login.microsoftonline.com/error" in error.remedy


def test_a_secret_that_expired_is_answered_with_a_certificate() -> None:
    error = told(token("AADSTS7000222"))
    assert f"the secret of application {CLIENT} has expired" in error.message
    assert "certificate" in error.remedy
    assert "figgo-ops secret set" in error.remedy


def test_a_wrong_secret_may_be_the_id_of_one() -> None:
    error = told(token("AADSTS7000215"))
    assert "Secret ID" in error.message
    assert "Value" in error.message
    assert "store its Value" in error.remedy


def test_a_certificate_that_is_refused_is_compared_by_its_thumbprint() -> None:
    error = told(token("AADSTS700027"))
    for words in ("thumbprint", "-fingerprint -sha256", "upload the public part", "--retry-credential"):
        assert words in error.remedy


def test_an_assertion_outside_its_time_is_about_this_machines_clock_not_the_certificate() -> None:
    error = told(token("AADSTS700024"))
    assert "this machine's clock" in error.message
    assert not isinstance(error, CredentialRefused)


@pytest.mark.parametrize("code", ["AADSTS90002", "AADSTS900023"])
def test_a_wrong_tenant_is_named_and_is_a_matter_of_the_tenant_file(code: str) -> None:
    error = told(token(code))
    assert TENANT in error.message
    assert "tenant_id in the tenant file" in error.remedy


def test_an_unknown_application_may_be_a_wrong_id_or_a_wrong_organization() -> None:
    error = told(token("AADSTS700016"))
    assert f"{TENANT} has no application {CLIENT}" in error.message
    for words in ("client_id and tenant_id", f"New-MgServicePrincipal -AppId {CLIENT}", "--retry-credential"):
        assert words in error.remedy


def test_missing_consent_is_not_mended_by_opening_every_mailbox() -> None:
    error = told(token("AADSTS65001"))
    assert "nobody has consented" in error.message
    assert "Calendars.ReadWrite would open every mailbox" in error.remedy


def test_rights_are_not_taken_for_a_refused_credential() -> None:
    """What is remembered as refused is never tried again by itself; rights come by without us."""
    for code in ("AADSTS65001", "AADSTS7000229", "AADSTS7000112", "AADSTS53003", "AADSTS99999"):
        assert isinstance(told(token(code)), RightsMissing)


def test_a_mailbox_outside_the_scope_says_how_to_find_out_and_what_to_give() -> None:
    error = told(said("403 ErrorAccessDenied", "Access is denied. Check credentials and try again."))
    assert "UsersWithFiggoSync" in error.message
    assert "less than 2 hours ago" in error.message
    assert "EWS.AccessAsApp` is not enough" in error.message
    for words in (
        f"Test-ServicePrincipalAuthorization -Identity {CLIENT}",
        "a group inside the group does not count",
        f"New-ManagementRoleAssignment -App {CLIENT} -Role 'Application Calendars.ReadWrite'",
        "wait up to 2 hours",
    ):
        assert words in error.remedy


@pytest.mark.parametrize(
    ("text", "name", "command"),
    [
        (
            "Access to OData is disabled: [RAOP] Blocked by tenant configured AppOnly AccessPolicy settings.",
            "access-policy",
            "Get-ApplicationAccessPolicy",
        ),
        ("Access to OData is disabled.", "agent-blocked", "EwsAllowList"),
        ("Blocked by the tenant's UserAgent AllowList.", "agent-blocked", "add `figgo-ops*` to EwsAllowList"),
        ("Access is denied. Check credentials and try again.", "outside-scope", "-Resource MAILBOX"),
        ("", "outside-scope", "UsersWithFiggoSync"),
    ],
)
def test_denied_access_is_told_apart_where_microsoft_says_why(text: str, name: str, command: str) -> None:
    error = told(said("403 ErrorAccessDenied", text))
    assert (type(error), error.code) == (RightsMissing, name)
    assert command in error.remedy


@pytest.mark.parametrize("level", ["item", "http"])
def test_the_header_of_the_gate_for_programs_is_believed_whatever_the_body_says(level: Level) -> None:
    blocked = refusal_of(403, {"X-EWS-Policy-Reason": "EWS is blocked by policy"}, b"", level, now=NOW)
    assert blocked.policy == "EWS is blocked by policy"
    assert told(blocked).code == "agent-blocked"


def test_a_policy_header_beside_another_refusal_changes_nothing() -> None:
    assert told(said("404 ErrorItemNotFound", policy="EWS is blocked")).code == "gone"


@pytest.mark.parametrize(
    ("words", "text", "causes", "finders"),
    [
        (
            "404 MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
            ("on premises", "was deleted", "inactive"),
            ("Get-Recipient", "-SoftDeletedMailbox", "-InactiveMailboxOnly", "kind exchange"),
        ),
        (
            "404 MailboxNotEnabledForRESTAPI",
            "REST API is not yet supported for this mailbox.",
            ("on premises", "no licence", "being set up", "guest"),
            ("Get-Recipient", "GuestMailUser", "licence", "-SoftDeletedMailbox"),
        ),
        (
            "404 ResourceNotFound",
            "Resource could not be discovered.",
            ("the person is known", "on premises", "no licence", "guest"),
            ("RemoteUserMailbox", "[scope] except", "run again tomorrow"),
        ),
    ],
)
def test_a_mailbox_out_of_reach_says_what_may_be_and_how_to_tell(
    words: str, text: str, causes: tuple[str, ...], finders: tuple[str, ...]
) -> None:
    error = told(said(words, text))
    assert (type(error), error.exit) == (MailboxElsewhere, 1)
    assert not isinstance(error, MailboxAbsent)
    assert [cause for cause in causes if cause not in error.message] == []
    assert [finder for finder in finders if finder not in error.remedy] == []


def test_a_mailbox_that_is_kept_is_not_called_unlicensed() -> None:
    kept = told(said("404 MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or …"))
    assert "licence" not in kept.message + kept.remedy


def test_an_unknown_user_may_have_another_sign_in_name() -> None:
    error = told(said("404 ErrorInvalidUser", "The requested user 'anne@corail.example' is invalid."))
    assert "sign-in name" in error.message
    assert "UserPrincipalName" in error.remedy


def test_only_what_may_live_elsewhere_is_looked_for_elsewhere() -> None:
    found = {row for row in EVERY if said(row).no_mailbox}
    absent, elsewhere = BY_MEANING[MailboxAbsent, "absent"], BY_MEANING[MailboxElsewhere, "elsewhere"]
    assert found == {*absent.split(", "), *elsewhere.split(", ")}


def test_an_organization_without_exchange_online_is_a_matter_of_the_tenant_file() -> None:
    error = told(said("404 OrganizationFromTenantGuidNotFound"))
    assert TENANT in error.message
    assert "tenant_id" in error.remedy
    assert "kind exchange" in error.remedy


@pytest.mark.parametrize(
    ("text", "kind", "name", "worn"),
    [
        ("Lifetime validation failed, the token is expired.", RightsMissing, "token-refused", True),
        ("CompactToken parsing failed with error code: 80049217", RightsMissing, "token-refused", True),
        ("Access token validation failure. Invalid audience.", UsageError, "wrong-audience", False),
        (
            "Continuous access evaluation resulted in challenge with result: InteractionRequired",
            RightsMissing,
            "conditional-access",
            True,
        ),
    ],
)
def test_a_token_that_is_refused_is_renewed_unless_it_is_for_somebody_else(
    text: str, kind: type[FiggoOpsError], name: str, *, worn: bool
) -> None:
    refusal = said("401 InvalidAuthenticationToken", text, "http")
    assert refusal.token_worn is worn
    assert (type(told(refusal)), told(refusal).code) == (kind, name)


def test_only_a_refused_token_is_renewed() -> None:
    found = {row for row in EVERY if said(row).token_worn}
    assert found == {"401 InvalidAuthenticationToken"}
    assert not token("AADSTS700024").token_worn


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 405])
def test_an_answer_that_is_not_graphs_is_a_proxy_not_a_refusal(status: int) -> None:
    refusal = refusal_of(status, {"content-type": "text/html"}, PAGE, "http", now=NOW)
    error = told(refusal)
    assert type(error) is Unreachable
    assert f"(HTTP {status})" in error.message
    assert "graph.microsoft.com" in error.remedy
    assert "Hush" not in error.message


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_a_service_out_of_order_is_asked_again_and_its_writes_are_settled_by_reading(status: int) -> None:
    refusal = refusal_of(status, {}, PAGE, "http", now=NOW)
    assert type(told(refusal)) is Unreachable
    assert "html" not in told(refusal).message
    assert "other than Microsoft" not in told(refusal).message
    assert not refusal.not_done
    assert refusal.passing is (status in (500, 502, 503, 504))


def test_what_is_only_about_the_pace_is_said_so_at_each_level() -> None:
    hasty = BY_MEANING[RowFailed, "too-fast"].split(", ")
    assert all(said(row, level=level).too_fast and said(row).passing for row in hasty for level in LEVELS)
    assert all(told(said(row, level=level)).code == "too-fast" for row in hasty for level in LEVELS)
    assert [row for row in EVERY if said(row).too_fast] == hasty


def test_what_passes_is_asked_again_and_nothing_else_is() -> None:
    names = {
        (kind, name)
        for (kind, name), ones in BY_MEANING.items()
        for row in ones.split(", ")
        if said(row).passing
    }
    outages = {(Unreachable, name) for name in ("mailbox-down", "server-error", "too-slow")}
    always = outages | {(RowFailed, "too-fast")}
    assert names == always | {(RowFailed, "mailbox-moving"), (RowFailed, "bad-data")}
    for one in always:
        assert all(said(row).passing for row in BY_MEANING[one].split(", "))
    assert not said("400 ErrorPropertyValidationFailure").passing


def test_the_sign_in_service_is_asked_again_only_when_it_is_down_or_overrun() -> None:
    for (kind, _), codes in SIGN_IN_BY_MEANING.items():
        assert {token(code).passing for code in codes.split()} == {kind is Unreachable}


def test_without_a_token_nothing_was_done() -> None:
    assert all(token(code).not_done for code in EVERY_NUMBER)
    assert Refusal(503, level="token").not_done


def test_a_refusal_surely_did_nothing_unless_it_may_have_come_too_late() -> None:
    for row in EVERY:
        status = int(row[:3])
        assert said(row).not_done is (400 <= status < 500 and status != 408), row
    for row in ("400 ErrorTimeoutExpired", "404 MailboxStoreUnavailable", "499", "200", "302"):
        assert not said(row).not_done, row


def test_an_event_that_is_gone_or_was_changed_is_recognised() -> None:
    assert {row for row in EVERY if said(row).gone} == set(BY_MEANING[RowFailed, "gone"].split(", "))
    changed = set(BY_MEANING[RowFailed, "changed-meanwhile"].split(", "))
    assert {row for row in EVERY if said(row).stale} == changed - {"409"}


def test_a_404_without_a_word_removes_nothing() -> None:
    for refusal in (
        answered(404, b""),
        answered(404, b'{"error":{"code":"ErrorItemNotFo'),
        said("410", level="http"),
    ):
        assert not refusal.gone


@pytest.mark.parametrize("status", [409, 400])
def test_a_creation_that_was_sent_twice_names_the_event_of_the_first_time(status: int) -> None:
    error = {"code": "ErrorDuplicateTransactionId", "message": "Used.", "@event.existingEventId": "AAMkAD=="}
    refusal = answered(status, {"error": error})
    assert (refusal.duplicate, refusal.existing, refusal.not_done) == (True, "AAMkAD==", True)
    inside = {"code": "ErrorDuplicateTransactionId", "innerError": {"@event.existingEventId": "AAMkAE=="}}
    assert answered(status, {"error": inside}).existing == "AAMkAE=="
    assert not answered(status, {"error": {"code": "ErrorItemSave"}}).duplicate


def test_an_item_of_a_batch_and_a_whole_answer_are_read_alike() -> None:
    error = {"code": "ApplicationThrottled", "message": "Application is over its MailboxConcurrency limit."}
    body = {"error": {**error, "innerError": {"request-id": "0b0f-1"}}}
    expected = Refusal(429, error["code"], error["message"], retry_after=7.0, request_id="0b0f-1")
    for one in (body, json.dumps(body).encode(), json.dumps(body)):
        assert answered(429, one, {"Retry-After": "7"}) == expected


def test_waiting_may_be_asked_for_in_seconds_or_until_a_moment() -> None:
    until = {"retry-after": "Sun, 22 Nov 2026 09:00:30 GMT"}
    assert answered(503, b"", until).retry_after == 30.0
    assert answered(503, b"", {"RETRY-AFTER": "5"}).retry_after == 5.0
    assert answered(503, b"", {"Retry-After": "soon"}).retry_after is None
    assert answered(503, b"").retry_after is None


@pytest.mark.parametrize(
    ("headers", "inner", "found"),
    [
        ({"request-id": "aa-1"}, {"innerError": {"request-id": "bb-2"}}, "aa-1"),
        ({}, {"innerError": {"request-id": "bb-2", "client-request-id": "cc-3"}}, "bb-2"),
        ({}, {"innererror": {"request-id": "dd-4"}}, "dd-4"),
        ({}, {"innerError": {"client-request-id": "cc-3"}}, "cc-3"),
        ({"request-id": "not an id"}, {}, ""),
        ({}, {}, ""),
    ],
)
def test_the_id_for_microsofts_support_ends_the_message(
    headers: dict[str, str], inner: dict[str, object], found: str
) -> None:
    refusal = answered(500, {"error": {"code": "x", "message": "Oh.", **inner}}, headers)
    assert refusal.request_id == found
    message = told(refusal).message
    assert message.endswith(f"; request id {found}.") is bool(found)
    assert ("request id" in message) is bool(found)


def test_a_code_that_is_no_word_is_not_repeated() -> None:
    for code in ("Congé de Zoé", "<b>", "x" * 5000, ["a"], None, {"a": 1}):
        refusal = answered(418, {"error": {"code": code, "message": "Oh."}})
        assert refusal.code == ""
        assert "(HTTP 418: Oh)" in told(refusal).message


def test_the_number_in_the_sentence_counts_before_the_list_and_the_word() -> None:
    text = "AADSTS7000222: The provided client secret keys are expired."
    both = {"error": "invalid_client", "error_description": text, "error_codes": [7000215]}
    assert token_refusal(both).code == "AADSTS7000222"
    assert token_refusal({"error": "invalid_client", "error_codes": [7000215]}).code == "AADSTS7000215"
    assert token_refusal({"error": "invalid_client", "error_codes": []}).code == "invalid_client"
    assert token_refusal({}).code == ""


def test_a_denial_carries_both_what_was_said_and_what_it_means() -> None:
    refusal = said("404 ErrorItemNotFound")
    error = told(refusal)
    denied = Denied(refusal, error)
    assert (str(denied), denied.refusal, denied.error) == (error.message, refusal, error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)
KEYS = ("code", "message", "innerError", "innererror", "request-id", "@event.existingEventId", "error")
ERRORS = st.fixed_dictionaries(
    {}, optional={"error": JSON | st.dictionaries(st.sampled_from(KEYS), JSON | st.text())}
)
HEADERS = st.dictionaries(
    st.sampled_from(("Retry-After", "request-id", "X-EWS-Policy-Reason", "Date")),
    st.text()
    | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,7} \d\d:\d\d:\d\d [+-]\d{1,12}\Z"),
)


@given(
    status=st.integers(100, 599),
    headers=HEADERS,
    body=st.binary() | JSON | ERRORS | ERRORS.map(lambda one: json.dumps(one).encode()),
    level=st.sampled_from(LEVELS),
)
def test_whatever_arrives_is_a_refusal_with_cause_and_remedy(
    status: int, headers: dict[str, str], body: object, level: Level
) -> None:
    error = told(refusal_of(status, headers, body, level, now=NOW))
    assert error.message.startswith(WHOM)
    assert error.remedy
    assert len(error.message) < 1000


@given(
    answer=st.dictionaries(st.sampled_from(("error", "error_description", "error_codes", "trace_id")), JSON)
)
def test_whatever_the_library_hands_on_is_a_refusal_with_cause_and_remedy(answer: dict[str, object]) -> None:
    error = told(token_refusal(answer))
    assert error.message.startswith(WHOM)
    assert error.remedy


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 50_000, b"1" * 9999, b"\xff\xfe{", b"\x00"])
def test_nothing_that_arrives_is_too_deep_or_too_strange_to_be_read(body: bytes) -> None:
    assert type(told(answered(500, body))) is Unreachable
