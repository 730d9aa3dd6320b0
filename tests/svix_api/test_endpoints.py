"""Svix's endpoints: /api/v1/app/{app}/endpoint."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from applications.operations import create_application
from endpoints.models import Endpoint, EndpointHour
from endpoints.operations import create_endpoint, expire_secret, update_endpoint
from endpoints.secrets import is_live
from outbound.signatures import standard_secret
from projects.models import EventType, Project
from subscriptions.models import Filter, Subscription
from subscriptions.operations import create_subscription
from tests.conftest import Role
from tests.deliveries.rows import make_delivery
from tests.portal_links.calls import Reply, call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, token_of, wrong_fields

URL = "https://hooks.example.com/in"
MINE = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
FULL: dict[str, Any] = {
    "url": URL,
    "description": "Orders\nof all shops",
    "uid": "orders",
    "filterTypes": ["order.paid"],
    "channels": ["eu"],
    "rateLimit": 20,
    "metadata": {"team": "billing"},
    "headers": {"X-Tenant": "acme"},
    "secret": MINE,
}


@pytest.fixture(autouse=True)
def acme(project: Project) -> None:
    create_application(project.uid, owner_id="acme", name="Acme")
    for name in ("*", "order.paid", "order.sent"):
        EventType.objects.get_or_create(project=project, name=name)


def send(method: str, path: str, key: str, body: Any = None, app: str = "acme") -> Reply:
    return call(method, f"/api/v1/app/{app}/endpoint{path}", body, Authorization=f"Bearer {key}")


def made(key: str, **body: Any) -> dict[str, Any]:
    reply = send("POST", "", key, {"url": URL} | body)
    assert reply.status == 201, reply.json
    return dict(reply.json)


def stored(document: dict[str, Any]) -> Endpoint:
    return Endpoint.objects.get(pk=document["id"].removeprefix("ep_"))


def types_of(endpoint: Endpoint) -> list[str]:
    rows = Filter.objects.filter(subscription__endpoint=endpoint, subscription__deleted_at=None)
    return sorted(rows.values_list("event_type", flat=True))


class TestCreate:
    def test_in_full(self, key: str) -> None:
        said = made(key, **FULL)
        row = stored(said)
        assert (row.owner_id, row.name, row.external_id, row.custom_headers) == (
            *("acme", "Orders", "orders", {"X-Tenant": "acme"}),
        )
        assert (row.rate_limit, row.rate_limit_duration, row.secrets[-1]["value"]) == (20, 1, MINE)
        assert types_of(row) == ["order.paid"]
        assert Subscription.objects.get().channels == ["eu"]
        shown = FULL.keys() - {"headers", "secret"}
        assert {name: said[name] for name in shown} == {name: FULL[name] for name in shown}
        assert (said["eventTypes"], said["throttleRate"], said["disabled"]) == (["order.paid"], 20, False)

    def test_by_its_url_it_gets_everything(self, key: str) -> None:
        said = made(key)
        row = stored(said)
        assert (row.name, row.rate_limit, row.custom_headers, types_of(row)) == ("hooks.example.com", 0, None, ["*"])
        assert row.secrets[-1]["value"].startswith("whsec_")
        assert [said[name] for name in ("uid", "filterTypes", "channels", "rateLimit")] == [None] * 4

    def test_the_names_of_newer_clients(self, key: str) -> None:
        said = made(key, eventTypes=["order.sent"], throttleRate=3)
        assert (said["filterTypes"], said["rateLimit"]) == (["order.sent"], 3)

    def test_disabled(self, key: str) -> None:
        assert stored(made(key, disabled=True)).status == "paused"

    def test_an_application_that_is_not_there(self, key: str) -> None:
        with nothing_changes():
            assert refusal(send("POST", "", key, {"url": URL}, "nobody"))[:2] == (404, "not_found")

    def test_a_uid_that_is_taken(self, key: str) -> None:
        made(key, uid="orders")
        with nothing_changes():
            assert refusal(send("POST", "", key, {"url": URL, "uid": "orders"}))[:2] == (409, "conflict")

    @pytest.mark.slow
    def test_a_uid_is_free_again_once_its_endpoint_is_deleted(self, key: str) -> None:
        made(key, uid="orders")
        assert send("DELETE", "/orders", key).status == 204
        made(key, uid="orders")

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            *(({"url": wrong}, "url") for wrong in each("", 1, "a" * 2049)),
            *(({"uid": wrong}, "uid") for wrong in each("", "a b", "a/b", "01JZ8QK3V7M2N4P6R8T0W2Y4A6", 1, "a" * 256)),
            *(({"filterTypes": wrong}, "filterTypes") for wrong in each([], ["nope"], [""], [1], "order.paid")),
            *(({"eventTypes": wrong}, "eventTypes") for wrong in each([], ["nope"])),
            *(({"channels": wrong}, "channels") for wrong in each([], ["a b"], ["a"] * 11, "eu")),
            *(({"rateLimit": wrong}, "rateLimit") for wrong in each(-1, "1", 1.5, 2**31)),
            *(({"metadata": wrong}, "metadata") for wrong in each([], {"a": 1})),
            *(({"secret": wrong}, "secret") for wrong in each("", "short", "whsec_" + "A" * 20, "whsec_é", "a" * 120)),
            *(({"disabled": wrong}, "disabled") for wrong in each("true", 1)),
            *(({"headers": wrong}, "headers") for wrong in each([], {"a": 1}, {"a b": ""}, {"Host": "x"}, {"a": "\n"})),
            ({"headers": {f"x-{number}": "" for number in range(51)}}, "headers"),
        ],
    )
    def test_wrong_fields(self, key: str, sent: dict[str, Any], field: str) -> None:
        with nothing_changes():
            (where, _), *_ = wrong_fields(send("POST", "", key, {"url": URL} | sent))
        # A value within a list or an object is named by its place.
        assert where[0] == "body"
        assert where[1] == field or where[1].isdigit() or where[1] in sent[field]

    @pytest.mark.parametrize(
        "url", ["ftp://example.com", "nope", "https://{a}.example.com", "https://[::1", "https://℀.com"]
    )
    def test_a_url_that_cannot_be_sent_to(self, key: str, url: str) -> None:
        with nothing_changes():
            assert refusal(send("POST", "", key, {"url": url}))[:2] == (400, "bad_request")


class TestChange:
    @pytest.mark.slow
    def test_replacing_empties_what_is_not_sent(self, key: str) -> None:
        made(key, **FULL)
        said = send("PUT", "/orders", key, {"url": f"{URL}/2"}).json
        assert (said["url"], said["uid"], said["description"], said["metadata"]) == (f"{URL}/2", "orders", "", {})
        assert [said[name] for name in ("filterTypes", "channels", "rateLimit")] == [None] * 3
        row = stored(said)
        assert (row.custom_headers, row.secrets[-1]["value"], row.name) == ({"X-Tenant": "acme"}, MINE, "Orders")

    @pytest.mark.slow
    def test_replacing_activates(self, key: str) -> None:
        made(key, uid="orders", disabled=True)
        assert send("PUT", "/orders", key, {"url": URL}).json["disabled"] is False
        assert send("PUT", "/orders", key, {"url": URL, "disabled": True}).json["disabled"] is True

    def test_replacing_what_is_not_there_creates_it(self, key: str) -> None:
        reply = send("PUT", "/new", key, {"url": URL})
        assert (reply.status, reply.json["uid"]) == (201, "new")
        with nothing_changes():
            for path in ("/ep_01JZ8QK3V7M2N4P6R8T0W2Y4A6", "/a%20b", "/%C3%A9"):
                assert refusal(send("PUT", path, key, {"url": URL}))[:2] == (404, "not_found")

    def test_changing_keeps_what_is_not_sent(self, key: str) -> None:
        before = made(key, **FULL)
        after = send("PATCH", "/orders", key, {"description": "New"}).json
        assert after == before | {"description": "New", "updatedAt": after["updatedAt"]}

    def test_null_ends_what_can_end(self, key: str) -> None:
        said = made(key, **FULL)
        ended = {"uid": None, "filterTypes": None, "channels": None, "rateLimit": None}
        after = send("PATCH", f"/{said['id']}", key, ended).json
        assert {name: after[name] for name in ended} == ended
        assert types_of(stored(said)) == ["*"]

    def test_a_convoy_endpoint_is_seen_and_changed_here(self, key: str, project: Project) -> None:
        row = create_endpoint(project.uid, name="In", url=URL, owner_id="acme", rate_limit=600, rate_limit_duration=60)
        said = send("GET", f"/{row.uid}", key).json
        assert (said["filterTypes"], said["rateLimit"]) == ([], 10)
        create_subscription(
            project.uid, name="In", endpoint_id=row.uid, filter_config={"event_types": ["order.paid", "order.sent"]}
        )
        assert send("GET", f"/{row.uid}", key).json["filterTypes"] == ["order.paid", "order.sent"]
        send("PATCH", f"/{row.uid}", key, {"filterTypes": ["order.sent"]})
        assert types_of(row) == ["order.sent"]

    def test_another_owner_takes_no_uid_along(self, key: str, project: Project) -> None:
        row = stored(made(key, uid="orders"))
        moved = update_endpoint(project.uid, row.uid, url=URL, name="In", owner_id="globex")
        assert moved.external_id == ""
        made(key, uid="orders")


class TestList:
    def test_pages(self, key: str, project: Project) -> None:
        create_endpoint(project.uid, name="Other", url=URL, owner_id="globex")
        uids = [made(key)["id"] for _ in range(3)]
        first = send("GET", "?limit=2", key).json
        assert ([row["id"] for row in first["data"]], first["done"]) == (uids[:2], False)
        rest = send("GET", f"?limit=2&iterator={first['iterator']}", key).json
        assert ([row["id"] for row in rest["data"]], rest["done"]) == (uids[2:], True)
        assert [row["id"] for row in send("GET", "?order=descending", key).json["data"]] == uids[::-1]

    @pytest.mark.slow
    def test_statements(self, key: str) -> None:
        def count() -> int:
            with statements() as made_of:
                send("GET", "", key)
            return len(made_of)

        made(key)
        one = count()
        for _ in range(20):
            made(key)
        # The key, the application, the sizes of the endpoints, the endpoints, and their filters.
        assert count() == one == 5


class TestSecrets:
    def test_a_convoy_secret_is_shown_as_a_key(self, key: str, project: Project) -> None:
        row = create_endpoint(project.uid, name="In", url=URL, owner_id="acme", secret="plain text")
        assert send("GET", f"/{row.uid}/secret", key).json == {"key": standard_secret("plain text")}

    def test_rotation_overlaps_a_day(self, key: str) -> None:
        row = stored(made(key, secret=MINE))
        assert send("POST", f"/{row.uid}/secret/rotate", key).json["key"] != MINE
        old, new = Endpoint.objects.get(pk=row.pk).secrets
        for hours, lives in ((23, True), (25, False)):
            assert is_live(old, timezone.now() + timedelta(hours=hours)) is lives
        assert new["expires_at"] is None

    def test_rotation_at_once_to_ones_own(self, key: str) -> None:
        row = stored(made(key))
        reply = send("POST", f"/{row.uid}/secret/rotate", key, {"key": MINE[6:], "gracePeriodSeconds": 0})
        assert reply.json == {"key": MINE}
        assert not is_live(Endpoint.objects.get(pk=row.pk).secrets[0], timezone.now())

    @pytest.mark.parametrize("sent", [{"key": "short"}, {"gracePeriodSeconds": -1}, {"gracePeriodSeconds": 604_801}])
    def test_wrong_fields(self, key: str, sent: dict[str, Any]) -> None:
        uid = made(key)["id"]
        with nothing_changes():
            assert wrong_fields(send("POST", f"/{uid}/secret/rotate", key, sent))[0][0] == ["body", *sent]

    def test_a_key_that_only_reads(self, key: str, project: Project) -> None:
        uid = made(key)["id"]
        for reader in (
            key_of(project, Role.PROJECT_VIEWER),
            key_of(project, owner_id="acme"),
        ):
            assert refusal(send("GET", f"/{uid}/secret", reader))[:2] == (403, "permission_denied")

    @pytest.mark.slow
    def test_too_many(self, key: str, project: Project) -> None:
        row = stored(made(key))
        for _ in range(19):
            expire_secret(project.uid, row.uid, expiration=1)
        with nothing_changes():
            assert refusal(send("POST", f"/{row.uid}/secret/rotate", key))[:2] == (400, "bad_request")


class TestHeaders:
    def test_sensitive_ones_are_named(self, key: str, project: Project) -> None:
        uid = made(key, headers={"X-Tenant": "acme", "authorization": "x"})["id"]
        assert send("GET", f"/{uid}/headers", key).json == {
            "headers": {"X-Tenant": "acme"},
            "sensitive": ["authorization"],
        }
        viewer = key_of(project, Role.PROJECT_VIEWER)
        assert send("GET", f"/{uid}/headers", viewer).json == {
            "headers": {},
            "sensitive": ["X-Tenant", "authorization"],
        }

    def test_changing_knows_no_letter_case(self, key: str) -> None:
        uid = made(key, headers={"X-Tenant": "acme", "X-Old": "1"})["id"]
        sent = {"headers": {"x-tenant": "globex"}, "deleteHeaders": ["x-old"]}
        assert send("PATCH", f"/{uid}/headers", key, sent).status == 204
        assert send("GET", f"/{uid}/headers", key).json["headers"] == {"x-tenant": "globex"}
        assert send("PUT", f"/{uid}/headers", key, {"headers": {}}).status == 204
        assert stored({"id": uid}).custom_headers is None

    def test_refused_ones(self, key: str) -> None:
        uid = made(key)["id"]
        with nothing_changes():
            [(where, why)] = wrong_fields(send("PUT", f"/{uid}/headers", key, {"headers": {"Webhook-Id": "1"}}))
        assert (where, why) == (["body", "headers"], '"Webhook-Id" is reserved')


class TestFigures:
    @pytest.mark.slow
    def test_messages_by_state(self, key: str) -> None:
        row = stored(made(key))
        for status in ("Success", "Success", "Scheduled", "Retry", "Processing", "Failure", "Discarded"):
            make_delivery(row, status)
        make_delivery(row, "Success", test="test")
        expected = {"success": 2, "pending": 2, "sending": 1, "fail": 1, "canceled": 1}
        assert send("GET", f"/{row.uid}/stats", key).json == expected
        later = "2999-01-01T00:00:00Z"
        assert set(send("GET", f"/{row.uid}/stats?since={later}", key).json.values()) == {0}
        assert send("GET", f"/{row.uid}/stats?until={later}", key).json == expected

    def test_hours(self, key: str) -> None:
        row = stored(made(key))
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        for age, answer in ((0, "200"), (1, "5xx")):
            EndpointHour.objects.create(
                endpoint=row, hour=hour - timedelta(hours=age), answer=answer, delivered=3 - age, failed=age
            )
        path = f"/{row.uid}/attempt-stats"
        assert send("GET", path, key).json == {"success": 5, "fail": 1, "canceled": 0}
        since = (hour + timedelta(minutes=5)).isoformat().replace("+", "%2B")
        assert send("GET", f"{path}?since={since}", key).json == {"success": 3, "fail": 0, "canceled": 0}
        assert send("GET", f"{path}?until={since[:13]}:00:00Z", key).json == {"success": 2, "fail": 1, "canceled": 0}

    @pytest.mark.parametrize("path", ["stats", "attempt-stats"])
    @pytest.mark.parametrize("query", ["since=yesterday", "until=1", "since="])
    def test_times_that_are_none(self, key: str, path: str, query: str) -> None:
        uid = made(key)["id"]
        assert wrong_fields(send("GET", f"/{uid}/{path}?{query}", key))[0][0] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_there_are_no_transformations(key: str, method: str) -> None:
    uid = made(key)["id"]
    with nothing_changes():
        said = refusal(send(method, f"/{uid}/transformation", key, {"enabled": True}))
    assert said == (400, "bad_request", "this server has no transformations")
    assert refusal(send(method, f"/{uid}/transformation", "CO.x"))[0] == 401


class TestSessions:
    """Portal sessions: the matrix of access has what each capability allows."""

    @pytest.mark.slow
    def test_uid_and_metadata_are_of_the_company(self, key: str) -> None:
        token = token_of(key)
        uid = made(key, uid="orders", metadata={"team": "billing"})["id"]
        # The first use of a session is noted.
        send("GET", "", token)
        for method, path, more in (
            ("POST", "", {"uid": "mine"}),
            ("POST", "", {"metadata": {"a": "b"}}),
            ("PUT", f"/{uid}", {"uid": "mine"}),
            ("PATCH", f"/{uid}", {"metadata": {}}),
            ("PATCH", f"/{uid}", {"uid": None}),
        ):
            with nothing_changes():
                assert refusal(send(method, path, token, {"url": URL} | more))[:2] == (403, "permission_denied")
        said = send("PUT", f"/{uid}", token, {"url": URL, "uid": "orders", "description": "Theirs"}).json
        assert (said["description"], said["uid"], said["metadata"]) == ("Theirs", "orders", {"team": "billing"})

    def test_headers_do_not_follow_to_another_server_for_who_may_not_see_them(self, key: str, project: Project) -> None:
        uid = made(key, headers={"X-Tenant": "acme"})["id"]
        seeing = token_of(key)
        row = stored({"id": uid})
        elsewhere = {"url": "https://elsewhere.example.com/in"}
        scope = Endpoint.objects.for_project(project.uid)
        with nothing_changes(), pytest.raises(Exception, match="has headers that would be sent there"):
            update_endpoint(project.uid, row.uid, name="In", scope=scope, reveal=False, **elsewhere)
        assert send("PATCH", f"/{uid}", seeing, elsewhere).json["url"] == elsewhere["url"]

    def test_pages_of_allowed_origins(self, key: str, project: Project) -> None:
        project.portal_allowed_origins = ["https://app.example.com"]
        project.save(update_fields=["portal_allowed_origins"])
        token = token_of(key)
        path = "/api/v1/app/acme/endpoint"
        for origin, allowed in (("https://app.example.com", "https://app.example.com"), ("https://evil.example", None)):
            before = call("OPTIONS", path, Origin=origin)
            assert (before.status, before.headers.get("Access-Control-Allow-Origin")) == (200, allowed)
            answer = call("GET", path, Origin=origin, Authorization=f"Bearer {token}")
            assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (200, allowed)
        # A key has no business in a browser.
        answer = call("GET", path, Origin="https://app.example.com", Authorization=f"Bearer {key}")
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_other_operations_take_no_session(self, key: str) -> None:
        token = token_of(key)
        for path in ("/api/v1/app", "/api/v1/app/acme", "/api/v1/nope"):
            assert call("GET", path, Authorization=f"Bearer {token}").status == 401
