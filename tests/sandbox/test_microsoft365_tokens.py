"""The sign-in service of the Microsoft 365 stand-in, asked by Microsoft's own library and by hand."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from figgo_ops.sandbox.microsoft365_assertion import KIND
from tests.sandbox.cloud import (
    ANNE,
    CLIENT,
    DOMAIN,
    OPENID,
    SCOPE,
    TENANT,
    TOKEN,
    Credential,
    Stage,
    credential,
    rsa_key,
)

NOWHERE = "8d0b3c52-1111-4d7e-8a36-94c1e5a7f210"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    read = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert isinstance(read, dict)
    return read


def pem(held: Credential) -> dict[str, str]:
    return {"private_key": held.key, "public_certificate": held.certificate}


def assertion(stage: Stage, held: Credential, *, alg: str = "PS256", head: str = "", **claims: Any) -> str:
    """Sign what a client would, but for what is said; a claim of None is left out."""
    named = base64.urlsafe_b64encode(held.fingerprint(hashes.SHA256())).decode().rstrip("=")
    now = stage.clock()
    usual = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": f"{stage.url}{TOKEN}",
        "nbf": now,
        "exp": now + 600,
        "jti": str(uuid.uuid4()),
    }
    content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(content, held.key, algorithm=alg, headers={"x5t#S256": head or named})


def signed(stage: Stage, text: str) -> Any:
    return stage.token(client_secret="", client_assertion=text, client_assertion_type=KIND)


class TestMsal:
    def test_a_secret_gets_a_token_that_graph_takes(self, stage: Stage) -> None:
        answer = stage.app().acquire_token_for_client([SCOPE])
        assert (answer["token_type"], answer["expires_in"], answer["token_source"]) == (
            "Bearer",
            3599,
            "identity_provider",
        )
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert stage.http.get(f"/v1.0/users/{ANNE}/calendar", headers=bearer).status_code == 200

    def test_a_token_is_fetched_once_and_then_remembered(self, stage: Stage) -> None:
        app = stage.app()
        first, second = (app.acquire_token_for_client([SCOPE]) for _ in range(2))
        assert second["token_source"] == "cache"
        assert (second["access_token"], stage.graph.tokens.issued) == (first["access_token"], 1)
        assert [(one.path, one.status) for one in stage.log.entries()] == [(OPENID, 200), (TOKEN, 200)]

    def test_a_certificate_gets_a_token_whose_claims_say_so(self, stage: Stage) -> None:
        held = credential()
        thumbprint = stage.graph.certificate(held.certificate)
        answer = stage.app(pem(held)).acquire_token_for_client([SCOPE])
        claims = claims_of(answer["access_token"])
        assert (claims["aud"], claims["appid"], claims["tid"], claims["appidacr"]) == (
            "https://graph.microsoft.com",
            CLIENT,
            TENANT,
            "2",
        )
        assert claims["exp"] == int(stage.clock()) + 3600
        assert len(thumbprint) == 64

    def test_the_older_form_of_an_assertion_is_taken_too(self, stage: Stage) -> None:
        """Named by SHA-1, MSAL signs with RS256."""
        held = credential()
        stage.graph.certificate(held.certificate)
        old = {"private_key": held.key, "thumbprint": held.fingerprint(hashes.SHA1()).hex()}
        assert "access_token" in stage.app(old).acquire_token_for_client([SCOPE])

    def test_the_tenant_may_be_named_by_a_domain_and_is_answered_by_its_id(self, stage: Stage) -> None:
        app = stage.app(tenant=DOMAIN)
        assert app.authority.token_endpoint == stage.url + TOKEN
        assert "access_token" in app.acquire_token_for_client([SCOPE])

    @pytest.mark.parametrize(("tenant", "code"), [(NOWHERE, 90002), ("corail", 900023)])
    def test_a_tenant_that_is_none_is_a_bare_value_error_at_construction(
        self, stage: Stage, tenant: str, code: int
    ) -> None:
        with pytest.raises(ValueError, match="Unable to get authority configuration") as caught:
            stage.app(tenant=tenant)
        assert f"AADSTS{code}" in str(caught.value.__context__)
        assert stage.log.entries()[0].status == 400

    def test_a_refusal_comes_back_as_a_dictionary(self, stage: Stage) -> None:
        answer = stage.app("wrong").acquire_token_for_client([SCOPE])
        assert (answer["error"], answer["error_codes"]) == ("invalid_client", [7000215])
        assert answer["error_description"].startswith("AADSTS7000215: ")

    def test_instance_discovery_leads_to_the_tenant(self, stage: Stage) -> None:
        app = stage.app(discovery=f"{stage.url}/common/discovery/instance")
        assert app.authority.token_endpoint == stage.url + TOKEN

    def test_a_bare_httpx_client_spoils_assertions_but_not_secrets(self, stage: Stage) -> None:
        """MSAL hands the assertion over as bytes, and httpx sends their repr."""
        held = credential()
        stage.graph.certificate(held.certificate)
        stage.session.close()
        stage.session = stage.http  # type: ignore[assignment]  # MSAL asks for get and post only
        assert stage.app(pem(held)).acquire_token_for_client([SCOPE])["error_codes"] == [50027]
        assert "access_token" in stage.app().acquire_token_for_client([SCOPE])

    def test_an_expired_certificate_is_refused_by_name(self, stage: Stage) -> None:
        held = credential(begins=-400, ends=-1)
        stage.graph.certificate(held.certificate)
        answer = stage.app(pem(held)).acquire_token_for_client([SCOPE])
        assert answer["error_codes"] == [700027]
        assert "expired" in answer["error_description"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("form", "status", "error", "code"),
        [
            ({"client_id": NOWHERE}, 400, "unauthorized_client", 700016),
            ({"client_id": ""}, 400, "invalid_request", 900144),
            ({"client_secret": "5a1c"}, 401, "invalid_client", 7000215),
            ({"client_secret": ""}, 401, "invalid_client", 7000216),
            ({"scope": ""}, 400, "invalid_request", 900144),
            ({"scope": "https://graph.microsoft.com/Calendars.ReadWrite"}, 400, "invalid_scope", 1002012),
            ({"scope": f"{SCOPE} offline_access"}, 400, "invalid_scope", 70011),
            ({"scope": "calendars"}, 400, "invalid_scope", 70011),
            ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_resource", 500011),
            ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
            ({"grant_type": ""}, 400, "invalid_request", 900144),
        ],
    )
    def test_a_wrong_form_is_answered_with_its_code(
        self, stage: Stage, form: dict[str, str], status: int, error: str, code: int
    ) -> None:
        answer = stage.token(**form)
        said = answer.json()
        assert (answer.status_code, said["error"], said["error_codes"]) == (status, error, [code])
        assert stage.graph.tokens.issued == 0

    @pytest.mark.parametrize(
        ("switch", "value", "status", "code"),
        [
            ("secret", "expired", 401, 7000222),
            ("application", "disabled", 400, 7000112),
            ("application", "no-principal", 400, 7000229),
            ("application", "no-consent", 400, 65001),
            ("application", "conditional-access", 400, 53003),
        ],
    )
    def test_what_an_administrator_did_is_told_apart(
        self, stage: Stage, switch: str, value: str, status: int, code: int
    ) -> None:
        stage.graph.switch(switch, value)
        answer = stage.token()
        assert (answer.status_code, answer.json()["error_codes"]) == (status, [code])
        stage.graph.switch(switch, "ok")
        assert stage.token().status_code == 200

    def test_a_wrong_secret_is_wrong_even_when_the_right_one_has_expired(self, stage: Stage) -> None:
        stage.graph.switch("secret", "expired")
        assert stage.token(client_secret="wrong").json()["error_codes"] == [7000215]

    def test_a_refusal_has_all_that_microsofts_have_and_no_secret(self, stage: Stage) -> None:
        said = stage.token(client_secret="Geheim-42").json()
        names = {"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"}
        assert set(said) == names | {"error_uri"}
        assert (
            f"Trace ID: {said['trace_id']} Correlation ID: {said['correlation_id']}"
            in said["error_description"]
        )
        assert "Geheim" not in json.dumps(said)

    def test_an_unknown_tenant_is_refused_at_the_token_endpoint_too(self, stage: Stage) -> None:
        answer = stage.http.post(f"/{NOWHERE}/oauth2/v2.0/token", data={"grant_type": "client_credentials"})
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])
        found = stage.http.get(f"/{NOWHERE}/v2.0/.well-known/openid-configuration")
        assert (found.status_code, found.json()["error"]) == (400, "invalid_tenant")

    def test_a_token_is_only_given_to_a_post(self, stage: Stage) -> None:
        assert stage.http.get(TOKEN).json()["error_codes"] == [900144]

    def test_an_overloaded_service_answers_in_oauths_form(self, stage: Stage) -> None:
        stage.fault("status", path="*/token", value={"status": 429, "headers": {"Retry-After": "7"}})
        answer = stage.token()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.json()["error_codes"] == [90055]
        stage.fault("status", path="*/token", value=503)
        assert stage.token().json()["error"] == "temporarily_unavailable"


class TestAssertions:
    @pytest.mark.parametrize("alg", ["PS256", "RS256"])
    def test_what_a_registered_key_signed_is_taken(self, stage: Stage, alg: str) -> None:
        held = credential()
        stage.graph.certificate(held.certificate)
        assert signed(stage, assertion(stage, held, alg=alg)).status_code == 200

    @pytest.mark.parametrize(
        "audience", [f"/{TENANT}/v2.0", f"/{TENANT}/oauth2/v2.0/token"], ids=["issuer", "endpoint"]
    )
    def test_the_audience_is_the_endpoint_or_the_issuer(self, stage: Stage, audience: str) -> None:
        held = credential()
        stage.graph.certificate(held.certificate)
        assert signed(stage, assertion(stage, held, aud=stage.url + audience)).status_code == 200

    @pytest.mark.parametrize(
        ("claims", "code"),
        [
            ({"aud": "https://elsewhere.example/token"}, 700023),
            ({"aud": ["x"]}, 700023),
            ({"aud": None}, 700023),
            ({"iss": "somebody"}, 700021),
            ({"sub": NOWHERE}, 700021),
            ({"sub": None}, 700021),
            ({"exp": None}, 50027),
            ({"exp": "tomorrow"}, 50027),
            ({"jti": None}, 50027),
        ],
    )
    def test_each_claim_is_judged(self, stage: Stage, claims: dict[str, Any], code: int) -> None:
        held = credential()
        stage.graph.certificate(held.certificate)
        answer = signed(stage, assertion_of(stage, held, claims))
        assert (answer.status_code, answer.json()["error_codes"]) == (401, [code])

    @pytest.mark.parametrize(
        ("seconds", "fine"), [(-901, False), (-899, True), (0, True), (299, True), (301, False)]
    )
    def test_a_clock_may_be_five_minutes_wrong_and_no_more(
        self, stage: Stage, seconds: int, fine: bool
    ) -> None:
        """The assertion of a client whose clock is that much ahead; it is good for ten minutes."""
        held, now = credential(), stage.clock()
        stage.graph.certificate(held.certificate)
        answer = signed(stage, assertion(stage, held, nbf=now + seconds, exp=now + seconds + 600))
        assert answer.json().get("error_codes") == (None if fine else [700024])

    def test_assertions_are_judged_by_the_wall_clock_and_tokens_by_the_services(self, stage: Stage) -> None:
        """A rehearsal with a clock of its own takes what a library signs by the true time."""
        held, true = credential(), stage.clock()
        stage.graph.certificate(held.certificate)
        stage.graph.tokens.wall = lambda: true
        text = assertion(stage, held)
        stage.clock.now += 86400
        token = signed(stage, text).json()["access_token"]
        assert claims_of(token)["iat"] == int(stage.clock())

    def test_a_certificate_that_is_not_registered_is_named_by_its_thumbprint(self, stage: Stage) -> None:
        answer = signed(stage, assertion(stage, credential(), head="abc")).json()
        assert (answer["error_codes"], "'abc'" in answer["error_description"]) == ([700027], True)
        assert "The key was not found." in answer["error_description"]

    def test_another_key_under_a_registered_thumbprint_is_no_proof(self, stage: Stage) -> None:
        ours, other = credential(), credential("other", key=rsa_key("other"))
        stage.graph.certificate(ours.certificate)
        forged = assertion(stage, Credential(other.key, ours.certificate))
        answer = signed(stage, forged).json()
        assert (answer["error_codes"], "does not match" in answer["error_description"]) == ([700027], True)

    def test_a_certificate_taken_away_is_no_longer_known(self, stage: Stage) -> None:
        held = credential()
        stage.graph.certificate(held.certificate)
        stage.graph.tokens.certificates.clear()
        assert signed(stage, assertion(stage, held)).json()["error_codes"] == [700027]

    @pytest.mark.parametrize("text", ["x", "a.b", "!.!.!", "e30.e30.e30", "W10.W10.W10"])
    def test_what_is_no_jwt_of_a_known_kind_is_malformed(self, stage: Stage, text: str) -> None:
        assert signed(stage, text).json()["error_codes"] == [50027]

    def test_an_assertion_without_its_kind_counts_for_nothing(self, stage: Stage) -> None:
        answer = stage.token(client_secret="", client_assertion="a.b.c")
        assert answer.json()["error_codes"] == [7000216]

    def test_only_rsa_keys_can_be_registered(self, stage: Stage) -> None:
        held = credential(key=ec.generate_private_key(ec.SECP256R1()))
        with pytest.raises(TypeError, match="RSA"):
            stage.graph.certificate(held.certificate)


class TestTokens:
    def test_no_role_is_claimed_unless_somebody_consented_in_the_directory(self, stage: Stage) -> None:
        assert "roles" not in claims_of(stage.token().json()["access_token"])
        stage.graph.tokens.roles = ("Calendars.ReadWrite",)
        assert claims_of(stage.token().json()["access_token"])["roles"] == ["Calendars.ReadWrite"]

    def test_a_token_ends_after_an_hour_of_the_services_clock(self, stage: Stage) -> None:
        path = f"/users/{ANNE}/calendar"
        assert stage.ask("GET", path).status_code == 200
        stage.clock.now += 3599
        assert stage.ask("GET", path).status_code == 200
        stage.clock.now += 1
        answer = stage.ask("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
        assert "expired" in answer.json()["error"]["message"]

    def test_a_revoked_token_is_worth_nothing(self, stage: Stage) -> None:
        stage.bearer()
        stage.graph.tokens.revoke()
        assert stage.ask("GET", f"/users/{ANNE}/calendar").status_code == 401

    def test_a_token_for_ews_is_none_for_graph(self, stage: Stage) -> None:
        token = stage.token(scope="https://outlook.office365.com/.default").json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        answer = stage.http.get(f"/v1.0/users/{ANNE}/calendar", headers=bearer)
        assert (answer.status_code, "audience" in answer.json()["error"]["message"]) == (401, True)


def assertion_of(stage: Stage, held: Credential, claims: dict[str, Any]) -> str:
    """PyJWT will not sign claims of a wrong kind, so the parts are put together here."""
    good = assertion(stage, held).split(".")
    content = {**claims_of(".".join(good)), **claims}
    content = {name: value for name, value in content.items() if value is not None}
    middle = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    text = f"{good[0]}.{middle}"
    way = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    signature = rsa_key("figgo-ops").sign(text.encode(), way, hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
