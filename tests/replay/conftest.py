"""The tests of replays start from what those of events start from."""

from tests.events.conftest import endpoint, path, post, subscribe  # noqa: F401
