"""`manage.py create_api_key`: create an API key."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from projects.forms import APIKeyForm
from projects.models import APIKey
from projects.operations import create_api_key

MOST_DAYS = 36_500


class Command(BaseCommand):
    """Creates an API key. The key alone goes to standard output, everything else to standard error."""

    help = "Create an API key and print it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="the purpose of the key")
        parser.add_argument("--role", choices=APIKey.Role.values, default=APIKey.Role.PROJECT_ADMIN)
        parser.add_argument("--project", metavar="UID", help="the key's project; an instance_admin key has none")
        parser.add_argument("--owner-id", default="", help="the only owner_id for which the key acts")
        parser.add_argument(
            "--scope", action="append", default=[], help="a scope such as webhooks:manage; may be repeated"
        )
        parser.add_argument("--nahook", action="store_true", help="create a token nhm_… for Nahook's clients")
        parser.add_argument(
            "--nahook-sending", action="store_true", help="create a key nhk_… for Nahook's clients, which only sends"
        )
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS", help="without it the key does not expire")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the key. Raises CommandError."""
        expires_at, days = None, options["expires_in_days"]
        if days is not None:
            if not 1 <= days <= MOST_DAYS:
                raise CommandError(f"--expires-in-days must be between 1 and {MOST_DAYS}")
            expires_at = timezone.now() + timedelta(days=days)
        sent = {name: options[name] for name in ("name", "role", "project", "owner_id", "nahook", "nahook_sending")}
        sent |= {"scopes": ",".join(options["scope"]), "expires_at": expires_at}
        form = APIKeyForm(sent)
        if not form.is_valid():
            raise CommandError("; ".join(_line(field, text) for field, texts in form.errors.items() for text in texts))
        api_key, key = create_api_key(**form.given)
        whose = f"project {api_key.project_id}" if api_key.project_id else "the instance"
        self.stderr.write(f"API key {api_key.uid} ({api_key.role} of {whose}). It is not shown again:", str)
        self.stdout.write(key)


def _line(field: str, text: object) -> str:
    return str(text) if field == "__all__" else f"{field}: {text}"
