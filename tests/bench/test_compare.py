"""`script/bench compare` loads this machine alone, unless it is told otherwise."""

import socket

import pytest

from bench.compare import server_of


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://0.0.0.0:1", "http://10.0.0.1:5005"])
def test_other_machines_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--anywhere"):
        server_of(url, is_anywhere=False)


@pytest.mark.parametrize(
    "url", ["localhost:5005", "ftp://localhost", "http://", "http://u:p@localhost", "http://a/?b=1"]
)
def test_what_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the URL must be"):
        server_of(url, is_anywhere=False)


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/"])
def test_a_server_of_this_machine(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server, base = server_of(f"http://localhost:{port}{path}", is_anywhere=False)
    assert (server.address, server.port, server.name, server.is_tls, base) == (
        "127.0.0.1",
        port,
        "localhost",
        False,
        "",
    )


def test_a_path_before_the_api_stays() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _, base = server_of(f"http://127.0.0.1:{listener.getsockname()[1]}/convoy/api", is_anywhere=False)
    assert base == "/convoy"
