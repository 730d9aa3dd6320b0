"""How deliveries authenticate themselves: what is stored, refused and shown. Rows of endpoints 2.3."""

import copy
from typing import Any

import pytest

from core.api.values import REDACTED
from core.exceptions import InvalidInput
from endpoints.authentication import PRIVATE_MEMBERS, Authentication, checked, shown
from tests.endpoints.bodies import API_KEY, BASIC_AUTH, CLIENT_ASSERTION, SHARED_SECRET

NO_KEY: list[Any] = [..., {}]
ALL = [API_KEY, BASIC_AUTH, SHARED_SECRET, CLIENT_ASSERTION]


def changed(authentication: Authentication, **fields: Any) -> Authentication:
    """`authentication` with other fields; a field that is ... is left out."""
    kind = authentication["type"]
    inner = authentication[kind] | fields
    return {"type": kind, kind: {name: value for name, value in inner.items() if value is not ...}}


def with_key(**members: Any) -> Authentication:
    """A client assertion whose signing key has other members; a member that is ... is left out."""
    key = CLIENT_ASSERTION["oauth2"]["signing_key"] | members  # type: ignore[index]
    return changed(CLIENT_ASSERTION, signing_key={name: value for name, value in key.items() if value is not ...})


class TestStored:
    @pytest.mark.parametrize("sent", [{}, {"type": ""}, {"api_key": API_KEY["api_key"]}])
    @pytest.mark.parametrize("stored", [None, API_KEY])
    def test_without_a_type_it_is_none(self, sent: Authentication, stored: Authentication | None) -> None:
        assert checked(sent, stored) is None

    @pytest.mark.parametrize("sent", [API_KEY, BASIC_AUTH])
    def test_as_it_is_sent(self, sent: Authentication) -> None:
        assert checked(sent, None) == sent

    @pytest.mark.parametrize("kind", [API_KEY, BASIC_AUTH])
    def test_only_the_member_that_the_type_names(self, kind: Authentication) -> None:
        everything = API_KEY | BASIC_AUTH | SHARED_SECRET | {"type": kind["type"]}
        assert checked(everything, None) == kind

    def test_oauth2_is_completed(self) -> None:
        assert checked(SHARED_SECRET, None) == changed(
            SHARED_SECRET, grant_type="client_credentials", expiry_time_unit="seconds"
        )
        assert checked(CLIENT_ASSERTION, None) == changed(
            CLIENT_ASSERTION,
            grant_type="client_credentials",
            expiry_time_unit="seconds",
            signing_algorithm="ES256",
        )

    def test_what_oauth2_says_itself_is_not_completed(self) -> None:
        sent = changed(
            SHARED_SECRET,
            grant_type="password",
            expiry_time_unit="hours",
            scope="read",
            audience="us",
            field_mapping={"access_token": "token"},
        )
        assert checked(sent, None) == sent

    def test_empty_members_of_oauth2_count_as_not_sent(self) -> None:
        sent = changed(SHARED_SECRET, grant_type="", expiry_time_unit="", scope="", audience="")
        assert checked(sent, None) == checked(SHARED_SECRET, None)

    def test_another_algorithm_may_have_another_key(self) -> None:
        sent = changed(with_key(kty="RSA", crv=..., x=..., y=..., n="n", e="e"), signing_algorithm="RS256")
        assert checked(sent, None) == changed(
            sent, grant_type="client_credentials", expiry_time_unit="seconds", signing_algorithm="RS256"
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("sent", "message"),
        [
            ({"type": "api_key"}, "api key field is required"),
            (changed(API_KEY, header_value=" \t"), "api key field is required"),
            (changed(API_KEY, header_name="  "), "api key header_name is required"),
            *(
                (sent, "api key header_name and header_value must be what an HTTP header can carry")
                for sent in (
                    changed(API_KEY, header_name="X Key"),
                    changed(API_KEY, header_name="X-Key:"),
                    changed(API_KEY, header_name="X-Kéy"),
                    changed(API_KEY, header_name="X-Key\r\nX-Other"),
                    changed(API_KEY, header_value="a\r\nX-Other: b"),
                    changed(API_KEY, header_value="a\nb"),
                    changed(API_KEY, header_value="a\x7fb"),
                )
            ),
            ({"type": "basic_auth"}, "basic auth field is required"),
            (changed(BASIC_AUTH, username=""), "basic auth field is required"),
            (changed(BASIC_AUTH, password=""), "basic auth field is required"),
            ({"type": "oauth2"}, "oauth2 configuration is required"),
            (changed(SHARED_SECRET, url=" "), "oauth2 url is required"),
            (changed(SHARED_SECRET, client_id=" "), "oauth2 client_id is required"),
            *(
                (
                    changed(SHARED_SECRET, client_secret=secret),
                    "oauth2 client_secret is required for shared_secret authentication",
                )
                for secret in (..., "", "  ")
            ),
            *(
                (
                    changed(CLIENT_ASSERTION, signing_key=key),
                    "oauth2 signing_key is required for client_assertion authentication",
                )
                for key in NO_KEY
            ),
            (with_key(kty=...), "oauth2 signing_key.kty is required"),
            (with_key(kty=" "), "oauth2 signing_key.kty is required"),
            (with_key(kid=...), "oauth2 signing_key.kid is required"),
            (with_key(d=...), "oauth2 signing_key.d (private key) is required"),
            (with_key(kty="RSA"), "oauth2 signing_key.kty must be 'EC' for ES256 algorithm"),
            (with_key(crv="P-384"), "oauth2 signing_key.crv must be 'P-256' for ES256 algorithm"),
            (with_key(crv=...), "oauth2 signing_key.crv must be 'P-256' for ES256 algorithm"),
            (with_key(x=...), "oauth2 signing_key.x and signing_key.y are required for EC keys"),
            (with_key(y=""), "oauth2 signing_key.x and signing_key.y are required for EC keys"),
            (
                changed(CLIENT_ASSERTION, issuer=...),
                "oauth2 issuer is required for client_assertion authentication",
            ),
            (
                changed(CLIENT_ASSERTION, subject=" "),
                "oauth2 subject is required for client_assertion authentication",
            ),
            (changed(SHARED_SECRET, url="https://[::1"), "invalid oauth2 url: Invalid IPv6 URL"),
            (
                changed(SHARED_SECRET, url="https://a b"),
                "invalid oauth2 url: it contains a space or a control character",
            ),
            (changed(SHARED_SECRET, url="example.com"), "invalid oauth2 url: it must be an http or https URL"),
            (changed(SHARED_SECRET, url="ftp://example.com"), "invalid oauth2 url: it must be an http or https URL"),
            (changed(SHARED_SECRET, url="https://"), "invalid oauth2 url: it must be an http or https URL"),
            (
                changed(SHARED_SECRET, url="https://ada:pw@token.example"),
                "invalid oauth2 url: it contains a user name or password",
            ),
            (changed(SHARED_SECRET, url="https://token.example:0"), "invalid oauth2 url: it names no host and port"),
        ],
    )
    def test_with_the_reference_s_words(self, sent: Authentication, message: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            checked(sent, None)
        assert refusal.value.message == message


class TestShown:
    def test_none(self) -> None:
        assert shown(None, reveal=True) is None
        assert shown(None, reveal=False) is None

    def test_an_api_key_only_to_those_who_may_write(self) -> None:
        assert shown(API_KEY, reveal=True) == API_KEY
        assert shown(API_KEY, reveal=False) == changed(API_KEY, header_value=REDACTED)

    @pytest.mark.parametrize("reveal", [True, False])
    def test_passwords_and_client_secrets_to_nobody(self, reveal: bool) -> None:
        assert shown(BASIC_AUTH, reveal=reveal) == changed(BASIC_AUTH, password=REDACTED)
        assert shown(SHARED_SECRET, reveal=reveal) == changed(SHARED_SECRET, client_secret=REDACTED)

    @pytest.mark.parametrize("reveal", [True, False])
    def test_the_private_members_of_a_key_to_nobody(self, reveal: bool) -> None:
        stored = with_key(**dict.fromkeys(PRIVATE_MEMBERS, "private"), n="public", e="public")
        assert shown(stored, reveal=reveal) == with_key(
            **dict.fromkeys(PRIVATE_MEMBERS, REDACTED), n="public", e="public"
        )

    @pytest.mark.parametrize("reveal", [True, False])
    def test_what_is_not_there_is_not_masked(self, reveal: bool) -> None:
        stored = changed(SHARED_SECRET, client_secret=...)
        assert shown(stored, reveal=reveal) == stored
        stored = with_key(d="")
        assert shown(stored, reveal=reveal) == stored

    def test_what_is_stored_is_left_as_it_was(self) -> None:
        for stored in ALL:
            before = copy.deepcopy(stored)
            shown(stored, reveal=False)
            assert stored == before


class TestMaskKeeps:
    """`checked` understands every value that `shown` returns."""

    @pytest.mark.parametrize("sent", ALL)
    @pytest.mark.parametrize("reveal", [True, False])
    def test_what_was_read_may_be_written_back(self, sent: Authentication, reveal: bool) -> None:
        stored = checked(sent, None)
        read = shown(stored, reveal=reveal)
        assert read is not None
        assert checked(read, stored) == stored

    def test_the_rest_may_change(self) -> None:
        read = changed(BASIC_AUTH, username="grace", password=REDACTED)
        assert checked(read, BASIC_AUTH) == changed(BASIC_AUTH, username="grace")

    def test_another_oauth2_url_needs_the_secret_again(self) -> None:
        elsewhere = changed(SHARED_SECRET, url="https://elsewhere.example.com/token", client_secret=REDACTED)
        with pytest.raises(InvalidInput, match="client_secret is required"):
            checked(elsewhere, SHARED_SECRET)

    @pytest.mark.parametrize(
        ("sent", "message"),
        [
            (changed(API_KEY, header_value=REDACTED), "api key field is required"),
            (changed(BASIC_AUTH, password=REDACTED), "basic auth field is required"),
            (
                changed(SHARED_SECRET, client_secret=REDACTED),
                "oauth2 client_secret is required for shared_secret authentication",
            ),
            (with_key(d=REDACTED), "oauth2 signing_key.d (private key) is required"),
        ],
    )
    def test_there_is_nothing_to_keep_in_something_else(self, sent: Authentication, message: str) -> None:
        kind = sent["type"]
        others = [None, *(stored for stored in ALL if stored["type"] != kind)]
        if sent["type"] == "oauth2":
            others.append(CLIENT_ASSERTION if "client_secret" in sent["oauth2"] else SHARED_SECRET)
        for stored in others:
            with pytest.raises(InvalidInput) as refusal:
                checked(sent, stored)
            assert refusal.value.message == message
