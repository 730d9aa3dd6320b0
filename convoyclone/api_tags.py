"""List the tags of the OpenAPI document in the order in which a reader needs them, each with its guide.

A tag has the name that Convoy's document gives it, as generators name modules of clients after it; `x-displayName` is
the name that people read.
"""

from pathlib import Path

#: The pages of docs/ to which tags lead, which the server answers at GUIDES.
GUIDES = "/api/docs/guides"
FOLDER = Path(__file__).resolve().parent.parent / "docs"
#: Name, name for people, description, and guide.
_ROWS = [
    ("Portal Links", "Portal links", "Links with which customers see and manage their own endpoints.", "portal.md"),
    ("Portal Sessions", "Portal sessions", "List, explain and revoke who has the portal open.", "portal.md"),
    ("Endpoints", "Endpoints", "The URLs that receive a customer's webhooks.", "send.md"),
    ("Events", "Events", "Send events, search them, and replay them.", "send.md"),
    (
        "Event Deliveries",
        "Event deliveries",
        "An event on its way to one endpoint: state, resend, batch retry.",
        "reliability.md",
    ),
    ("Delivery Attempts", "Delivery attempts", "The requests of a delivery, with their answers.", "reliability.md"),
    ("Subscriptions", "Subscriptions", "The event types that an endpoint receives.", "concepts.md"),
    ("EventTypes", "Event types", "The types of events that a project sends, with their schemas.", "concepts.md"),
    ("Filters", "Filters", "Conditions on events, for each event type of a subscription.", "filters.md"),
    (
        "Portal API",
        "Portal API",
        "The operations of a customer's own client, with a portal token: what a customer may do with the endpoints, "
        "events and deliveries of their own.",
        "portal.md",
    ),
    (
        "Portal Sessions of other clients",
        "Portal sessions of other clients",
        "Portal sessions by the contracts of Nahook, Feather and Svix, with their errors.",
        "moving.md",
    ),
    ("Applications (Svix)", "Svix applications", "The customers of a project, in Svix's shape.", "contract/svix.md"),
    ("Event types (Svix)", "Svix event types", "The types of events that a project sends.", "contract/svix.md"),
    ("Endpoints (Svix)", "Svix endpoints", "The endpoints of an application.", "contract/svix.md"),
    ("Messages (Svix)", "Svix messages", "Send messages to an application, and list them.", "contract/svix.md"),
    (
        "Attempts (Svix)",
        "Svix attempts",
        "The state and the attempts of a message at each endpoint.",
        "contract/svix.md",
    ),
    (
        "Recovery and tasks (Svix)",
        "Svix recovery and tasks",
        "Send the messages again that an endpoint has missed, and follow the progress.",
        "contract/svix.md",
    ),
    (
        "Sending (Nahook)",
        "Nahook sending",
        "Send to an endpoint, or by event type, by Nahook's calls.",
        "contract/nahook.md",
    ),
    (
        "Applications (Nahook)",
        "Nahook applications",
        "The customers of a workspace, in Nahook's shape.",
        "contract/nahook.md",
    ),
    ("Endpoints (Nahook)", "Nahook endpoints", "Endpoints of a workspace and of an application.", "contract/nahook.md"),
    ("Event types (Nahook)", "Nahook event types", "The types of events that a workspace sends.", "contract/nahook.md"),
    (
        "Subscriptions (Nahook)",
        "Nahook subscriptions",
        "The event types that an endpoint listens to.",
        "contract/nahook.md",
    ),
    ("Environments (Nahook)", "Nahook environments", "The one environment of a workspace.", "contract/nahook.md"),
    ("Deliveries (Nahook)", "Nahook deliveries", "Deliveries and attempts, in Nahook's shape.", "contract/nahook.md"),
    ("Meta Events", "Meta events", "Events about the project's own endpoints and deliveries.", "concepts.md"),
    ("Onboard", "Onboarding", "Create many endpoints with one request.", "contract/onboarding.md"),
    ("Jobs", "Jobs", "Work that is too large for one request: progress, pause, resume, cancel.", "contract/jobs.md"),
    ("Activity", "Activity", "Who has changed what, and when.", "contract/activity.md"),
    (
        "Projects",
        "Projects",
        "The tenants of the instance. Everything else belongs to a project.",
        "contract/projects.md",
    ),
]
TAGS = [
    {
        "name": name,
        "x-displayName": shown,
        "description": f"{description}\n\nGuide: [docs/{guide}]({GUIDES}/{guide})",
    }
    for name, shown, description, guide in _ROWS
]
PAGES = {guide for *_, guide in _ROWS}
