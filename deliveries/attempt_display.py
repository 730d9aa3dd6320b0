"""Show the attempts of a delivery to operators: the request, its answer, and the time between."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from core.admin import NOTHING
from core.admin_display import at, headers, payload, seconds_between
from events.models import DeliveryAttempt
from outbound.headers import mask_headers
from outbound.states import Status

#: The colours of statuses; the others have none.
TONES: dict[str, str] = {
    Status.SUCCESS: "good",
    Status.RETRY: "warn",
    Status.FAILURE: "bad",
    Status.DISCARDED: "warn",
}


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """An attempt on the page of its delivery."""

    uid: str
    at: SafeString
    is_good: bool
    #: The status line, or the error where there was no answer.
    answer: str
    took: str
    url: str
    ip_address: str
    request_headers: SafeString
    response_headers: SafeString
    response: SafeString


def attempt_shown(attempt: DeliveryAttempt, *, hides_answer: bool) -> ShownAttempt:
    """Return an attempt as the page shows it, with the headers masked as in the portal."""
    return ShownAttempt(
        uid=attempt.uid,
        at=at(attempt.requested_at),
        is_good=attempt.status,
        answer=attempt.http_status or attempt.error,
        took=seconds_between(attempt.requested_at, attempt.responded_at) or "no answer",
        url=attempt.url,
        ip_address=attempt.ip_address,
        request_headers=headers(mask_headers(attempt.request_http_header)),
        response_headers=headers(mask_headers(attempt.response_http_header)),
        response=payload(attempt.response_data, hidden=hides_answer) if attempt.response_data else NOTHING,
    )
