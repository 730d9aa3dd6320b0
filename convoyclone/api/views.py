"""The base of every view under /api/v1: the checks before the handler, in the reference's order."""

from typing import Any, cast

from django.conf import settings
from rest_framework.request import Request
from rest_framework.views import APIView

from convoyclone.api.authentication import APIKeyAuthentication
from convoyclone.api.envelope import JSON
from convoyclone.api.errors import NO_SUCH_PATH, TOO_LARGE
from convoyclone.api.rate_limit import count_request
from convoyclone.exceptions import DomainError, Forbidden, InvalidInput, NotFound
from projects.keys import Caller

READS = ("GET", "HEAD")


class UnreadBody(DomainError):
    """The body is refused before it is read. What is left of it on the connection is no request: it is closed."""

    headers = {"Connection": "close"}


class UnsupportedBody(UnreadBody):
    """The body is of another type than JSON."""

    status = 415


class BodyTooLarge(UnreadBody):
    """The body is longer than MAX_REQUEST_BODY_BYTES."""

    status = 413


class LengthRequired(UnreadBody):
    """The body comes in chunks of which nobody knows how many there will be."""

    status = 411


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


def check_body(request: Request, content_types: tuple[str, ...] = (JSON,)) -> None:
    """Refuse what cannot be a request of this API before anything is read. Raises DomainError."""
    content_type = request.META.get("CONTENT_TYPE", "")
    if content_type and not content_type.startswith(content_types):
        raise UnsupportedBody("the request body must be application/json")
    check_size(request)


def check_size(request: Request) -> None:
    """Refuse a body that is too long or of which nobody knows how long it is. Raises DomainError."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise LengthRequired("send the request body with a Content-Length")
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise InvalidInput("the Content-Length is not a number") from None
    if length > settings.MAX_REQUEST_BODY_BYTES:
        raise BodyTooLarge(TOO_LARGE)
    if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        raise InvalidInput("the request URL contains a NUL character")
