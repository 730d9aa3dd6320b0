"""Register the app `operators`, and have `migrate` make the roles."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class OperatorsConfig(AppConfig):
    """The configuration of the app."""

    name = "operators"

    def ready(self) -> None:
        """Make the roles after each `migrate`: the permissions in them do not exist before."""
        from operators.roles import make_roles

        # Django tells of each app that has tables, which this one has not. The admin is the last of those in the roles.
        post_migrate.connect(make_roles, sender=apps.get_app_config("admin"), dispatch_uid="operators.roles")
