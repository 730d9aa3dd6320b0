"""DATABASE_URL: what cannot be read is refused without a part of its password."""

import pytest

from convoyclone import database


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql://ada:sec@ret@db/x", "postgresql://ada:sec/ret@db/x", "postgresql://ada:12/sec@db/x"),
        *("postgresql://ada:sec%zzret@db/x", "postgres://ada:sec ret@db/x", "postgresql://ada:a@sec?ret@db/x"),
        *("postgresql://ada:sec@ret/x@db/x", "postgresql://ada:a@[sec", "postgresql://ada:sec%00ret@db/x"),
    ],
)
def test_a_password_that_is_not_escaped_is_not_quoted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    for read in (database.ensure_running, lambda: database.django_settings(url)):
        with pytest.raises(database.DatabaseUnavailable) as refusal:
            read()
        assert str(refusal.value) == database.UNREADABLE
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "password", "host"),
    [
        ("postgresql://ada:p%40s%2Fs%3F%25@db.internal:5432/x", "p@s/s?%", "db.internal"),
        ("postgresql://ada:p:w#d@db.internal/x?application_name=a@b", "p:w#d", "db.internal"),
        ("postgresql://ada@%2Frun%2Fpostgresql/x", "", "/run/postgresql"),
        ("postgresql:///x?host=/run/postgresql", "", "/run/postgresql"),
    ],
)
def test_what_can_be_read(url: str, password: str, host: str) -> None:
    settings = database.django_settings(url)
    assert (settings["PASSWORD"], settings["HOST"]) == (password, host)
