"""The capabilities of portal sessions, and their names in each client's contract.

Contract: docs/contract/portal-sessions.md#capabilities.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from projects.keys import Caller

VIEW = "view"
VIEW_DELIVERIES = "view_deliveries"
VIEW_PAYLOADS = "view_payloads"
VIEW_SECRET = "view_secret"
MANAGE_ENDPOINT = "manage_endpoint"
DELETE_ENDPOINT = "delete_endpoint"
ROTATE_SECRET = "rotate_secret"
MANAGE_SUBSCRIPTIONS = "manage_subscriptions"
CREATE_ATTEMPTS = "create_attempts"
SEND_TEST = "send_test"

Capabilities = frozenset[str]

#: The capabilities in words for a person, in the order in which the portal shows them.
WORDS = {
    VIEW: _("See endpoints and their settings"),
    VIEW_DELIVERIES: _("See deliveries"),
    VIEW_PAYLOADS: _("See what is sent and answered"),
    VIEW_SECRET: _("See signing secrets"),
    MANAGE_ENDPOINT: _("Create, change and pause endpoints"),
    DELETE_ENDPOINT: _("Delete endpoints"),
    ROTATE_SECRET: _("Rotate signing secrets"),
    MANAGE_SUBSCRIPTIONS: _("Choose which events are sent"),
    CREATE_ATTEMPTS: _("Retry deliveries"),
    SEND_TEST: _("Send test events"),
}
EVERYTHING: Capabilities = frozenset(WORDS)
READ_ONLY: Capabilities = frozenset({VIEW, VIEW_DELIVERIES, VIEW_PAYLOADS})
#: Those that change nothing. Whoever has no other is a viewer, from whom a project can hide payloads.
LOOKING: Capabilities = READ_ONLY | {VIEW_SECRET}

#: Nahook's roles.
ROLES: dict[str, Capabilities] = {
    "admin": EVERYTHING,
    "editor": EVERYTHING - {DELETE_ENDPOINT},
    "viewer": READ_ONLY,
}

#: Svix's capabilities. ManageTransformations is accepted and adds nothing: there are no transformations.
SVIX: dict[str, Capabilities] = {
    "ViewBase": READ_ONLY,
    "ViewEndpointSecret": READ_ONLY | {VIEW_SECRET},
    "ManageEndpointSecret": READ_ONLY | {VIEW_SECRET, ROTATE_SECRET},
    "ManageTransformations": READ_ONLY,
    "CreateAttempts": READ_ONLY | {CREATE_ATTEMPTS, SEND_TEST},
    "ManageEndpoint": READ_ONLY | {VIEW_SECRET, MANAGE_ENDPOINT, DELETE_ENDPOINT, MANAGE_SUBSCRIPTIONS, SEND_TEST},
}


def of_link(*, can_manage_endpoint: bool) -> Capabilities:
    """Return the capabilities of a portal link, given Convoy's `can_manage_endpoint`."""
    return EVERYTHING if can_manage_endpoint else READ_ONLY | {MANAGE_SUBSCRIPTIONS, CREATE_ATTEMPTS, SEND_TEST}


def of_svix(names: Iterable[str] | None, *, read_only: bool) -> Capabilities:
    """Return the capabilities for a list of Svix's names; all where no list is given."""
    if read_only:
        return READ_ONLY
    if names is None:
        return EVERYTHING
    return READ_ONLY.union(*(SVIX[name] for name in names))


def held_by(caller: Caller, capabilities: Capabilities) -> Capabilities:
    """Return the capabilities that an API key can pass on: only those to look, where the key may change nothing."""
    return capabilities if caller.manages else capabilities & READ_ONLY


def without_hidden(capabilities: Capabilities, *, hides_payloads: bool) -> Capabilities:
    """Return the capabilities, without VIEW_PAYLOADS for a viewer of a project that hides payloads from viewers."""
    return capabilities - {VIEW_PAYLOADS} if hides_payloads and capabilities <= LOOKING else capabilities
