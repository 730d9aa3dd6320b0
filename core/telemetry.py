"""Start traces and reports of errors in a process, as the settings say."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.error_reports import ReportsUnavailable, start_reports
from core.tracing import TracingUnavailable, start_tracing


def start_telemetry(part: str) -> None:
    """Start both in the process of a `part`, "web" or "worker". Raises ImproperlyConfigured without a package."""
    try:
        if settings.TRACING:
            start_tracing(f"convoyclone-{part}", settings.VERSION)
        if settings.SENTRY_DSN:
            start_reports(settings.SENTRY_DSN, f"convoyclone@{settings.VERSION}")
    except (TracingUnavailable, ReportsUnavailable) as error:
        raise ImproperlyConfigured(str(error)) from None
