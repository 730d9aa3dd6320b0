"""The base of every view under /api/v1: the checks before the handler, in the reference's order."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.views import APIView

from core.api.checks import READS, check_body
from core.api.envelope import JSON
from core.api.errors import NO_SUCH_PATH
from core.exceptions import DomainError, Forbidden, NotFound
from projects.authentication import APIKeyAuthentication
from projects.keys import Caller
from projects.request_limit import count_request


class UnknownProject(DomainError):
    """The path's project does not exist or is not the key's: the two look the same."""

    status = 404


class ConvoyView(APIView):
    """Answers one path of the Convoy API. A subclass has a handler for each method and nothing else.

    Order of checks: content type (415), size (413), credential (401), project (404), rate limit
    (429), write right (403), then the handler.
    """

    # Without OPTIONS: the public API has no CORS, and describes itself at /api/docs.
    http_method_names = ["get", "head", "post", "put", "delete"]
    authentication_classes = [APIKeyAuthentication]
    #: The types of a body that it may have.
    content_types: tuple[str, ...] = (JSON,)
    #: The methods that need no right to write.
    reads: tuple[str, ...] = READS
    #: Whether a key that speaks for one owner may be used. The Convoy API acts on whole projects.
    for_owner_keys = False
    #: In how many words the original says "not found" for each method: (status, message).
    not_found: dict[str, tuple[int, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Run every check that comes before the handler. Raises DomainError.

        It stands in place of REST framework's own: the answers are JSON whatever the Accept header
        says, and versions, throttles and permissions are Convoy's.
        """
        check_body(request, self.content_types)
        self.perform_authentication(request)
        caller = self.caller
        if "projectID" in kwargs and not caller.may_use(kwargs["projectID"]):
            raise UnknownProject("project not found")
        count_request(caller.key_id)
        if request.method not in self.reads and not caller.can_write:
            raise Forbidden("Unauthorized")
        if caller.owner_id and not self.for_owner_keys:
            raise Forbidden("this key speaks for one owner_id: it can mint portal sessions for it, and nothing else")

    def handle_exception(self, exc: Exception) -> Any:
        """Give "not found" the status and words that the original has for it on this route."""
        if isinstance(exc, NotFound) and self.request.method in self.not_found:
            exc.status, exc.message = self.not_found[self.request.method]
        return super().handle_exception(exc)

    @property
    def caller(self) -> Caller:
        """The live API key of this request."""
        return cast(Caller, self.request.auth)


class UnknownPath(ConvoyView):
    """Every path under /api/v1 that has no route: 404, to those who have a credential."""

    schema = None

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """No method is allowed on what does not exist."""
        raise NotFound(NO_SUCH_PATH)
