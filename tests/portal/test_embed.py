"""The script with which a company shows the portal in a page of its own."""

from django.test import Client

from portal.embed import ETAG


def test_the_script_is_for_every_site(client: Client) -> None:
    response = client.get("/portal/embed.js")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/javascript")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response["Cache-Control"] == "public, max-age=300"
    assert b"customElements.define" in response.content
    assert not response.cookies


def test_it_is_sent_again_only_where_it_has_changed(client: Client) -> None:
    response = client.get("/portal/embed.js", headers={"If-None-Match": ETAG})
    assert response.status_code == 304
    assert response.content == b""
