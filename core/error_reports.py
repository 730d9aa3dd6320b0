"""Report unexpected errors to Sentry where SENTRY_DSN is set. Without it nothing of Sentry is imported."""

from typing import Any


class ReportsUnavailable(Exception):
    """SENTRY_DSN is set, and Sentry's SDK is not installed."""


def start_reports(dsn: str, release: str, *, transport: Any = None) -> None:
    """Begin to report in this process. Raises ReportsUnavailable.

    A report has the traceback and the message. It has no payload, header, query, cookie or local variable, in which
    there are secrets and customers' data.
    """
    try:
        import sentry_sdk
    except ImportError:
        raise ReportsUnavailable("SENTRY_DSN needs Sentry's SDK: pip install '.[sentry]'") from None
    sentry_sdk.init(
        dsn,
        release=release,
        transport=transport,
        # No header of Sentry's goes to receivers.
        propagate_traces=False,
        trace_propagation_targets=[],
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=without_secrets,
    )


def without_secrets(report: Any, hint: Any) -> Any:
    """Return a report without what a request says: tokens are in queries and headers, ids of customers in paths."""
    request = report.pop("request", None) or {}
    if "method" in request:
        report["request"] = {"method": request["method"]}
    report.pop("user", None)
    return report
