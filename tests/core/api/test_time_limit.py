"""Statements that take too long are given up on."""

import pytest
from django.db import OperationalError, connection

from core.api.time_limit import TookTooLong, time_limit


def ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
class TestTimeLimit:
    def test_what_takes_too_long(self) -> None:
        with pytest.raises(TookTooLong) as refusal, time_limit(0.05, "too long"):
            ask("SELECT pg_sleep(60)")
        assert (refusal.value.status, refusal.value.message) == (504, "too long")
        assert ask("SELECT 1") == "1"

    def test_it_ends_with_the_block(self) -> None:
        with time_limit(0.5, "too long"):
            assert ask("SHOW statement_timeout") == "500ms"
            assert ask("SHOW plan_cache_mode") == "force_custom_plan"
        assert ask("SHOW statement_timeout") == "0"
        assert ask("SHOW plan_cache_mode") == "auto"

    def test_another_failure_is_none_of_its(self) -> None:
        with pytest.raises(OperationalError), time_limit(1, "too long"):
            ask("SELECT pg_terminate_backend(pg_backend_pid())")
        connection.close()


@pytest.mark.django_db
def test_inside_of_a_transaction_it_ends_too() -> None:
    with time_limit(0.5, "too long"):
        assert ask("SHOW statement_timeout") == "500ms"
    assert ask("SHOW statement_timeout") == "0"
