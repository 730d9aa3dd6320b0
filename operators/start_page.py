"""Show the figures of the instance on the start page. A script reads them again while the page is looked at."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from core.api.time_limit import TookTooLong, time_limit
from deliveries.glance import MOST_ROWS
from events.models import EventDelivery
from operators.chart import chart
from operators.figures import HOURS, read_figures
from operators.rights import may_see, may_use

SECONDS = 3
TOO_LONG = f"The figures could not be read in {SECONDS} seconds."


def figures_context(request: HttpRequest) -> dict[str, Any]:
    """Return the figures for the template; none for a user who may not see deliveries."""
    if not may_see(request, EventDelivery):
        return {}
    try:
        with time_limit(SECONDS, TOO_LONG):
            figures = read_figures()
    except TookTooLong as error:
        return {"too_long": error.message}
    return {
        "figures": figures,
        "chart": chart(figures.hours),
        "hours": HOURS,
        "most_rows": MOST_ROWS,
        "may": may_use(request),
    }


@require_safe
def figures(request: HttpRequest) -> HttpResponseBase:
    """Return the figures alone, for live.js."""
    return TemplateResponse(request, "operators/figures.html", figures_context(request))
