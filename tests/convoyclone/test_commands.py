"""The `convoyclone` command, and its doctor."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from convoyclone import doctor
from convoyclone.commands import main
from tests.server import ROOT, environment, free_port


def test_the_entry_point_and_the_version_are_the_codes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["scripts"]["convoyclone"].partition(":")
    assert getattr(import_module(module), function) is main
    assert project["version"] == import_module("convoyclone.settings").VERSION


def test_the_package_has_every_app(settings: Settings) -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    packages = set(tools["importlinter"]["root_packages"])
    ours = {app for app in settings.INSTALLED_APPS if (ROOT / app / "__init__.py").exists()}
    assert "core" in ours
    assert ours < packages
    assert {f"{package}*" for package in packages} == set(tools["setuptools"]["packages"]["find"]["include"])
    assert all((ROOT / package / "__init__.py").exists() for package in packages)


@pytest.mark.parametrize(("word", "code"), [("--help", 0), ("delete", 2)])
def test_the_usage(
    word: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main([word]) == code
    assert "usage: convoyclone" in capsys.readouterr().out


def run(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own."""
    program = "import sys; from convoyclone.commands import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.server
class TestProcess:
    SECRETS = {name: os.environ[name] for name in ("SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEYS")}

    def test_the_doctor_says_which_setting_is_wrong(self, tmp_path: Path) -> None:
        done = run("doctor", DATA_DIR=str(tmp_path))
        assert done.returncode == 1
        assert "SECRET_KEY must be set" in done.stdout

    def test_the_doctor_says_that_the_database_is_away(self, tmp_path: Path) -> None:
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
        done = run("doctor", DATA_DIR=str(tmp_path), DATABASE_URL=url, **self.SECRETS)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "The other checks need this one."

    def test_serving_needs_a_database(self, tmp_path: Path) -> None:
        done = run("serve", DATA_DIR=str(tmp_path), **self.SECRETS)
        assert (done.returncode, "serve needs DATABASE_URL" in done.stderr) == (1, True)


class TestChecks:
    def test_a_network_that_admits_everything(self, settings: Settings) -> None:
        settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("10.0.0.0/8")]
        assert not doctor.check_outbound().advice
        settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("0.0.0.0/0")]
        assert doctor.check_outbound().advice

    @pytest.mark.parametrize(
        ("base_url", "trusted", "is_good"),
        [("https://a.example", True, True), ("https://a.example", False, False), ("http://a.example", True, False)],
    )
    def test_tls(self, settings: Settings, base_url: str, trusted: bool, is_good: bool) -> None:
        settings.BASE_URL, settings.TRUST_PROXY_HEADERS = base_url, trusted
        assert (not doctor.check_tls().advice) == is_good

    @pytest.mark.django_db
    def test_the_tests_database_is_well(self) -> None:
        assert [check().advice for check in (doctor.check_migrations, doctor.check_time)] == ["", ""]
