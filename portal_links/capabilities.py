"""The capabilities of portal sessions, and their names in each client's contract.

Contract: docs/contract/portal-sessions.md#capabilities.
"""

from collections.abc import Iterable

VIEW = "view"
VIEW_SECRET = "view_secret"
MANAGE_ENDPOINT = "manage_endpoint"
DELETE_ENDPOINT = "delete_endpoint"
ROTATE_SECRET = "rotate_secret"
MANAGE_SUBSCRIPTIONS = "manage_subscriptions"
CREATE_ATTEMPTS = "create_attempts"

Capabilities = frozenset[str]

#: The capabilities in words for a person, in the order in which the portal shows them.
WORDS = {
    VIEW: "see endpoints and their settings",
    VIEW_SECRET: "see signing secrets",
    MANAGE_ENDPOINT: "create, change and pause endpoints",
    DELETE_ENDPOINT: "delete endpoints",
    ROTATE_SECRET: "replace signing secrets",
    MANAGE_SUBSCRIPTIONS: "choose which events are sent",
    CREATE_ATTEMPTS: "send events again",
}
EVERYTHING: Capabilities = frozenset(WORDS)
READ_ONLY: Capabilities = frozenset({VIEW})

#: Nahook's roles.
ROLES: dict[str, Capabilities] = {
    "admin": EVERYTHING,
    "editor": EVERYTHING - {DELETE_ENDPOINT},
    "viewer": READ_ONLY,
}

#: Svix's capabilities. ManageTransformations is accepted and adds nothing: there are no transformations.
SVIX: dict[str, Capabilities] = {
    "ViewBase": READ_ONLY,
    "ViewEndpointSecret": frozenset({VIEW, VIEW_SECRET}),
    "ManageEndpointSecret": frozenset({VIEW, VIEW_SECRET, ROTATE_SECRET}),
    "ManageTransformations": READ_ONLY,
    "CreateAttempts": frozenset({VIEW, CREATE_ATTEMPTS}),
    "ManageEndpoint": frozenset({VIEW, VIEW_SECRET, MANAGE_ENDPOINT, DELETE_ENDPOINT, MANAGE_SUBSCRIPTIONS}),
}


def of_link(*, can_manage_endpoint: bool) -> Capabilities:
    """Return the capabilities of a portal link, given Convoy's `can_manage_endpoint`."""
    return EVERYTHING if can_manage_endpoint else frozenset({VIEW, MANAGE_SUBSCRIPTIONS, CREATE_ATTEMPTS})


def of_svix(names: Iterable[str] | None, *, read_only: bool) -> Capabilities:
    """Return the capabilities for a list of Svix's names; all where no list is given."""
    if read_only:
        return READ_ONLY
    if names is None:
        return EVERYTHING
    return READ_ONLY.union(*(SVIX[name] for name in names))
