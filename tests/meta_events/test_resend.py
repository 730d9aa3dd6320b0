"""PUT /api/v1/projects/{projectID}/meta-events/{metaEventID}/resend"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from meta_events.models import MetaEvent
from outbound.states import Status
from projects.models import Project
from tests.conftest import API
from tests.meta_events.rows import make_meta_event as make_one
from tests.meta_events.sending import send_due
from tests.outbound.receivers import Receiver
from tests.pools import with_outbound
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

Make = Callable[..., MetaEvent]


@pytest.fixture
def call(collection: str, make_meta_event: Make) -> Call:
    uid = make_meta_event().uid
    return lambda api: api.put(f"{collection}/{uid}/resend")


class TestWorks:
    @pytest.mark.parametrize("status", [status for status in Status if status != Status.PROCESSING])
    def test_from_every_state(self, api: API, collection: str, make_meta_event: Make, status: str) -> None:
        row = make_meta_event(status=status, due_at=None, num_trials=2, next_send_time=timezone.now() - timedelta(1))
        answer = api.put(f"{collection}/{row.uid}/resend")
        assert (answer.status, answer.message) == (200, "Meta event processed for retry successfully")
        assert answer.data == api.get(f"{collection}/{row.uid}").data
        assert answer.data["status"] == "Scheduled"
        assert answer.data["metadata"]["num_trials"] == 2
        row.refresh_from_db()
        assert row.due_at is not None
        assert row.due_at == row.next_send_time
        assert row.due_at > timezone.now() - timedelta(minutes=1)
        assert row.num_trials_before == 2

    def test_what_is_being_sent_is_left_alone(self, api: API, collection: str, make_meta_event: Make) -> None:
        row = make_meta_event(status="Processing", due_at=timezone.now() + timedelta(seconds=20))
        with nothing_changes():
            answer = api.put(f"{collection}/{row.uid}/resend")
        assert (answer.status, answer.data["status"]) == (200, "Processing")

    def test_a_body_is_ignored(self, api: API, collection: str, make_meta_event: Make) -> None:
        assert api.put(f"{collection}/{make_meta_event().uid}/resend", b"{nonsense").status == 200


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant:
    def test_it_looks_like_one_that_is_not_there(self, api: API, collection: str, other_project: Project) -> None:
        foreign = make_one(other_project)
        with nothing_changes():
            for uid in (foreign.uid, "01JZ8QK3V7M2N4P6R8T0W2Y4A6"):
                assert api.put(f"{collection}/{uid}/resend").error == (404, "meta event not found")


def test_the_key_the_update_and_the_answer(api: API, collection: str, make_meta_event: Make) -> None:
    uid = make_meta_event().uid
    with statements() as found:
        api.put(f"{collection}/{uid}/resend")
    assert found == ["SELECT projects_apikey", "UPDATE meta_events_metaevent", "SELECT meta_events_metaevent"]


@pytest.mark.django_db(transaction=True)
class TestSentAgain:
    def send(self) -> int:
        return with_outbound(lambda pool, outbound: send_due(pool, outbound))

    def test_a_delivered_one_is_delivered_again(
        self, api: API, collection: str, receiver: Receiver, enable: Callable[..., None], make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event()
        self.send()
        api.put(f"{collection}/{row.uid}/resend")
        self.send()
        data = api.get(f"{collection}/{row.uid}").data
        assert (data["status"], data["metadata"]["num_trials"]) == ("Success", 2)
        first, second = receiver.requests("/meta")
        assert first.header("X-Convoy-Idempotency-Key") == second.header("X-Convoy-Idempotency-Key")
        assert first.body == second.body

    def test_it_has_a_whole_new_allowance(
        self, api: API, collection: str, receiver: Receiver, enable: Callable[..., None], make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", status=500)
        row = make_meta_event(retry_limit=2, num_trials=2, status="Failure", due_at=None)
        api.put(f"{collection}/{row.uid}/resend")
        seen = []
        for _ in range(2):
            self.send()
            row.refresh_from_db()
            seen.append((row.status, row.num_trials))
            MetaEvent.objects.exclude(due_at=None).update(due_at=timezone.now())
        assert seen == [("Retry", 3), ("Failure", 4)]
