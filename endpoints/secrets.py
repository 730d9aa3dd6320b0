"""Make and rotate the secrets of an endpoint: pure functions over the list that it stores.

A secret is an object of the API: `uid`, `value`, `expires_at`, `created_at`, `updated_at`,
`deleted_at`, times in wire format. The list is in order of creation, and its last entry is the one
that does not expire. Contract: docs/contract/endpoints.md#secrets.
"""

from datetime import datetime, timedelta
from typing import Any

from core.api.values import wire_time
from core.tokens import SECRET_ALPHABET, random_text
from core.ulid import new_ulid
from endpoints.exceptions import TooManySecrets

GENERATED_LENGTH = 25
MAX_LIVE = 20
MAX_ENDED = 20
#: The least `expiration` that counts as seconds.
SECONDS_FROM = 3600
#: Ten years.
MOST_HOURS = 87_600

Secret = dict[str, Any]


def new_secret(value: str, now: datetime) -> Secret:
    """Return a secret that does not expire; a blank `value` is generated."""
    moment = wire_time(now)
    return {
        "uid": new_ulid(),
        "value": value or random_text(GENERATED_LENGTH, SECRET_ALPHABET),
        "expires_at": None,
        "created_at": moment,
        "updated_at": moment,
        "deleted_at": None,
    }


def is_live(secret: Secret, now: datetime) -> bool:
    """Return whether deliveries are signed with this secret."""
    return secret["expires_at"] is None or datetime.fromisoformat(secret["expires_at"]) > now


def overlap_hours(expiration: int) -> float:
    """Return the hours for which an `expiration` keeps the old secret live, as the API reads the number.

    It is documented in hours, but Convoy's dashboard sends seconds. From SECONDS_FROM on the number counts as seconds:
    as hours it would be five months, which nobody means, and as seconds it is one hour. A negative number counts as 0.
    """
    hours = expiration / 3600 if is_in_seconds(expiration) else expiration
    return min(max(hours, 0), MOST_HOURS)


def is_in_seconds(expiration: int) -> bool:
    """Return whether the API reads an `expiration` as seconds."""
    return expiration >= SECONDS_FROM


def rotate(secrets: list[Secret], *, value: str, hours: float, now: datetime) -> list[Secret]:
    """Return the list in which the current secret expires after `hours` and a new one follows it.

    The MAX_ENDED most recent secrets that have expired are kept for the record. Raises TooManySecrets
    where more than MAX_LIVE would be live at once.
    """
    moment = wire_time(now)
    current = secrets[-1] | {"expires_at": wire_time(now + timedelta(hours=hours)), "updated_at": moment}
    older = [*secrets[:-1], current]
    live = [secret for secret in older if is_live(secret, now)]
    if len(live) >= MAX_LIVE:
        raise TooManySecrets(most=MAX_LIVE)
    kept = {secret["uid"] for secret in [secret for secret in older if not is_live(secret, now)][-MAX_ENDED:] + live}
    return [*(secret for secret in older if secret["uid"] in kept), new_secret(value, now)]
