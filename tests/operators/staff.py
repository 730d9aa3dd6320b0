"""Users of the admin with some of its rights."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(*codenames: str) -> Client:
    """The client of a user who has these permissions, such as `view_endpoint`."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client
