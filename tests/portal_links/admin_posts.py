"""Try an admin page that answers POST only."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def refuses_what_may_not_post(path: str, client: Client, admin_client: Client) -> None:
    """Assert that `path` refuses GET, strangers, a POST without the CSRF token, and a user who may only view."""
    assert admin_client.get(path).status_code == 405
    assert client.post(path).status_code == 302
    unaware = Client(enforce_csrf_checks=True)
    unaware.cookies = admin_client.cookies
    assert unaware.post(path).status_code == 403
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_portal"))
    client.force_login(viewer)
    assert client.post(path).status_code == 403
