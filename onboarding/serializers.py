"""The body of a bulk onboarding in JSON. Contract: meta-events-and-onboard section 3.1."""

from core.api.fields import Shape, Text
from onboarding.parsing import LONGEST


class OnboardItem(Shape):
    """One endpoint with one subscription. What else may be wrong with it is told by row (parsing.py)."""

    name = Text(required=False, max_length=LONGEST["name"])
    url = Text(required=False, max_length=LONGEST["url"])
    event_type = Text(required=False, max_length=LONGEST["event_type"])
    auth_username = Text(required=False, max_length=LONGEST["auth_username"])
    auth_password = Text(required=False, max_length=LONGEST["auth_password"])


class BulkOnboard(Shape):
    """The whole body."""

    items = OnboardItem(many=True, required=False)
