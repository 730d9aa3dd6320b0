"""Run the checks of every view under /api/v1 before its handler, in the contract's order."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from core.actors import Actor, ActorKind, set_actor
from core.api.checks import READS, check_body
from core.api.envelope import JSON
from core.api.errors import NO_SUCH_PATH
from core.exceptions import DomainError, NotFound
from core.share import count_party
from projects.authentication import APIKeyAuthentication, KeyAuthentication
from projects.exceptions import OwnerKey, ProjectNotFound, ReadOnlyKey
from projects.keys import Caller, Proof
from projects.request_limit import count_request


class ConvoyView(APIView):
    """Answers requests for one path of the Convoy API. A subclass adds a handler for each method, and nothing else.

    Order of checks: content type (415), size (413), credential (401), project (404), rate limit
    (429), write right (403), then the handler.
    """

    # OPTIONS is left out: the public API has no CORS, and describes itself at /api/docs.
    http_method_names = ["get", "head", "post", "put", "delete"]
    authentication_classes: Sequence[type[BaseAuthentication]] = [APIKeyAuthentication]
    #: The content types that a body may have.
    content_types: tuple[str, ...] = (JSON,)
    #: The methods that need no right to write.
    reads: tuple[str, ...] = READS
    #: Whether a key that is bound to one owner_id may be used. The Convoy API acts on whole projects.
    for_owner_keys = False
    #: The methods whose handlers require `self.proof()` in their first statement, or in one of the transaction that
    #: their first statement is in. Their callers may be remembered.
    proves: tuple[str, ...] = ()
    #: Whether the caller is still only remembered; False once it has been read for this request.
    _is_remembered = False
    _is_counted = False
    _has_proven = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Run every check that comes before the handler. Raises DomainError.

        This replaces REST framework's own checks: answers are JSON whatever the Accept header
        says, and versions, throttles and permissions are Convoy's.
        """
        check_body(request, self.content_types)
        self.perform_authentication(request)
        self._is_remembered = self.caller.is_remembered
        self.check_caller(request)

    def check_caller(self, request: Request) -> None:
        """Check what the caller may do, and count the request unless it is counted. Raises DomainError."""
        caller = self.caller
        if "projectID" in self.kwargs and not caller.may_use(self.project_id):
            raise ProjectNotFound
        if not self._is_counted:
            count_party("project", caller.key_project_id or self.kwargs.get("projectID", ""))
            count_request(caller.key_id)
            self._is_counted = True
        if request.method not in self.reads and not caller.can_write:
            raise ReadOnlyKey
        if caller.owner_id and not self.for_owner_keys:
            raise OwnerKey
        set_actor(Actor(ActorKind.API_KEY, caller.key_id, caller.name, caller.owner_id))

    def handle_exception(self, exc: Exception) -> Any:
        """Answer an exception. Where a remembered caller is refused, read the caller and run the handler again."""
        if self._is_remembered and isinstance(exc, DomainError | APIException):
            try:
                return self._run_again()
            except Exception as error:
                exc = error
        return self.refuse(exc)

    def refuse(self, exc: Exception) -> Any:
        """Answer an exception of a caller who was read for the request, or who gets no other answer."""
        return super().handle_exception(exc)

    def _run_again(self) -> Any:
        """Read the caller, and repeat its checks and the handler. Raises DomainError."""
        request = self.request
        self._is_remembered = False
        request.auth = cast(KeyAuthentication, request.successful_authenticator).read_again(request)
        self.check_caller(request)
        handler = getattr(self, str(request.method).lower())
        return handler(request, *self.args, **self.kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Finish an answer. Raises RuntimeError, rather than answer a caller that is remembered but was not proven."""
        if self._is_remembered and not self._has_proven and response.status_code < HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{type(self).__name__} proves no caller for {request.method}")
        return super().finalize_response(request, response, *args, **kwargs)

    def proof(self) -> Proof | None:
        """Return what a handler of a method in `proves` has to require, for IS_PROVEN (projects/keys.py).

        None for a caller that was read for this request: a write of its key or project since then must not refuse it.
        """
        if not self._is_remembered:
            return None
        self._has_proven = True
        return Proof(self.caller.key_id, self.caller.version)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return no headers: only a 405 says which methods a path has, as in the original."""
        return {}

    @property
    def project_id(self) -> str:
        """Return the id of the project that the path names."""
        return str(self.kwargs["projectID"])

    @property
    def is_masked(self) -> bool:
        """Return whether the values of headers are hidden: never from an API key."""
        return False

    @property
    def shows_payload(self) -> bool:
        """Return whether the caller may see payloads, headers and the bodies of answers: an API key may."""
        return True

    @property
    def caller(self) -> Caller:
        """Return the caller of this request: a live API key."""
        return cast(Caller, self.request.auth)


class UnknownPath(ConvoyView):
    """Answers 404 on every path under /api/v1 that has no route, to a caller with a credential."""

    schema = None

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Raise NotFound for every method."""
        raise NotFound(NO_SUCH_PATH)
