"""The files of deploy/: their rules are those of the documentation, and their numbers those of the settings."""

import re

import yaml

from convoyclone import settings
from tests.server import ROOT

DEPLOY = ROOT / "deploy"


def test_the_rules_are_those_of_the_documentation_and_know_the_setting() -> None:
    written = re.search(r"```yaml\n(groups:.*?)```", (ROOT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    assert written
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text("utf-8"))
    assert rules == yaml.safe_load(written[1])
    [full] = [one["expr"] for one in rules["groups"][0]["rules"] if one["alert"] == "WorkersAreFull"]
    assert f"> 0.7 * {settings.DELIVERY_CONCURRENCY}" in full


def test_a_worker_has_the_time_to_stop() -> None:
    seconds = settings.DELIVERY_MAX_TIMEOUT_SECONDS + 30
    unit = (DEPLOY / "systemd/convoyclone-worker.service").read_text("utf-8")
    assert f"TimeoutStopSec={seconds}\n" in unit
    assert f"stop_grace_period: {seconds}s\n" in (DEPLOY / "compose.yaml").read_text("utf-8")
    assert f"terminationGracePeriodSeconds: {seconds}\n" in (DEPLOY / "kubernetes/convoyclone.yaml").read_text("utf-8")


def test_nginx_takes_a_body_as_long_as_the_server_does() -> None:
    assert settings.MAX_REQUEST_BODY_BYTES == 1024 * 1024
    assert "client_max_body_size 1m;" in (DEPLOY / "nginx.conf").read_text("utf-8")
