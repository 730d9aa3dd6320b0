"""Serve a floor's work behind Django's handler and a view of REST framework: what the framework alone costs.

There is one route, and no middleware, authentication class or serializer: the floor does all the work, the key's check
included. As the server does more than its floor, it cannot come nearer to it than this.
"""

import os
from collections.abc import Iterable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import re_path
from rest_framework.request import Request
from rest_framework.views import APIView

from bench import floor, floor_events


class Work(APIView):
    """The work of the floor for the path: portal links, with JSON built in Python, or events with their deliveries."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> HttpResponse:
        """Answer as the floor does."""
        answer = HttpResponse()

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answer.status_code = int(status[:3])
            for name, value in headers:
                answer[name] = value

        does = floor_events.with_delivery if request.path.endswith("/events") else floor.in_python
        [answer.content] = does(request.META, start)
        return answer

    post = get


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with a list, which Granian sends at once."""
    response: Any = _handler(environ, start_response)
    return [response.content]


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoyclone.settings")
django.setup()
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = (re_path("", Work.as_view()),)
_handler = WSGIHandler()
