"""The features that the portal API lists. Contract: docs/contract/portal-sessions.md#portal-api."""

from typing import Annotated, TypedDict


class LimitDocument(TypedDict):
    """How many of a kind the licence of the original allows. Here, none is limited or counted."""

    limit: Annotated[int, "-1: no limit."]
    allowed: Annotated[bool, "Always true."]
    current: Annotated[int, "Always 0: nothing is counted."]
    available: Annotated[bool, "Always true."]
    limit_reached: Annotated[bool, "Always false."]


class FeaturesDocument(TypedDict):
    """The features for which the original needs a licence, by its names."""

    org_limit: Annotated[LimitDocument, "Organisations."]
    user_limit: Annotated[LimitDocument, "Users."]
    project_limit: Annotated[LimitDocument, "Projects."]
    PortalLinks: Annotated[bool, "Whether there are portal links."]
    AdvancedEndpointMgmt: Annotated[bool, "Whether endpoints have settings such as a rate limit."]
    AdvancedSubscriptions: Annotated[bool, "Whether subscriptions can have conditions."]
    AdvancedWebhookFiltering: Annotated[bool, "Whether filters can use operators."]
    Transformations: Annotated[bool, "Whether JavaScript can change payloads: always false."]
    EventSearch: Annotated[bool, "Whether events can be searched."]
    MutualTLS: Annotated[bool, "Whether endpoints can have a client certificate."]
    OAuth2EndpointAuth: Annotated[bool, "Whether endpoints can use OAuth 2."]
    BasicAuthEndpointAuth: Annotated[bool, "Whether endpoints can use basic authentication."]
    CircuitBreaking: Annotated[bool, "Whether a circuit breaker leaves failing endpoints alone."]


UNLIMITED: LimitDocument = {"limit": -1, "allowed": True, "current": 0, "available": True, "limit_reached": False}
FEATURES: FeaturesDocument = {
    "org_limit": UNLIMITED,
    "user_limit": UNLIMITED,
    "project_limit": UNLIMITED,
    "PortalLinks": True,
    "AdvancedEndpointMgmt": True,
    "AdvancedSubscriptions": True,
    "AdvancedWebhookFiltering": True,
    # No JavaScript of customers is run.
    "Transformations": False,
    "EventSearch": True,
    "MutualTLS": True,
    "OAuth2EndpointAuth": True,
    "BasicAuthEndpointAuth": True,
    "CircuitBreaking": True,
}
