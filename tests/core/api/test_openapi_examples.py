"""The examples of the OpenAPI document: they fit their schemas, and the server answers like them."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft7Validator

from activity.models import Activity
from applications.models import Application
from deliveries import batch_retry
from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from jobs.models import Job
from portal_links.models import PortalSession
from projects.keys import MANAGE
from projects.models import EventType, Project
from projects.operations import create_api_key
from subscriptions.models import Filter, Subscription
from tests.activity.rows import make_activity
from tests.conftest import API, Answer, Role
from tests.core.api.nahook_examples import nahook
from tests.core.api.openapi_document import DOCUMENT, NOT_CONVOYS
from tests.core.api.openapi_facts import METHODS
from tests.core.api.svix_calls import call_svix
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.meta_events.rows import make_meta_event


def json_schema(node: Any) -> Any:
    """JSON Schema for a part of an OpenAPI 3.0 document, whose `nullable` is not part of JSON Schema."""
    if isinstance(node, list):
        return [json_schema(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    schema = {name: json_schema(inner) for name, inner in node.items() if name != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema


def validate(value: Any, *pointer: str) -> None:
    """Check a value against the schema that is at `pointer` in the document."""
    path = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    definitions = {"paths": VALIDATED["paths"], "components": VALIDATED["components"]}
    Draft7Validator({"allOf": [{"$ref": f"#/{path}"}], **definitions}).validate(value)


TAGS_OF_SVIX = {"Attempts (Svix)", "Recovery and tasks (Svix)"}
VALIDATED = json_schema(DOCUMENT)
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}

#: The operations that an instance's key cannot carry out on the Convoy API's URL.
ELSEWHERE = {
    name for name, (_, path, _) in OPERATIONS.items() if path.startswith(NOT_CONVOYS) and "/projects/" not in path
}


def examples(operation_id: str, status: str = "") -> dict[str, Any]:
    """The examples of an operation's answers with `status`, or of its request."""
    operation = OPERATIONS[operation_id][2]
    part = operation["responses"][status] if status else operation.get("requestBody", {"content": {}})
    if "$ref" in part:
        part = DOCUMENT["components"]["responses"][part["$ref"].rpartition("/")[2]]
    content = part.get("content", {}).get("application/json", {"examples": {}})
    return {key: example["value"] for key, example in content["examples"].items()}


def shape(value: Any) -> Any:
    """A value's keys and types, all the way down."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


HEADERS_OF_THE_EXAMPLES: dict[str, Any] = {
    "request_http_header": {"Content-Type": "application/json"},
    "response_http_header": {"Content-Type": "text/plain"},
}


def the_activity_of_the_examples(project_id: str) -> None:
    """Leave one row in the record, with the change of the document's example."""
    Activity.objects.all().delete()
    make_activity(project_id, owner_id="acme", changes={"http_timeout": [0, 20]})


def delivery_of_the_examples(endpoint_id: str) -> EventDelivery:
    """A delivery that was given up on, with the payload and the custom header of the document's examples."""
    endpoint = Endpoint.objects.get(pk=endpoint_id)
    payload = '{"invoice":991,"amount":"12.50"}'
    event = make_event(endpoint.project_id, data=payload, headers={"X-Tenant": ["acme"]})
    return make_delivery(endpoint, "Failure", event=event)


def with_changes(body: Any, changes: dict[str, Any]) -> Any:
    """An example of a body, an array of objects too, with some members changed."""
    return [with_changes(item, changes) for item in body] if isinstance(body, list) else body | changes


class TestTrue:
    @pytest.mark.slow  # it calls every operation
    def test_every_operation_answers_as_its_examples_do(self, instance: API) -> None:
        """A project's life, by the request examples of the document and with instance's key."""
        answered: set[str] = set()

        def call(operation_id: str, example: str = "", changes: dict[str, Any] | None = None, **ids: str) -> Any:
            method, path, _ = OPERATIONS[operation_id]
            body = with_changes(examples(operation_id)[example], changes or {}) if example else None
            answer: Answer = instance(method.upper(), path.removeprefix("/v1").format(**ids), body)
            status = str(answer.status)
            assert status.startswith("2"), answer.json
            validate(answer.json, "paths", path, method, *schema_of(status))
            stated = examples(operation_id, status)
            assert shape(answer.json) in [shape(value) for value in stated.values()]
            # A message with a figure in it says another one in the example.
            said = {re.sub(r"[0-9]+", "0", value["message"]) for value in stated.values()}
            assert re.sub(r"[0-9]+", "0", answer.message) in said
            answered.add(operation_id)
            return answer.data

        project = call("CreateProject", "WithDefaults")["project"]["uid"]
        call("GetProjects")
        call("GetProject", projectID=project)
        call("UpdateProject", "AnotherName", projectID=project)
        endpoint = call("CreateEndpoint", "ForACustomer", projectID=project)["uid"]
        call("GetEndpoints", projectID=project)
        one = {"projectID": project, "endpointID": endpoint}
        call("GetEndpoint", **one)
        call("UpdateEndpoint", "AnotherName", **one)
        call("PauseEndpoint", **one)
        call("ActivateEndpoint", **one)
        event = call("CreateEndpointEvent", "ForAnEndpoint", {"endpoint_id": endpoint}, projectID=project)["uid"]
        call("GetEndpointEvent", projectID=project, eventID=event)
        call("ReplayEndpointEvent", projectID=project, eventID=event)
        call("GetEventsPaged", projectID=project)
        Event.objects.all().delete()
        link = call("CreatePortalLink", "ForACustomer", projectID=project)["uid"]
        call("LoadPortalLinksPaged", projectID=project)
        call("GetPortalLink", projectID=project, portalLinkID=link)
        call("GetPortalLinkScope", projectID=project, portalLinkID=link)
        call("UpdatePortalLink", "ReadOnly", projectID=project, portalLinkID=link)
        call("RevokePortalLink", projectID=project, portalLinkID=link)
        link = call("CreatePortalLink", "WithRefreshTokens", projectID=project)["uid"]
        call("RefreshPortalLinkAuthToken", projectID=project, portalLinkID=link)
        call("GetEndpointPeriodFailureRates", projectID=project)
        delivery = delivery_of_the_examples(endpoint)
        one_delivery = {"projectID": project, "eventDeliveryID": delivery.uid}
        call("GetEventDeliveriesPaged", projectID=project)
        call("GetEventDelivery", **one_delivery)
        attempt = make_attempt(delivery, **HEADERS_OF_THE_EXAMPLES)
        call("GetDeliveryAttempts", **one_delivery)
        call("GetDeliveryAttempt", **one_delivery, deliveryAttemptID=attempt.uid)
        call("CopyEventDelivery", **one_delivery)
        link = call("CreateDeliveryLink", **one_delivery)["uid"]
        call("GetDeliveryLinks", **one_delivery)
        call("RevokeDeliveryLink", **one_delivery, linkID=link)
        call("SendTestEvent", "APayload", **one)
        call("ResendEventDelivery", **one_delivery)
        call("BatchRetryEventDelivery", projectID=project)
        while batch_retry.work_off():
            pass
        call("CreateRetryJob", projectID=project)
        Job.objects.all().delete()
        for uid in examples("ForceResendEventDeliveries")["Two"]["ids"]:
            make_delivery(delivery.endpoint, "Success", uid=uid)
        call("ForceResendEventDeliveries", "Two", projectID=project)
        call("CreateEventType", "InFull", projectID=project)
        call("GetEventTypes", projectID=project)
        event_type = EventType.objects.get(project_id=project, name="order.created").uid
        call("UpdateEventType", "AnotherDescription", projectID=project, eventTypeId=event_type)
        call("ImportOpenApiSpec", "AWebhook", projectID=project)
        call("DeprecateEventType", projectID=project, eventTypeId=event_type)
        call("CreateEventType", "ByItsName", projectID=project)
        EventDelivery.objects.filter(endpoint_id=endpoint).delete()
        Subscription.objects.filter(endpoint_id=endpoint).delete()
        subscription = call("CreateSubscription", "LargeOrders", projectID=project, changes={"endpoint_id": endpoint})[
            "uid"
        ]
        one_subscription = {"projectID": project, "subscriptionID": subscription}
        call("GetSubscriptions", projectID=project)
        call("GetSubscription", **one_subscription)
        call("UpdateSubscription", "AnotherName", **one_subscription)
        call("ToggleSubscriptionStatus", **one_subscription)
        call("TestSubscriptionFilter", "ALargeOrder", projectID=project)
        one_filter = one_subscription | {"filterID": Filter.objects.get(subscription=subscription).uid}
        call("UpdateFilter", "GoldCustomers", **one_filter)
        call("GetFilters", **one_subscription)
        call("GetFilter", **one_filter)
        call("TestFilter", "APayload", **one_subscription, eventType="order.created")
        call("BulkUpdateFilters", "DisableOne", **one_subscription, changes={"uid": one_filter["filterID"]})
        call("DeleteFilter", **one_filter)
        one_filter |= {"filterID": call("CreateFilter", "GoldCustomers", **one_subscription)["uid"]}
        call("DeleteFilter", **one_filter)
        call("BulkCreateFilters", "OneFilter", **one_subscription)
        call("DeleteSubscription", **one_subscription)
        call("CreateEndpointFanoutEvent", "ForACustomer", projectID=project)
        call("CreateBroadcastEvent", "ForEveryone", projectID=project)
        call("CreateDynamicEvent", "ForAURL", projectID=project)
        call("CountAffectedEvents", projectID=project)
        call("BatchReplayEvents", projectID=project)
        job = call("CreateReplayJob", projectID=project)["uid"]
        one_job = {"projectID": project, "jobID": job}
        call("PauseJob", **one_job)
        call("ResumeJob", **one_job)
        call("GetJobs", projectID=project)
        call("GetJob", **one_job)
        call("CancelJob", **one_job)
        call("CreateImportJob", "AWebhook", projectID=project)
        newest = PortalSession.objects.latest("pk").pk
        call("GetPortalSessionScope", projectID=project, sessionID=newest)
        call("ExpireSecret", "ADayForTheOldOne", **one)
        call("DeleteEndpoint", **one)
        session = call("LoadPortalSessionsPaged", projectID=project)["content"][0]["uid"]
        call("RevokePortalSession", projectID=project, sessionID=session)
        the_activity_of_the_examples(project)
        call("GetActivity", projectID=project)
        attempt = examples("GetMetaEvent", "200")["Delivered"]["data"]["attempt"]
        meta_event = make_meta_event(Project.objects.get(), {"uid": endpoint, "name": "Orders"}, attempt=attempt).uid
        call("TestOAuth2Connection", "WithASecret", projectID=project)
        call("BulkOnboard", "Two", projectID=project)
        batch = call("GetOnboardBatches", projectID=project)["content"][0]["uid"]
        call("GetOnboardBatch", projectID=project, batchID=batch)
        call("GetMetaEventsPaged", projectID=project)
        call("GetMetaEvent", projectID=project, metaEventID=meta_event)
        call("ResendMetaEvent", projectID=project, metaEventID=meta_event)
        call("DeleteProject", projectID=project)
        assert answered == {name for name in OPERATIONS if name not in ELSEWHERE} - {"TestSubscriptionFunction"}

    @pytest.mark.slow  # it calls every operation
    def test_the_portal_api_and_other_clients_operations_too(self, project: Project) -> None:
        """From a session that each client mints to the end of it; on the URL and by the header of the document."""
        key = create_api_key(name="k", role=Role.PROJECT_ADMIN, project=project, owner_id="acme", scopes=[MANAGE])[1]
        answered: set[str] = set()

        def call(
            operation_id: str,
            credential: str,
            example: str = "",
            query: str = "",
            changes: dict[str, Any] | None = None,
            **ids: str,
        ) -> Any:
            method, path, operation = OPERATIONS[operation_id]
            [server] = operation.get("servers", DOCUMENT["servers"])
            [[name]] = operation["security"]
            scheme = DOCUMENT["components"]["securitySchemes"][name]
            bearer = scheme["type"] == "http"
            header = "Authorization" if bearer else scheme["name"]
            content = json.dumps(with_changes(examples(operation_id)[example], changes or {})) if example else ""
            url = server["url"].rstrip("/") + path.format(**ids) + query
            headers = {header: f"Bearer {credential}" if bearer else credential}
            answer = Client().generic(method.upper(), url, content, "application/json", headers=headers)
            assert answer.status_code < 300, answer.content
            answered.add(operation_id)
            if answer.status_code == 204:
                return None
            value = json.loads(answer.content)
            validate(value, "paths", path, method, *schema_of(str(answer.status_code)))
            assert shape(value) in [
                shape(stated) for stated in examples(operation_id, str(answer.status_code)).values()
            ]
            return value.get("data", value) if isinstance(value, dict) else value

        looking = create_api_key(name="l", role=Role.PROJECT_ADMIN, project=project, owner_id="acme")[1]
        assert call("createWebhookPortalLink", looking)["read_only"] is True
        for example in ("Defaults", "InFull"):
            call("CreateNahookPortalSession", key, example, projectID=project.uid, ownerID="acme")
        call("v1.authentication.app-portal-access", key, "ToLookForADay", ownerID="acme")
        token = call("v1.authentication.app-portal-access", key, "Defaults", ownerID="acme")["token"]
        call("GetLicenseFeatures", token)
        endpoint = call("CreatePortalEndpoint", token, "Orders")["uid"]
        call("GetPortalEndpoints", token)
        call("GetOwnPortalLink", token)
        call("GetPortalEndpoint", token, endpointID=endpoint)
        call("UpdatePortalEndpoint", token, "AnotherName", endpointID=endpoint)
        call("PausePortalEndpoint", token, endpointID=endpoint)
        call("ActivatePortalEndpoint", token, endpointID=endpoint)
        call("GetPortalEndpointPeriodFailureRates", token)
        call("GetPortalStatusTotals", token)
        delivery = delivery_of_the_examples(endpoint)
        call("GetPortalEventDeliveries", token)
        call("GetPortalEventDelivery", token, eventDeliveryID=delivery.uid)
        attempt = make_attempt(delivery, **HEADERS_OF_THE_EXAMPLES)
        call("GetPortalDeliveryAttempts", token, eventDeliveryID=delivery.uid)
        call("GetPortalDeliveryAttempt", token, eventDeliveryID=delivery.uid, deliveryAttemptID=attempt.uid)
        call("CopyPortalEventDelivery", token, eventDeliveryID=delivery.uid)
        link = call("CreatePortalDeliveryLink", token, eventDeliveryID=delivery.uid)["uid"]
        call("GetPortalDeliveryLinks", token, eventDeliveryID=delivery.uid)
        call("RevokePortalDeliveryLink", token, eventDeliveryID=delivery.uid, linkID=link)
        call("SendPortalTestEvent", token, "APayload", endpointID=endpoint)
        call("ResendPortalEventDelivery", token, eventDeliveryID=delivery.uid)
        call("BatchRetryPortalEventDeliveries", token)
        while batch_retry.work_off():
            pass
        call("CreatePortalRetryJob", token)
        Job.objects.all().delete()
        call("CountPortalBatchRetryEventDeliveries", token)
        for uid in examples("ForceResendPortalEventDeliveries")["Two"]["ids"]:
            make_delivery(delivery.endpoint, "Success", uid=uid)
        call("ForceResendPortalEventDeliveries", token, "Two")
        the_activity_of_the_examples(project.uid)
        call("GetPortalActivity", token)
        call("GetPortalDashboardSummary", token, query="?startDate=2026-02-03T00:00:00&type=daily")
        EventType.objects.create(
            project=project,
            name="order.created",
            json_schema=examples("CreateEventType")["InFull"]["json_schema"],
        )
        call("GetPortalEventTypes", token)
        EventDelivery.objects.filter(endpoint_id=endpoint).delete()
        Subscription.objects.filter(endpoint_id=endpoint).delete()
        subscription = call("CreatePortalSubscription", token, "LargeOrders", changes={"endpoint_id": endpoint})["uid"]
        call("GetPortalSubscriptions", token)
        call("GetPortalSubscription", token, subscriptionID=subscription)
        call("UpdatePortalSubscription", token, "AnotherName", subscriptionID=subscription)
        call("TestPortalSubscriptionFilter", token, "ALargeOrder")
        one_filter = {"subscriptionID": subscription, "filterID": Filter.objects.get(subscription=subscription).uid}
        call("UpdatePortalFilter", token, "GoldCustomers", **one_filter)
        call("GetPortalFilters", token, subscriptionID=subscription)
        call("GetPortalFilter", token, **one_filter)
        call("TestPortalFilter", token, "APayload", subscriptionID=subscription, eventType="order.created")
        call(
            "BulkUpdatePortalFilters",
            token,
            "DisableOne",
            subscriptionID=subscription,
            changes={"uid": one_filter["filterID"]},
        )
        call("DeletePortalFilter", token, **one_filter)
        one_filter["filterID"] = call("CreatePortalFilter", token, "GoldCustomers", subscriptionID=subscription)["uid"]
        call("DeletePortalFilter", token, **one_filter)
        call("BulkCreatePortalFilters", token, "OneFilter", subscriptionID=subscription)
        call("DeletePortalSubscription", token, subscriptionID=subscription)
        call("ExpirePortalSecret", token, "ADayForTheOldOne", endpointID=endpoint)
        Event.objects.all().delete()
        event = call("CreatePortalEvent", token, "ForAnEndpoint", changes={"endpoint_id": endpoint})["uid"]
        call("GetPortalEvent", token, eventID=event)
        call("GetPortalEvents", token)
        call("ReplayPortalEvent", token, eventID=event)
        call("BatchReplayPortalEvents", token)
        job = call("CreatePortalReplayJob", token)["uid"]
        call("PausePortalJob", token, jobID=job)
        call("ResumePortalJob", token, jobID=job)
        call("GetPortalJobs", token)
        call("GetPortalJob", token, jobID=job)
        call("CancelPortalJob", token, jobID=job)
        call("CountPortalAffectedEvents", token)
        call("DeletePortalEndpoint", token, endpointID=endpoint)
        call("v1.authentication.logout", token)
        admin = create_api_key(name="w", role=Role.PROJECT_ADMIN, project=project)[1]
        call_svix(call, admin)
        Application.objects.all().delete()
        call("v1.application.create", admin, "ByItsName")
        nahook(call, project)
        call("v1.authentication.expire-all", key, "AllNow", ownerID="acme")
        call("v1.authentication.expire-all", key, "OneInAnHour", ownerID="acme")
        assert answered == ELSEWHERE

    @pytest.mark.parametrize("operation_id", sorted(OPERATIONS))
    def test_every_example_fits_its_schema(self, operation_id: str) -> None:
        method, path, operation = OPERATIONS[operation_id]
        for value in examples(operation_id).values():
            validate(value, "paths", path, method, "requestBody", "content", "application/json", "schema")
        for status in operation["responses"]:
            stated = examples(operation_id, status)
            assert stated or status == "204"
            for value in stated.values():
                # Documents of other contracts have a status of another kind, and no message beside it.
                if "status" in value and "message" in value:
                    assert value["status"] is status.startswith("2")
                if "$ref" in operation["responses"][status]:
                    validate(value, "components", "schemas", "util.ErrorResponse")
                else:
                    validate(value, "paths", path, method, *schema_of(status))

    def test_what_may_be_left_out_may_be_null(self, instance: API) -> None:
        answer = instance.post("/projects", {"name": "orders", "type": "outgoing", "logo_url": None, "config": None})
        assert answer.status == 201
        properties = DOCUMENT["components"]["schemas"]["models.CreateProject"]["properties"]
        assert {name for name, schema in properties.items() if schema.get("nullable")} == {"logo_url", "config"}


def schema_of(status: str) -> tuple[str, ...]:
    """Where the schema of an answer is, inside its operation."""
    return ("responses", status, "content", "application/json", "schema")
