"""Write the page on which the demo's receiver shows the last webhooks."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from http import HTTPStatus
from typing import NamedTuple

from convoyclone.demo_page import MARK_URL, STYLE


class Verdict(NamedTuple):
    """Whether a signature is good, and the reason."""

    is_good: bool
    reason: str


class Webhook(NamedTuple):
    """A webhook as the page shows it; `body` is the beginning of what was sent."""

    at: datetime
    path: str
    webhook_id: str
    status: HTTPStatus
    verdict: Verdict
    body: str


_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>Webhooks received</title>
    <link rel="icon" type="image/svg+xml" href="{mark}">
    <style>{style}</style>
  </head>
  <body>
    <main>
      <h1><img src="{mark}" alt="" width="28" height="28"> Webhooks received</h1>
      <p class="muted">This page shows the last webhooks since the receiver started, newest first.
        <a href="/">Reload</a></p>
      <p class="muted">An endpoint at <code>{origin}/works/…</code> is answered with 200, one at
        <code>{origin}/fails/…</code> with 500, and one at <code>{origin}/fails/404/…</code> with 404.</p>
      {webhooks}
    </main>
  </body>
</html>
"""
_WEBHOOK = """<li class="card">
          <div class="line"><h2>{path}</h2><span class="status {answered}">{status} {phrase}</span>
            <time class="muted" datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%H:%M:%S} UTC</time></div>
          <p><span class="status {signed}">{verdict}</span> {reason}</p>
          <p class="muted">webhook-id <code>{webhook_id}</code></p>
          <pre>{body}</pre>
        </li>"""


def page(webhooks: Sequence[Webhook], origin: str) -> str:
    """Return the page of the webhooks, the newest of which is first. Whatever they hold is shown as text."""
    shown = "\n        ".join(_card(webhook) for webhook in webhooks)
    listed = f'<ul class="cards">\n        {shown}\n      </ul>' if webhooks else "<p>None has arrived yet.</p>"
    return _PAGE.format(style=STYLE, mark=MARK_URL, origin=escape(origin), webhooks=listed)


def _card(webhook: Webhook) -> str:
    return _WEBHOOK.format(
        path=escape(webhook.path),
        status=webhook.status.value,
        phrase=webhook.status.phrase,
        answered="good" if webhook.status < 400 else "bad",
        at=webhook.at,
        signed="good" if webhook.verdict.is_good else "bad",
        verdict="Signature verified" if webhook.verdict.is_good else "Signature not verified",
        reason=escape(webhook.verdict.reason),
        webhook_id=escape(webhook.webhook_id or "none"),
        body=escape(webhook.body),
    )
