"""Name the reasons for which a delivery is not sent, as its `description` has them.

Intake, the workers and the switches store these texts, and the portal has words for each. Never change one: stored
rows keep it.
"""

from endpoints.exceptions import EndpointNotFound
from events.exceptions import EventNotFound
from projects.exceptions import ProjectNotFound

NOT_ACTIVE = "the endpoint was not active when the event came in"
INACTIVE = "the endpoint is inactive"
INACTIVE_OR_DELETED = "the endpoint is inactive or deleted"
NO_ENDPOINT = EndpointNotFound.message
NO_EVENT = EventNotFound.message
EXPUNGED = "the payload of the event has been deleted"
NO_PROJECT = ProjectNotFound.message
DISCARDED = "discarded by an operator"
LOST = "the worker was lost while it sent this, and at_most_once forbids to send it again"
