"""Frame the two small pages of the demo: a stylesheet and a mark within the page, and a policy for no more."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

STYLE = Path(__file__).with_name("demo.css").read_text(encoding="utf-8")
_MARK = Path(__file__).parent.parent / "core/static/core/mark.svg"
#: The product's mark as a URL, because the receiver serves no static files.
MARK_URL = f"data:image/svg+xml;base64,{b64encode(_MARK.read_bytes()).decode()}"
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
