"""Access tokens, and failures of a token server, for as long as they are remembered."""

import asyncio
import itertools
import time
from typing import Any

import orjson
import pytest

from outbound import oauth2
from outbound.oauth2 import Tokens, TokenUnavailable
from tests.outbound.receivers import Receiver
from tests.outbound.tokens import ANSWER, answer, asking, let_pass, problem, shared_secret
from tests.server import free_port


class TestWhatIsRemembered:
    def test_one_request_serves_until_the_token_expires(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> list[str]:
            return [await tokens.header("endpoint", shared_secret(server)) for _ in range(3)]

        assert asking(ask) == ["Bearer t0k3n"] * 3
        assert len(server.requests()) == 1

    def test_an_expired_token_is_renewed(self, server: Receiver) -> None:
        answer(server, {"access_token": "first"})

        async def ask(tokens: Tokens) -> list[str]:
            first = await tokens.header("endpoint", shared_secret(server))
            answer(server, {"access_token": "second"})
            let_pass(tokens)
            return [first, await tokens.header("endpoint", shared_secret(server))]

        assert asking(ask) == ["Bearer first", "Bearer second"]

    @pytest.mark.parametrize(("life", "early"), [(100, 10), (600, 60), (3600, 60), (86400, 60)])
    def test_a_token_is_renewed_before_it_expires(self, server: Receiver, life: int, early: int) -> None:
        answer(server, {"access_token": "a", "expires_in": life})

        async def ask(tokens: Tokens) -> float:
            before = time.monotonic()
            await tokens.header("endpoint", shared_secret(server))
            [known] = tokens._known.values()
            return known.until - before

        # Measured from before the request, so that it is a little more.
        assert 0 <= asking(ask) - (min(life, 3600) - early) < 5

    def test_nothing_is_shared_between_endpoints_or_configurations(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> None:
            for endpoint, client_id in itertools.product("ab", "12"):
                await tokens.header(endpoint, shared_secret(server, client_id=client_id))

        asking(ask)
        assert len(server.requests()) == 4

    def test_those_who_ask_at_the_same_time_wait_for_one_request(self, server: Receiver) -> None:
        server.answer("/token", hold=True, body=orjson.dumps(ANSWER))

        async def ask(tokens: Tokens) -> list[str]:
            asked = [asyncio.create_task(tokens.header("endpoint", shared_secret(server))) for _ in range(20)]
            await asyncio.to_thread(server.wait_for, 1)
            server.release()
            return await asyncio.gather(*asked)

        assert asking(ask) == ["Bearer t0k3n"] * 20
        assert len(server.requests()) == 1

    def test_whoever_gives_up_takes_nothing_from_the_others(self, server: Receiver) -> None:
        server.answer("/token", hold=True, body=orjson.dumps(ANSWER))

        async def ask(tokens: Tokens) -> str:
            first = asyncio.create_task(tokens.header("endpoint", shared_secret(server)))
            second = asyncio.create_task(tokens.header("endpoint", shared_secret(server)))
            await asyncio.to_thread(server.wait_for, 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            server.release()
            return await second

        assert asking(ask) == "Bearer t0k3n"
        assert len(server.requests()) == 1

    def test_what_the_receiver_did_not_accept_is_forgotten(self, server: Receiver) -> None:
        async def ask(tokens: Tokens) -> str:
            await tokens.header("endpoint", shared_secret(server))
            answer(server, {"access_token": "second"})
            tokens.forget("endpoint", shared_secret(server))
            tokens.forget("another", shared_secret(server))
            return await tokens.header("endpoint", shared_secret(server))

        assert asking(ask) == "Bearer second"

    def test_no_more_than_so_many(self, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(oauth2, "MAX_TOKENS", 3)

        async def ask(tokens: Tokens) -> int:
            for endpoint in "abcde":
                await tokens.header(endpoint, shared_secret(server))
            await tokens.header("e", shared_secret(server))
            return len(tokens._known)

        assert asking(ask) == 3
        assert len(server.requests()) == 5


class TestOutage:
    def test_an_outage_of_the_token_server_ends(self, server: Receiver) -> None:
        answer(server, {}, 503)

        async def ask(tokens: Tokens) -> str:
            with pytest.raises(TokenUnavailable, match=r"^oauth2: the token server answered 503$"):
                await tokens.header("endpoint", shared_secret(server))
            answer(server, ANSWER)
            assert let_pass(tokens) <= oauth2.FAILURE_SECONDS
            return await tokens.header("endpoint", shared_secret(server))

        assert asking(ask) == "Bearer t0k3n"

    def test_a_token_server_that_fails_is_left_alone_for_a_moment(self, server: Receiver) -> None:
        answer(server, {}, 503)

        async def ask(tokens: Tokens) -> None:
            for _ in range(3):
                with pytest.raises(TokenUnavailable, match="answered 503"):
                    await tokens.header("endpoint", shared_secret(server))

        asking(ask)
        assert len(server.requests()) == 1

    def test_nobody_listens(self, server: Receiver) -> None:
        config = shared_secret(server, url=f"http://127.0.0.1:{free_port()}/token?key=s3cr3t")
        assert problem(config) == ("oauth2: the token server gave no response: connection failed: Connection refused")

    @pytest.mark.parametrize("behaviour", [{"hang": True}, {"drip": 0.05}])
    def test_a_slow_token_server(
        self, server: Receiver, behaviour: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(oauth2, "REQUEST_SECONDS", 0.3)
        server.answer("/token", **behaviour)
        assert "context deadline exceeded" in problem(shared_secret(server))

    def test_a_configuration_that_nobody_has_thought_of(self) -> None:
        assert problem({"authentication_type": "shared_secret"}) == "oauth2: KeyError"
