"""The tests of sending meta events start from what those of meta events start from."""

from tests.meta_events.conftest import enable, make_meta_event, receiver  # noqa: F401
