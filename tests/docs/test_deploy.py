"""The files of deploy/: their rules are those of the documentation, and their numbers those of the settings."""

import json
import re

import pytest
import yaml
from prometheus_client import CollectorRegistry

from convoyclone import settings
from deliveries.figures import QueueCollector
from engine.metrics import ATTEMPTS, IN_FLIGHT, LIMIT, SECONDS
from engine.shares import Places
from tests.server import ROOT

DEPLOY = ROOT / "deploy"


def test_the_rules_are_those_of_the_documentation_and_hold_no_number_of_a_setting() -> None:
    written = re.search(r"```yaml\n(groups:.*?)```", (ROOT / "docs/operations.md").read_text("utf-8"), re.DOTALL)
    assert written
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text("utf-8"))
    assert rules == yaml.safe_load(written[1])
    [full] = [one["expr"] for one in rules["groups"][0]["rules"] if one["alert"] == "WorkersAreFull"]
    assert full == "min(convoyclone_attempts_in_flight / convoyclone_attempts_in_flight_limit) > 0.7"
    # A project alone fills three quarters, which must alert too.
    assert Places(100).room("one") / 100 > 0.7


def test_a_worker_has_the_time_to_stop() -> None:
    seconds = settings.DELIVERY_MAX_TIMEOUT_SECONDS + 30
    unit = (DEPLOY / "systemd/convoyclone-worker.service").read_text("utf-8")
    assert f"TimeoutStopSec={seconds}\n" in unit
    assert f"stop_grace_period: {seconds}s\n" in (DEPLOY / "compose.yaml").read_text("utf-8")
    assert f"terminationGracePeriodSeconds: {seconds}\n" in (DEPLOY / "kubernetes/convoyclone.yaml").read_text("utf-8")


def test_nginx_takes_a_body_as_long_as_the_server_does() -> None:
    assert settings.MAX_REQUEST_BODY_BYTES == 1024 * 1024
    assert "client_max_body_size 1m;" in (DEPLOY / "nginx.conf").read_text("utf-8")


@pytest.mark.django_db
def test_the_board_reads_each_metric_and_no_other() -> None:
    board = json.loads((DEPLOY / "grafana/convoyclone.json").read_text("utf-8"))
    read = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"convoyclone_\w+", target["expr"])
    }
    registry = CollectorRegistry()
    for collector in (ATTEMPTS, SECONDS, IN_FLIGHT, LIMIT, QueueCollector()):
        registry.register(collector)
    served = {sample.name for family in registry.collect() for sample in family.samples}
    assert read == {name for name in served if not name.endswith(("_created", "_sum", "_count"))}
