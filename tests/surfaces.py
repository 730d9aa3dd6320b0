"""How each API is called, and what its refusals look like."""

from functools import cache
from typing import Any

import orjson
from django.test import Client

from tests.conftest import FIXED
from tests.routes import Operation, Surface

#: The refusal of a caller with too many slow requests, and a path of each contract with its shape there.
TOO_BUSY = "too many slow requests at once, try again"
TOO_BUSY_SHAPES: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/projects", {"status": False, "message": TOO_BUSY}),
    ("/portal-api/endpoints", {"status": False, "message": TOO_BUSY}),
    ("/api/v1/auth/logout", {"code": "rate_limit", "detail": TOO_BUSY}),
    ("/management/v1/x", {"error": {"code": "rate_limited", "message": TOO_BUSY}}),
    ("/v1/webhooks/portal", {"error": "rate_limited", "message": TOO_BUSY}),
]


def send(
    operation: Operation,
    url: str,
    credential: str | None,
    body: Any = None,
    *,
    content_type: str = "application/json",
    **headers: str,
) -> Any:
    """The answer to an operation at `url`, called with a credential of any kind in the header that it reads."""
    if credential is not None:
        name, value = ("x-api-key", credential) if operation.surface == Surface.FEATHER else bearer(credential)
        headers[name] = value
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    return _client().generic(operation.method, url, content, content_type=content_type, headers=headers)


@cache
def _client() -> Client:
    """One for all calls: the first call of each loads the middleware, which takes longer than the call."""
    return Client(raise_request_exception=False)


def bearer(credential: str) -> tuple[str, str]:
    """The header of a bearer token."""
    return "Authorization", f"Bearer {credential}"


def refusal(surface: Surface, response: Any) -> tuple[int, str]:
    """(status, message) of a refusal, which has the surface's shape and nothing more."""
    assert response.headers["Content-Type"] == "application/json", response.content[:200]
    said = orjson.loads(response.content)
    status = response.status_code
    match surface:
        case Surface.CONVOY | Surface.PORTAL:
            # Beside the two texts that hide the reason there is the reason.
            errors = {"errors": said["errors"]} if said["message"] in FIXED else {}
            assert said == {"status": False, "message": said["message"], **errors}, said
            return status, str(said["message"])
        case Surface.NAHOOK:
            error = said["error"]
            assert said == {"error": {"code": error["code"], "message": error["message"]}}, said
            assert error["code"] != "error", said
            return status, str(error["message"])
        case Surface.FEATHER:
            assert said == {"error": said["error"], "message": said["message"]}, said
            assert said["error"] != "error", said
            return status, str(said["message"])
        case Surface.SVIX if status == 422:
            assert said.keys() == {"detail"}, said
            assert said["detail"], said
            assert all(failure.keys() == {"loc", "msg", "type"} for failure in said["detail"]), said
            return status, str(said["detail"][0]["msg"])
        case Surface.SVIX:
            assert said == {"code": said["code"], "detail": said["detail"]}, said
            assert said["code"] != "error", said
            return status, str(said["detail"])
