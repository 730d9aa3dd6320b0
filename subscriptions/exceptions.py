"""Define the refusals of operations on event types, subscriptions and filters.

Contract: docs/contract/subscriptions.md, docs/contract/event-types.md.
"""

from enum import StrEnum

from core.exceptions import InvalidInput, NotFound

# Event types


class EventTypeNotFound(NotFound):
    """No such event type."""

    # As the original answers.
    status = 400
    message = "event type not found"


class EventTypeNameBlank(InvalidInput):
    """The name is blank."""

    reason = "please provide a name for this event type"
    message = f"name:{reason}"
    field = "name"


class EventTypeNameTaken(InvalidInput):
    """Another event type has the name."""

    message = "an event type with this name already exists"
    field = "name"


class JsonSchemaRefused(InvalidInput):
    """Not a JSON Schema."""

    message = "invalid JSON schema: {reason}"
    field = "json_schema"


class SpecRefused(InvalidInput):
    """Not an OpenAPI document."""

    message = "error loading OpenAPI spec: {reason}"


class NoWebhooks(InvalidInput):
    """No webhooks."""

    message = "no webhooks found in OpenAPI spec"


# Subscriptions


class SubscriptionNotFound(NotFound):
    """No such subscription."""

    message = "failed to find subscription"


class SubscriptionToChangeNotFound(InvalidInput):
    """No such subscription."""

    message = SubscriptionNotFound.message


class SubscriptionNameBlank(InvalidInput):
    """The name is blank."""

    reason = "please provide a valid subscription name"
    message = f"name:{reason}"
    field = "name"


class SubscribedEndpointNotFound(InvalidInput):
    """No such endpoint."""

    message = "failed to find endpoint by id"
    field = "endpoint_id"


class NewEndpointNotFound(SubscribedEndpointNotFound):
    """No such endpoint."""

    message = f"{SubscribedEndpointNotFound.message}: the endpoint may not belong to project"


class EndpointTaken(InvalidInput):
    """An endpoint that has a subscription."""

    message = "a subscription for this endpoint already exists"
    field = "endpoint_id"


class FunctionRefused(InvalidInput):
    """A function."""

    message = "functions are not supported: no JavaScript is run here, leave the function empty"
    field = "function"


class DeliveryModeUnknown(InvalidInput):
    """Another delivery mode."""

    message = "invalid delivery mode value, must be either 'at_least_once' or 'at_most_once'"
    field = "delivery_mode"


class SourceMissing(InvalidInput):
    """An incoming project, and no source."""

    message = "source_id is required for incoming projects"
    field = "source_id"


class SourceNotFound(InvalidInput):
    """An incoming project, and a source."""

    message = "failed to find source by id"
    field = "source_id"


class ConditionsTooLarge(InvalidInput):
    """The conditions of all event types are too large."""

    message = "the conditions, for all event types, come to more than {most} bytes"


class EventTypeUnknown(InvalidInput):
    """The project does not have the event type."""

    message = "event type {name} does not exist"
    field = "event_types"


class NoEventTypes(InvalidInput):
    """No event type is chosen."""

    message = "choose at least one event type"
    field = "event_types"


class RetryTypeUnknown(InvalidInput):
    """Another retry strategy."""

    message = "retry_config: the type must be linear or exponential"
    field = "retry_config"


class RetryDurationOutOfRange(InvalidInput):
    """The retry duration is out of range."""

    message = "retry_config: the duration is out of range"
    field = "retry_config"


# Filters


class FilteredSubscriptionNotFound(NotFound):
    """No such subscription."""

    message = "subscription not found"


class FilterNotFound(NotFound):
    """No such filter."""

    message = "filter not found"


class ListedFilterNotFound(NotFound):
    """No such filter."""

    message = "filter {uid} not found"


class FiltersTooLarge(InvalidInput):
    """The filters are too large for one answer."""

    message = "the filters are too large together: send fewer of them at once"


class FilterListedTwice(InvalidInput):
    """A filter is listed twice."""

    message = "failed to update filters: filter {uid} is there twice"
    field = "uid"


class FilteredTypeUnknown(NotFound):
    """No such event type."""

    message = "event type does not exist"


class ListedTypeUnknown(NotFound):
    """No such event type."""

    message = EventTypeUnknown.message


class TypeListedTwice(InvalidInput):
    """An event type is listed twice."""

    message = "duplicate event type {name} in request"
    field = "event_type"


class FilterExists(InvalidInput):
    """The event type has a filter."""

    message = "filter with this event type already exists"
    field = "event_type"


class ListedFilterExists(InvalidInput):
    """The event type has a filter."""

    message = "filter for event type {name} already exists"
    field = "event_type"


class Doing(StrEnum):
    """The operations that read conditions, as their refusals name them."""

    CREATE_SUBSCRIPTION = "create subscription"
    UPDATE_SUBSCRIPTION = "update subscription"
    SAVE_FILTER = "save the filter"
    TRY_CONDITIONS = "validate subscription filter"
    CREATE_FILTER = "create filter"
    CREATE_FILTERS = "create filters"
    UPDATE_FILTER = "update filter"
    UPDATE_FILTERS = "update filters"


class ConditionsRefused(InvalidInput):
    """The conditions are wrong."""

    message = "failed to {doing}: {reason}"
    field = "filter"


class FilterRefused(InvalidInput):
    """The conditions break a rule of the filter language, which the text names."""


class UnknownOperator(FilterRefused):
    """An unknown operator."""

    message = "unknown operator {name}"


class LogicWithoutList(FilterRefused):
    """`$or` or `$and` without a list."""

    message = "the value of $or and $and must be an array"


class OperandNotList(FilterRefused):
    """`$in` or `$nin` without a list."""

    message = "the value of $in and $nin must be an array"


class TooManySubscriptions(InvalidInput):
    """The owner of the endpoint has as many subscriptions as it may."""

    message = "the owner_id of this endpoint has {most} subscriptions, and may have no more"


class TooManyFilterBytes(InvalidInput):
    """The filters of the endpoint's owner are too large together."""

    message = "the filters of all endpoints with this owner_id may have {most} bytes together"
