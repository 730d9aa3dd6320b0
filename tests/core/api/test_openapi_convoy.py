"""The OpenAPI document, compared with the one that Convoy publishes."""

import json
import re
from typing import Any

import pytest

from tests.core.api.openapi_document import DOCUMENT, NOT_CONVOYS, ROOT
from tests.core.api.openapi_facts import facts

CONVOYS = json.loads((ROOT / "tests/core/api/convoy_openapi_facts.json").read_text(encoding="utf-8"))
OURS = facts(
    DOCUMENT | {"paths": {path: item for path, item in DOCUMENT["paths"].items() if not path.startswith(NOT_CONVOYS)}}
)
IMPLEMENTED = sorted(OURS["operations"])

#: The words of docs/compatibility.md for what is not implemented yet: tags and paths.
NOT_IMPLEMENTED = {
    "Sources": "Sources",
    "`sources/test_function`": "POST /v1/projects/{projectID}/sources/test_function",
}
#: Properties of the published document that no answer of ours has.
NEVER_ANSWERED = {
    "datastore.APIKeyResponse": {"user_id"},
    "datastore.Event": {"app_id", "endpoint_metadata", "failure_reason", "raw", "source_id"},
    "datastore.PaginationData": {"total"},
    "datastore.ProviderConfig": {"twitter"},
    "datastore.PubSubConfig": {"amqp", "google", "kafka", "sqs", "type", "workers"},
    "datastore.Role": {"app"},
    "datastore.VerifierConfig": {"api_key", "basic_auth", "hmac", "type"},
    "models.EventDeliveryResponse": {"target_url"},
    "models.EventResponse": {"app_id", "endpoint_metadata", "raw", "source_id"},
}
#: The components whose `data` may be any JSON value, where the published document says "object".
ANY_DATA = {f"models.{name}" for name in ("CreateEvent", "FanoutEvent", "BroadcastEvent", "DynamicEvent")}
ANY_DATA |= {"models.EventResponse", "datastore.Metadata"}


class TestComparedWithConvoy:
    @pytest.mark.parametrize("operation", IMPLEMENTED)
    def test_names_and_types_of_an_operation(self, operation: str) -> None:
        ours, convoys = OURS["operations"][operation], CONVOYS["operations"][operation]
        added = ours["parameters"].keys() - convoys["parameters"].keys()
        parameters = {name: kind for name, kind in ours["parameters"].items() if name not in added}
        # As lists: clients take parameters by position.
        assert list(parameters.items()) == list(convoys["parameters"].items())
        assert ours | {"parameters": {}} == convoys | {"parameters": {}}

    @pytest.mark.parametrize("component", sorted(OURS["components"].keys() & CONVOYS["components"].keys()))
    def test_names_and_types_of_a_component(self, component: str) -> None:
        ours, convoys = OURS["components"][component], CONVOYS["components"][component]
        if isinstance(convoys, dict):
            missing = convoys.keys() - ours.keys()
            assert missing == NEVER_ANSWERED.get(component, set())
            convoys = {name: kind for name, kind in convoys.items() if name not in missing}
            if component in ANY_DATA:
                convoys["data"] = "any"
            ours = {name: kind for name, kind in ours.items() if name in convoys}
        assert ours == convoys

    def test_no_component_has_a_name_of_its_own(self) -> None:
        assert OURS["components"].keys() <= CONVOYS["components"].keys()

    def test_what_is_not_implemented_is_what_the_documentation_says(self, record_property: Any) -> None:
        missing = {
            name: operation for name, operation in CONVOYS["operations"].items() if name not in OURS["operations"]
        }
        # conftest.py prints it at the end of the run.
        record_property("not implemented yet", sorted(missing))
        known = NOT_IMPLEMENTED.values()
        assert all(name in known or operation["tags"][0] in known for name, operation in missing.items())
        assert {name for name in known if name in CONVOYS["operations"]} <= missing.keys()
        for operation in OURS["operations"].values():
            assert not set(operation["tags"]) & set(known)

        section = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8").partition("## Not implemented yet\n")[2]
        sentence = " ".join(section.partition(". ")[0].split())
        assert set(re.split(r", and |, ", sentence)) == NOT_IMPLEMENTED.keys()
