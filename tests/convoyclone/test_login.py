"""The admin's login: whoever guesses passwords is locked out by address, and nobody else is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.server import ROOT, Server, environment
from tests.statements import statements

LOGIN = "/admin/login/"
MOST = 10
NAME, PASSWORD = "operator", "a long and good password"
LOCKED = "Too many wrong passwords came from your address."


class TestInProcess:
    @pytest.fixture(autouse=True)
    def operator(self, db: None) -> User:
        return User.objects.create_superuser(NAME, password=PASSWORD)

    def log_in(self, password: str = PASSWORD, name: str = NAME, **meta: Any) -> Any:
        return Client(**meta).post(LOGIN, {"username": name, "password": password, "next": "/admin/"})

    def guess(self, times: int, **meta: Any) -> list[int]:
        return [self.log_in(f"guess {number}", **meta).status_code for number in range(times)]

    @pytest.mark.slow
    def test_ten_wrong_passwords_are_the_most(self) -> None:
        assert self.guess(MOST) == [200] * (MOST - 1) + [429]
        answer = self.log_in()
        assert (answer.status_code, LOCKED in answer.content.decode()) == (429, True)
        assert "sessionid" not in answer.cookies
        # The right password is not told apart from a wrong one.
        assert self.log_in("wrong").content == answer.content

    @pytest.mark.slow
    def test_of_every_name_together(self) -> None:
        for number in range(MOST):
            self.log_in(name=f"name {number}")
        assert self.log_in().status_code == 429

    @pytest.mark.slow
    @pytest.mark.parametrize("agents", [["one", "two"]])
    def test_whatever_the_client_says_it_is(self, agents: list[str]) -> None:
        for number in range(MOST):
            self.log_in("wrong", HTTP_USER_AGENT=agents[number % 2])
        assert self.log_in(HTTP_USER_AGENT="a third").status_code == 429

    @pytest.mark.slow
    def test_another_address_is_not_locked_out(self) -> None:
        self.guess(MOST, REMOTE_ADDR="203.0.113.7")
        assert self.log_in(REMOTE_ADDR="203.0.113.8").status_code == 302

    @pytest.mark.slow
    def test_a_network_of_one_customer_is_one_address(self) -> None:
        for number in range(MOST):
            self.log_in("wrong", REMOTE_ADDR=f"2001:db8:1:2:{number}::1")
        assert self.log_in(REMOTE_ADDR="2001:db8:1:2:ffff::9").status_code == 429
        assert self.log_in(REMOTE_ADDR="2001:db8:1:3::1").status_code == 302

    @pytest.mark.slow
    def test_an_ipv4_address_in_ipv6_is_itself(self) -> None:
        self.guess(MOST, REMOTE_ADDR="::ffff:203.0.113.7")
        assert self.log_in(REMOTE_ADDR="203.0.113.7").status_code == 429
        assert self.log_in(REMOTE_ADDR="::ffff:203.0.113.8").status_code == 302

    @pytest.mark.slow
    def test_it_ends_after_a_quarter_of_an_hour(self) -> None:
        self.guess(MOST)
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
        assert self.log_in().status_code == 429
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
        assert self.log_in().status_code == 302

    @pytest.mark.slow
    def test_the_right_password_forgets_the_wrong_ones(self) -> None:
        self.guess(MOST - 1)
        assert self.log_in().status_code == 302
        assert self.guess(MOST - 1) == [200] * (MOST - 1)

    def test_no_password_is_stored_and_old_failures_go(self) -> None:
        self.log_in("my secret guess")
        stored = str(list(AccessAttempt.objects.values_list()))
        assert "my secret guess" not in stored
        AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(hours=1))
        self.log_in("another", REMOTE_ADDR="203.0.113.9")
        assert [row.ip_address for row in AccessAttempt.objects.all()] == ["203.0.113.9"]
        assert not AccessLog.objects.exists()

    @pytest.mark.parametrize("name", ["a\x00b", "n" * 300, "", "\U0001f984"])
    def test_strange_names(self, name: str) -> None:
        assert self.log_in("wrong", name=name).status_code == 200

    @pytest.mark.slow
    def test_behind_a_proxy_the_last_address_counts(self, settings: Settings) -> None:
        settings.TRUST_PROXY_HEADERS = True
        for number in range(MOST):
            # The first is the caller's own claim.
            self.log_in("wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.7")
        assert self.log_in(HTTP_X_FORWARDED_FOR="203.0.113.7").status_code == 429
        assert self.log_in(HTTP_X_FORWARDED_FOR="203.0.113.7, 203.0.113.8").status_code == 302

    @pytest.mark.slow
    def test_without_one_its_header_is_not_believed(self) -> None:
        for number in range(MOST):
            self.log_in("wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        assert self.log_in(HTTP_X_FORWARDED_FOR="203.0.113.99").status_code == 429

    def test_no_other_request_pays_for_it(self, client: Client, operator: User) -> None:
        client.force_login(operator)
        with statements() as found:
            assert client.get("/admin/").status_code == 200
        assert not [statement for statement in found if "axes" in statement]


@pytest.mark.server
class TestOverHTTP:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Server]:
        running = Server(tmp_path, TRUST_PROXY_HEADERS="1", WORKERS="1").prepared().start()
        yield running
        running.stop()

    def log_in(self, server: Server, password: str, forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        with httpx.Client(base_url=server.url, headers=headers) as client:
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(LOGIN).text)
            assert found
            form = {"username": NAME, "password": password, "csrfmiddlewaretoken": found[1], "next": "/admin/"}
            return client.post(LOGIN, data=form).status_code

    def test_a_guesser_and_an_operator(self, server: Server) -> None:
        env = environment(
            DATA_DIR=str(server.data), DATABASE_URL=server.database_url, DJANGO_SUPERUSER_PASSWORD=PASSWORD
        )
        command = [
            sys.executable,
            "manage.py",
            "createsuperuser",
            "--noinput",
            f"--username={NAME}",
            "--email=a@b.example",
        ]
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, timeout=60)
        guesser, operator = "203.0.113.7", "203.0.113.8"
        answers = [self.log_in(server, f"guess {number}", f"{operator}, {guesser}") for number in range(MOST)]
        assert answers == [200] * (MOST - 1) + [429]
        assert self.log_in(server, PASSWORD, guesser) == 429
        assert self.log_in(server, PASSWORD, operator) == 302
