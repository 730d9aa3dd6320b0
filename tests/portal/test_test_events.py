"""The Test page: sending test events, their outcome, and rehearsals."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from endpoints.models import Endpoint, EndpointState, Notification
from endpoints.operations import expire_secret
from events.models import DeliveryAttempt, Event, EventDelivery
from events.trials import MOST_TESTS, WINDOW_SECONDS
from outbound.signatures import standard_secret
from portal_links.capabilities import EVERYTHING, READ_ONLY, SEND_TEST, VIEW, VIEW_PAYLOADS
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.engine.engine import working
from tests.outbound.receivers import Receiver
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint
from tests.statements import nothing_changes, statements
from tests.waiting import eventually

Login = Callable[..., Customer]
ODD = ["\0", "a\0b", "\U0001f984", "'", "\\", "x" * 5_000]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"endpoints/{endpoint.uid}/test"


@pytest.fixture
def order(project: Project) -> EventType:
    schema = {"type": "object", "properties": {"total": {"type": "number", "examples": [249.5, 12]}}}
    return EventType.objects.create(project=project, name="order.created", json_schema=schema)


def newest() -> EventDelivery:
    found = EventDelivery.objects.order_by("pk").last()
    assert found is not None
    return found


class TestForm:
    def test_it_begins_with_what_the_endpoint_listens_to(
        self, project: Project, login: Login, path: str, endpoint: Endpoint, order: EventType
    ) -> None:
        EventType.objects.create(project=project, name="aaa.first")
        config = {"event_types": ["order.created"]}
        create_subscription(project.uid, name="Orders", endpoint_id=endpoint.uid, filter_config=config)
        html = login().html(path)
        heard, others = re.findall(r"<optgroup.*?</optgroup>", html, re.DOTALL)
        assert re.findall(r"<option( selected)?>(.*?)</option>", heard) == [(" selected", "order.created")]
        assert re.findall(r"<option( selected)?>(.*?)</option>", others) == [("", "aaa.first")]
        assert "&quot;total&quot;: 249.5" in html

    def test_all_events(self, project: Project, login: Login, path: str, endpoint: Endpoint, order: EventType) -> None:
        create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
        [heard] = re.findall(r"<optgroup.*?</optgroup>", login().html(path), re.DOTALL)
        assert "order.created" in heard
        assert "*" not in re.findall(r"<option.*?>(.*?)</option>", heard)

    def test_a_project_without_event_types(self, login: Login, path: str) -> None:
        html = login().html(path)
        assert '<input id="type" name="type" value="test.event"' in html
        assert "This is a test event." in html
        assert "made from the schema" not in html
        assert "Make another" not in html

    def test_a_type_without_a_schema(self, project: Project, login: Login, path: str, order: EventType) -> None:
        EventType.objects.create(project=project, name="plain.type")
        of_schema = "An example, made from the schema."
        html = login().html(f"{path}/example", type="plain.type")
        assert "This is a test event." in html
        assert of_schema not in html
        assert of_schema in login().html(f"{path}/example", type=order.name)

    def test_another_example(self, login: Login, path: str, order: EventType) -> None:
        html = login().html(f"{path}/example", type="order.created", number="1")
        assert "&quot;total&quot;: 12" in html
        assert "number=2" in html

    @pytest.mark.parametrize("number", ["x", "-1", "99999999", ""])
    def test_a_number_that_is_none(self, login: Login, path: str, order: EventType, number: str) -> None:
        assert "&quot;total&quot;: 249.5" in login().html(f"{path}/example", type="order.created", number=number)

    @pytest.mark.parametrize("text", ODD)
    def test_a_type_that_is_no_text(self, login: Login, path: str, text: str) -> None:
        assert login().get(f"{path}/example", type=text).status_code == 200

    def test_hostile_names_are_shown_as_they_are(
        self, project: Project, login: Login, endpoint: Endpoint, path: str
    ) -> None:
        EventType.objects.create(project=project, name=HOSTILE, json_schema={"examples": [HOSTILE]})
        Endpoint.objects.filter(pk=endpoint.pk).update(name=HOSTILE)
        html = login().html(path, type=HOSTILE)
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html

    def test_statements(self, login: Login, path: str, endpoint: Endpoint, project: Project) -> None:
        """As many for one event type as for fifty."""
        counts = []
        customer = login()
        customer.html(path)
        for count in (1, 50):
            EventType.objects.bulk_create(
                EventType(project=project, name=f"type.{count}.{number}") for number in range(count)
            )
            with statements() as made:
                customer.html(path)
            counts.append(made)
        assert counts[0] == counts[1]
        assert len(counts[0]) <= 9


class TestSending:
    def test_the_outcome_is_polled(self, login: Login, path: str, endpoint: Endpoint) -> None:
        customer = login()
        response = customer.post(path, type="order.created", body='{\r\n "a": 1.50}')
        delivery = newest()
        assert response.status_code == 200
        assert (delivery.endpoint_id, delivery.test, delivery.event.data) == (endpoint.uid, "test", '{"a":1.50}')
        html = response.content.decode()
        assert "Waiting for the answer… 0 s" in html
        assert f'hx-get="{customer.home}{path}/{delivery.uid}"' in html
        assert "Waiting for the answer" in customer.html(f"{path}/{delivery.uid}")

    WRONG: dict[str, tuple[dict[str, str], str]] = {
        "no JSON": ({"type": "a", "body": '{\n  "a": }'}, "look at line 2, character 8"),
        "no payload": ({"type": "a"}, "This is not valid JSON"),
        "no type": ({"type": " ", "body": "{}"}, "Choose an event type."),
        "a long type": ({"type": "a" * 256, "body": "{}"}, "Choose an event type."),
    }

    @pytest.mark.parametrize("name", WRONG)
    def test_what_is_wrong_is_said_in_one_round(self, login: Login, path: str, name: str) -> None:
        form, words = self.WRONG[name]
        customer = login()
        customer.html(path)
        with nothing_changes():
            response = customer.post(path, **form)
        assert response.status_code == 422
        assert response["HX-Retarget"] == "#page"
        assert words in response.content.decode()

    @pytest.mark.slow
    def test_ten_in_a_minute(self, login: Login, path: str) -> None:
        customer, another = login(), login()
        for _ in range(MOST_TESTS):
            assert customer.post(path, type="a", body="{}").status_code == 200
        response = customer.post(path, type="a", body="{}")
        assert response.status_code == 422
        assert re.search(r"Wait \d+ seconds? for the next", response.content.decode())
        assert Event.objects.count() == MOST_TESTS
        # Another session has its own ten.
        assert another.post(path, type="a", body="{}").status_code == 200
        long_ago = "00" + newest().event_id[2:]
        oldest = Event.objects.order_by("pk").values_list("pk", flat=True)[0]
        Event.objects.filter(pk=oldest).update(uid=long_ago)
        assert WINDOW_SECONDS == 60
        assert customer.post(path, type="a", body="{}").status_code == 200

    @pytest.mark.slow
    def test_the_api_tells_when_to_try_again(self, login: Login, path: str, endpoint: Endpoint) -> None:
        customer = login()
        answers = [
            customer.client.post(
                f"/portal-api/endpoints/{endpoint.uid}/test",
                {"event_type": "a"},
                content_type="application/json",
                headers={"Authorization": customer.headers["Authorization"]},
            )
            for _ in range(MOST_TESTS + 1)
        ]
        assert [answer.status_code for answer in answers] == [201] * MOST_TESTS + [429]
        assert 0 < int(answers[-1]["Retry-After"]) <= WINDOW_SECONDS


class TestRights:
    @pytest.mark.parametrize("capabilities", [READ_ONLY, EVERYTHING - {SEND_TEST}])
    def test_who_may_not_send_sees_nothing_of_it(
        self, login: Login, path: str, endpoint: Endpoint, capabilities: frozenset[str]
    ) -> None:
        customer = login(capabilities)
        assert path not in customer.html(f"endpoints/{endpoint.uid}")
        with nothing_changes():
            assert customer.get(path).status_code == 403
            assert customer.get(f"{path}/example").status_code == 403
            assert customer.post(path, type="a", body="{}").status_code == 403
            assert customer.post(f"endpoints/{endpoint.uid}/rehearse").status_code == 403
            assert customer.post(f"endpoints/{endpoint.uid}/debug").status_code == 403

    def test_endpoints_of_others(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        other = make_endpoint(owner_id="globex")
        customer = login()
        customer.html()  # which notes the use of the session
        with nothing_changes():
            for path in ("test", "test/example", "test/01M8FR9QWBJ4MDZFF1DNXFNZVP"):
                assert customer.get(f"endpoints/{other.uid}/{path}").status_code == 404
            assert customer.post(f"endpoints/{other.uid}/test", type="a", body="{}").status_code == 404
            assert customer.post(f"endpoints/{other.uid}/rehearse").status_code == 404
            assert customer.post(f"endpoints/{other.uid}/debug").status_code == 404

    def test_a_delivery_that_is_no_test_is_not_shown_here(
        self, login: Login, path: str, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        customer = login()
        customer.post(path, type="a", body="{}")
        other = make_endpoint(owner_id=OWNER)
        assert customer.get(f"endpoints/{other.uid}/test/{newest().uid}").status_code == 404
        EventDelivery.objects.update(test="")
        assert customer.get(f"{path}/{newest().uid}").status_code == 404


@pytest.mark.django_db(transaction=True)
class TestOutcome:
    """With a worker at work and a real receiver."""

    @pytest.fixture(autouse=True)
    def loopback_is_allowed(self, settings: Settings) -> None:
        settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]

    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with Receiver() as receiver:
            yield receiver

    @pytest.fixture
    def endpoint(self, make_endpoint: MakeEndpoint, receiver: Receiver) -> Endpoint:
        return make_endpoint(owner_id=OWNER, name="Orders in", secret=SECRET, url=receiver.url("/in"))

    def outcome(self, customer: Customer, path: str, **form: str) -> str:
        """The page's answer once the test event that is sent has an outcome."""
        assert customer.post(path, **form).status_code == 200
        delivery = newest()

        def settled() -> str:
            html = customer.html(f"{path.removesuffix('/rehearse').removesuffix('/test')}/test/{delivery.uid}")
            return "" if "Waiting for the answer" in html else html

        return eventually(settled, "the test event has an outcome")

    @pytest.mark.slow
    def test_delivered(self, login: Login, path: str, endpoint: Endpoint, receiver: Receiver) -> None:
        receiver.answer("/in", body=b'{"accepted":true,"x":"<b>"}', headers=[("X-Request-Id", "7f3a")])
        with working():
            html = self.outcome(login(), path, type="order.created", body='{"a": 1}')
            [request] = receiver.wait_for(1)
        assert (request.body, request.header("webhook-test")) == (b'{"a":1}', "1")
        Webhook(standard_secret(SECRET)).verify(request.body, dict(request.headers))
        assert "Delivered" in html
        assert "200 OK" in html
        assert '<span class="k">"accepted"</span>: <span class="l">true</span>' in html
        assert "<b>" not in html
        assert '<span class="k">x-request-id</span>: 7f3a' in html
        assert '<span class="k">webhook-test</span>: 1' in html
        assert SECRET not in html

    @pytest.mark.slow
    def test_failed_at_the_only_attempt(self, login: Login, path: str, endpoint: Endpoint, receiver: Receiver) -> None:
        Endpoint.objects.update(support_email="ops@example.com")
        receiver.answer("/in", status=500, body=b"oops")
        with working():
            html = self.outcome(login(), path, type="order.created", body="{}")
        assert "Failed" in html
        assert "500" in html
        assert "oops" in html
        delivery = newest()
        assert (delivery.status, delivery.num_trials, delivery.due_at) == ("Failure", 1, None)
        # Nobody is told, and the endpoint counts as it did.
        assert Notification.objects.count() == 0
        assert not EndpointState.objects.exclude(events=0).exists()
        assert DeliveryAttempt.objects.get().is_test

    @pytest.mark.slow
    def test_nobody_answers(self, login: Login, path: str, endpoint: Endpoint) -> None:
        Endpoint.objects.update(url="http://127.0.0.1:1/")
        with working():
            html = self.outcome(login(), path, type="order.created", body="{}")
        assert "Connection refused" in html

    @pytest.mark.slow
    def test_a_paused_endpoint_gets_it_too(
        self, login: Login, path: str, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        Endpoint.objects.update(status="paused")
        with working():
            assert "Delivered" in self.outcome(login(), path, type="order.created", body="{}")

    def test_who_may_not_see_payloads_sees_the_outcome_alone(
        self, login: Login, path: str, receiver: Receiver, endpoint: Endpoint
    ) -> None:
        receiver.answer("/in", body=b"the answer's body")
        with working():
            html = self.outcome(login(frozenset({VIEW, SEND_TEST})), path, type="a", body='{"a":"what was sent"}')
        assert "Delivered" in html
        assert "the answer" not in html.replace("Waiting for the answer", "")
        assert "headers" not in html
        assert VIEW_PAYLOADS not in html

    @pytest.mark.slow
    def test_a_rehearsal_is_signed_with_the_new_secret_only(
        self, project: Project, login: Login, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        expire_secret(project.uid, endpoint.uid, secret="the new one", expiration=1)
        customer, path = login(), f"endpoints/{endpoint.uid}/rehearse"
        with working():
            html = self.outcome(customer, path)
            [request] = receiver.wait_for(1)
            headers = dict(request.headers)
            Webhook(standard_secret("the new one")).verify(request.body, headers)
            with pytest.raises(WebhookVerificationError):
                Webhook(standard_secret(SECRET)).verify(request.body, headers)
            assert "Delivered" in html
            said = customer.html(f"endpoints/{endpoint.uid}/test/{newest().uid}", rehearsal="1")
            assert "The new secret is in place." in said
            receiver.answer("/in", status=401)
            self.outcome(customer, path)
        said = customer.html(f"endpoints/{endpoint.uid}/test/{newest().uid}", rehearsal="1")
        assert "Your server did not accept it." in said
        assert "It answered: 401" in said


class TestRehearsal:
    def test_without_an_overlap(self, login: Login, endpoint: Endpoint) -> None:
        response = login().post(f"endpoints/{endpoint.uid}/rehearse")
        assert response.status_code == 400
        assert "The previous secret has ended" in response.content.decode()
