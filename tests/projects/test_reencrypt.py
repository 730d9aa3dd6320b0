"""manage.py reencrypt"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import BinaryField, Value
from django.db.models.functions import Cast

from core import encryption
from endpoints.models import AlertSettings, Endpoint
from endpoints.operations import expire_secret
from onboarding.models import OnboardBatch
from onboarding.operations import accept
from portal_links.models import PortalLink
from portal_links.operations import create_portal_link
from projects.management.commands import reencrypt
from projects.models import Project

MakeEndpoint = Callable[..., Endpoint]

OLD, NEW, LOST = (secrets.token_bytes(32) for _ in range(3))
COLUMNS: list[tuple[Any, str]] = [
    (Project, "meta_event"),
    (Endpoint, "secrets"),
    (Endpoint, "authentication"),
    (Endpoint, "mtls_client_cert"),
    (Endpoint, "custom_headers"),
    (AlertSettings, "chosen"),
    (OnboardBatch, "items"),
    (PortalLink, "token"),
]


@pytest.fixture(autouse=True)
def keys(settings: Any) -> Any:
    settings.ENCRYPTION_KEYS = [OLD]
    return settings


@pytest.fixture
def rows(keys: Any, project: Project, make_endpoint: MakeEndpoint) -> None:
    """A row of each table, and endpoints with and without credentials; the new key is the first from then on."""
    authentication = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "header-secret"}}
    make_endpoint(secret="signing-secret", authentication=authentication)
    told = make_endpoint(secret="signing-secret")
    AlertSettings.objects.create(endpoint=told, chosen={"on": ["failing"], "hook": "https://alerts.example.com/secret"})
    create_portal_link(project.uid, name="Acme", owner_id="acme")
    accept(project, [{"name": "Acme", "url": "https://hooks.example.com/in", "auth_password": "basic-secret"}])
    keys.ENCRYPTION_KEYS = [NEW, OLD]


def stored(model: Any, column: str) -> list[bytes]:
    values = model.objects.order_by("pk").annotate(stored=Cast(column, BinaryField())).values_list("stored", flat=True)
    return [bytes(value) for value in values if value is not None]


def everything_stored() -> list[bytes]:
    return [value for model, column in COLUMNS for value in stored(model, column)]


def plain() -> list[Any]:
    return [[getattr(row, column) for row in model.objects.order_by("pk")] for model, column in COLUMNS]


def test_everything_moves_to_the_first_key_and_reads_the_same(
    rows: None, keys: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = plain()
    call_command("reencrypt")
    assert capsys.readouterr().out.splitlines() == [
        "projects_project.meta_event: 1 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "endpoints_endpoint.secrets: 2 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "endpoints_endpoint.authentication: 1 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "endpoints_endpoint.mtls_client_cert: 0 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "endpoints_endpoint.custom_headers: 0 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "endpoints_alertsettings.chosen: 1 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "onboarding_onboardbatch.items: 1 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
        "portal_links_portallink.token: 1 re-encrypted, 0 already current, 0 changed meanwhile, 0 undecryptable",
    ]
    # The old key can go.
    keys.ENCRYPTION_KEYS = [NEW]
    assert plain() == before


def test_a_second_run_writes_nothing(rows: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reencrypt")
    after_first = everything_stored()
    capsys.readouterr()
    call_command("reencrypt")
    assert "endpoints_endpoint.secrets: 0 re-encrypted, 2 already current" in capsys.readouterr().out
    assert everything_stored() == after_first


def test_values_that_are_bound_to_their_column_only_are_bound_to_their_row(
    keys: Any, rows: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they were stored by versions that knew no more."""
    keys.ENCRYPTION_KEYS = [OLD]
    before = plain()
    for model, column in COLUMNS:
        context = encryption.context_of(model, column)
        for row in model.objects.all():
            value = getattr(row, column)
            if value is not None:
                nonce = secrets.token_bytes(encryption.NONCE_BYTES)
                closed = AESGCM(OLD).encrypt(nonce, orjson.dumps(value), context.encode())
                kept = hashlib.sha256(OLD).digest()[: encryption.ID_BYTES] + nonce + closed
                model.objects.filter(pk=row.pk).update(**{column: Value(kept, BinaryField())})
    assert not any(encryption.is_current(value) for value in everything_stored())
    assert plain() == before
    call_command("reencrypt")
    assert "endpoints_endpoint.secrets: 2 re-encrypted" in capsys.readouterr().out
    assert all(encryption.is_current(value) for value in everything_stored())
    assert plain() == before


def test_every_encrypted_column_is_known_here() -> None:
    """`COLUMNS` is what the other tests compare."""
    found = [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, encryption.EncryptedJSONField)
    ]
    assert found == COLUMNS


def test_batches_cover_every_row(
    keys: Any, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        make_endpoint()
    keys.ENCRYPTION_KEYS = [NEW, OLD]
    monkeypatch.setattr(reencrypt, "BATCH", 2)
    call_command("reencrypt")
    assert "endpoints_endpoint.secrets: 5 re-encrypted" in capsys.readouterr().out
    assert all(encryption.is_current(value) for value in everything_stored())


def test_a_value_that_is_written_meanwhile_stays(
    rows: None, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the read of a batch and the write of its rows, a secret is rotated."""
    endpoint = Endpoint.objects.order_by("pk")[0]

    def rotating_decrypt(value: bytes, context: str, row: str) -> bytes:
        if context == "endpoints_endpoint.secrets" and len(Endpoint.objects.get(pk=endpoint.pk).secrets) == 1:
            expire_secret(project.uid, endpoint.uid, secret="written meanwhile", expiration=1)
        return encryption.decrypt(value, context, row)

    monkeypatch.setattr(reencrypt, "decrypt", rotating_decrypt)
    with pytest.raises(CommandError, match="run this command again"):
        call_command("reencrypt")
    assert "endpoints_endpoint.secrets: 1 re-encrypted, 0 already current, 1 changed" in capsys.readouterr().out
    assert Endpoint.objects.get(pk=endpoint.pk).secrets[-1]["value"] == "written meanwhile"
    call_command("reencrypt")


def test_a_missing_key_is_told_and_the_rest_is_done(
    rows: None, keys: Any, make_endpoint: MakeEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = make_endpoint()
    keys.ENCRYPTION_KEYS = [LOST]
    lost.save(update_fields=["secrets"])
    keys.ENCRYPTION_KEYS = [NEW, OLD]
    before = stored(Endpoint, "secrets")
    with pytest.raises(CommandError, match="add the missing key again"):
        call_command("reencrypt")
    out, err = capsys.readouterr()
    assert "endpoints_endpoint.secrets: 2 re-encrypted, 0 already current, 0 changed meanwhile, 1 undecryptable" in out
    assert err == f"{lost.uid}: no key of ENCRYPTION_KEYS decrypts this value of endpoints_endpoint.secrets\n"
    assert stored(Endpoint, "secrets")[-1] == before[-1]


def test_no_lock_is_held_between_rows(transactional_db: None, rows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value is a transaction of its own: a request never waits for the whole run."""
    open_transactions = []

    def watching_decrypt(value: bytes, context: str, row: str) -> bytes:
        open_transactions.append(connection.in_atomic_block)
        return encryption.decrypt(value, context, row)

    monkeypatch.setattr(reencrypt, "decrypt", watching_decrypt)
    call_command("reencrypt")
    assert open_transactions
    assert not any(open_transactions)
