"""Describe the demo: the event types of a shop, its customer's endpoints, and the events that are sent first."""

from typing import Any, NamedTuple

Schema = dict[str, Any]

#: The links' and the endpoints' customer.
OWNER_ID = "acme"


class DescribedType(NamedTuple):
    """An event type of the demo, with a JSON Schema of draft 7."""

    name: str
    category: str
    description: str
    json_schema: Schema
    is_deprecated: bool = False


class DemoEndpoint(NamedTuple):
    """An endpoint at the demo's receiver, whose path decides the answer (receiver.py)."""

    name: str
    path: str
    description: str
    event_types: list[str]
    is_paused: bool = False


def _text(description: str, example: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, "examples": [example], **more}


def _number(description: str, example: int) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description, "examples": [example]}


def _time(description: str, example: str) -> Schema:
    return _text(description, example, format="date-time")


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


_ORDER = _text("The order's number", "ORD-1042")
_INVOICE = _text("The invoice's number", "INV-2207")
_CUSTOMER = _text("The customer's number", "CUS-318")
_CURRENCY = _text("The currency, by ISO 4217", "EUR", pattern="^[A-Z]{3}$")
_TOTAL = _number("The total in the currency's smallest unit", 12900)
_LINES = {
    "type": "array",
    "description": "What was ordered",
    "items": _object(sku=_text("The article's number", "TEA-250"), quantity=_number("How many", 2)),
}

EVENT_TYPES = [
    DescribedType(
        "order.created",
        "Orders",
        "A customer has placed an order.",
        _object(order_id=_ORDER, customer_id=_CUSTOMER, total=_TOTAL, currency=_CURRENCY, lines=_LINES),
    ),
    DescribedType(
        "order.shipped",
        "Orders",
        "A parcel with the order has left the warehouse.",
        _object(
            order_id=_ORDER,
            carrier=_text("Who carries the parcel", "DHL"),
            tracking_number=_text("The parcel's number at the carrier", "00340434292135100186"),
        ),
    ),
    DescribedType(
        "order.delivered",
        "Orders",
        "The parcel has reached the customer.",
        _object(order_id=_ORDER, delivered_at=_time("When it was handed over", "2026-03-04T10:41:00Z")),
    ),
    DescribedType(
        "order.cancelled",
        "Orders",
        "An order was cancelled before it was shipped.",
        _object(
            order_id=_ORDER,
            reason=_text("Why", "customer", enum=["customer", "out_of_stock", "payment_failed"]),
        ),
    ),
    DescribedType(
        "invoice.issued",
        "Invoices",
        "An invoice was sent to the customer.",
        _object(
            invoice_id=_INVOICE,
            order_id=_ORDER,
            total=_TOTAL,
            currency=_CURRENCY,
            due_on=_text("The last day to pay", "2026-03-31", format="date"),
        ),
    ),
    DescribedType(
        "invoice.paid",
        "Invoices",
        "The whole amount of an invoice has arrived.",
        _object(
            invoice_id=_INVOICE,
            total=_TOTAL,
            currency=_CURRENCY,
            paid_at=_time("When the money arrived", "2026-03-12T08:15:00Z"),
            method=_text("How it was paid", "card", enum=["card", "transfer", "direct_debit"]),
        ),
    ),
    DescribedType(
        "invoice.overdue",
        "Invoices",
        "An invoice was not paid in time.",
        _object(invoice_id=_INVOICE, total=_TOTAL, currency=_CURRENCY, days=_number("Days since the last day", 7)),
    ),
    DescribedType(
        "invoice.settled",
        "Invoices",
        "The former name of invoice.paid. Use invoice.paid, which also says how the invoice was paid.",
        _object(invoice_id=_INVOICE, total=_TOTAL, currency=_CURRENCY),
        is_deprecated=True,
    ),
    DescribedType(
        "customer.created",
        "Customers",
        "A customer has opened an account.",
        _object(
            customer_id=_CUSTOMER,
            name=_text("The customer's name", "Ada Example"),
            email=_text("The customer's address", "ada@example.com", format="email"),
        ),
    ),
    DescribedType(
        "customer.updated",
        "Customers",
        "A customer has changed their account.",
        _object(
            customer_id=_CUSTOMER,
            changed={
                "type": "array",
                "description": "The fields that have changed",
                "items": _text("A field", "email", enum=["name", "email", "address"]),
            },
        ),
    ),
]

ENDPOINTS = [
    DemoEndpoint(
        "Orders",
        "/works/orders",
        "Orders and parcels: the receiver answers 200",
        ["order.created", "order.shipped", "order.delivered", "order.cancelled"],
    ),
    DemoEndpoint(
        "Billing",
        "/fails/billing",
        "Invoices: the receiver answers 500",
        ["invoice.issued", "invoice.paid", "invoice.overdue"],
    ),
    DemoEndpoint(
        "Newsletter",
        "/works/newsletter",
        "Customers: paused at the start, so it has missed events",
        ["customer.created", "customer.updated"],
        is_paused=True,
    ),
]

#: The event of the command that script/server prints.
TRIED: tuple[str, dict[str, Any]] = (
    "order.created",
    {
        "order_id": "ORD-1043",
        "customer_id": "CUS-318",
        "total": 4550,
        "currency": "EUR",
        "lines": [{"sku": "TEA-250", "quantity": 1}],
    },
)

#: Type and data of the events that the first start stores, in this order.
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("customer.created", {"customer_id": "CUS-318", "name": "Ada Example", "email": "ada@example.com"}),
    (
        "order.created",
        {
            "order_id": "ORD-1041",
            "customer_id": "CUS-318",
            "total": 12900,
            "currency": "EUR",
            "lines": [{"sku": "TEA-250", "quantity": 2}, {"sku": "POT-1", "quantity": 1}],
        },
    ),
    (
        "invoice.issued",
        {
            "invoice_id": "INV-2207",
            "order_id": "ORD-1041",
            "total": 12900,
            "currency": "EUR",
            "due_on": "2026-03-31",
        },
    ),
    ("order.shipped", {"order_id": "ORD-1041", "carrier": "DHL", "tracking_number": "00340434292135100186"}),
    ("order.delivered", {"order_id": "ORD-1041", "delivered_at": "2026-03-04T10:41:00Z"}),
    (
        "invoice.paid",
        {
            "invoice_id": "INV-2207",
            "total": 12900,
            "currency": "EUR",
            "paid_at": "2026-03-12T08:15:00Z",
            "method": "card",
        },
    ),
    ("order.cancelled", {"order_id": "ORD-1042", "reason": "out_of_stock"}),
    ("customer.updated", {"customer_id": "CUS-318", "changed": ["email"]}),
]
