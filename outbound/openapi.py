"""The schemas of outbound/documents.py, for API documents that are still put together of schemas."""

from core.api.documents import schema_of
from outbound.documents import DeliveryStatus, HttpHeader, HttpHeaders, SendingDocument

HTTP_HEADER = schema_of(HttpHeader)
HTTP_HEADERS = schema_of(HttpHeaders)
STATUS = schema_of(DeliveryStatus)
METADATA = schema_of(SendingDocument)
