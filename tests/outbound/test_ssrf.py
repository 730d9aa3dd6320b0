"""Requests that are meant to reach what the public does not: none gets through, and each says why."""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from core.ip_addresses import Network
from outbound.addresses import refusal
from outbound.client import Exchange, Outbound
from tests.outbound.receivers import Receiver
from tests.outbound.sending import post

GUARD = "ssrf guard: blocked connection to metadata/link-local address"
NOT_ALLOWED = "ssrf guard: address not allowed:"


@pytest.fixture
def inside() -> Iterator[Receiver]:
    """A receiver that nobody may reach."""
    with Receiver() as running:
        yield running
        assert running.requests() == []


class Names(AbstractResolver):
    """A name server: each lookup takes the next of its answers, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.lookups = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.lookups += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in found
        ]

    async def close(self) -> None:
        pass


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            *("1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
            *("2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"),
        ],
    )
    def test_public(self, address: str) -> None:
        assert refusal(address) == ""

    @pytest.mark.parametrize(
        ("address", "reason"),
        [
            *(("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"), ("::1", "loopback")),
            *(("0.0.0.0", "unspecified"), ("::", "unspecified"), ("0.1.2.3", "not public")),  # noqa: S104
            *(("10.0.0.1", "not public"), ("172.16.0.1", "not public"), ("172.31.255.255", "not public")),
            *(("192.168.1.1", "not public"), ("100.64.0.1", "not public"), ("100.127.255.255", "not public")),
            *(("192.0.2.1", "not public"), ("198.51.100.1", "not public"), ("203.0.113.1", "not public")),
            *(("198.18.0.1", "not public"), ("192.0.0.9", "not public"), ("3fff::1", "not public")),
            *(("192.88.99.1", "not public"), ("192.0.0.8", "not public")),
            *(("224.0.0.1", "multicast"), ("239.255.255.250", "multicast"), ("ff0e::1", "multicast")),
            *(("240.0.0.1", "reserved"), ("255.255.255.255", "reserved")),
            *(("fc00::1", "not public"), ("fd12::1", "not public"), ("fec0::1", "not public")),
            *(("2001:db8::1", "not public"), ("100::1", "reserved"), ("4000::1", "reserved")),
            ("64:ff9b:1::7f00:1", "reserved"),
            # IPv4 inside of IPv6
            *(("::ffff:127.0.0.1", "loopback"), ("::ffff:10.0.0.1", "not public"), ("::ffff:0.0.0.0", "unspecified")),
            *(("::127.0.0.1", "loopback"), ("64:ff9b::7f00:1", "loopback"), ("64:ff9b::a00:1", "not public")),
            *(("2002:7f00:1::", "loopback"), ("2002:c0a8:101::1", "not public"), ("2001:0:7f00:1::", "not public")),
        ],
    )
    def test_not_public(self, address: str, reason: str) -> None:
        assert refusal(address).startswith(f"{NOT_ALLOWED} ")
        assert refusal(address).endswith(f" ({reason})")

    @pytest.mark.parametrize(
        "address",
        [
            *("169.254.169.254", "169.254.0.1", "fe80::1", "fd00:ec2::254", "ff02::1"),
            *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
            *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254"),
        ],
    )
    def test_the_metadata_guard_stays_whatever_is_allowed(self, address: str) -> None:
        everything: list[Network] = [ip_network("0.0.0.0/0"), ip_network("::/0")]
        assert refusal(address, everything).startswith(f"{GUARD} ")
        assert refusal(address).startswith(f"{GUARD} ")

    def test_what_an_operator_names_is_reachable(self) -> None:
        assert refusal("169.254.169.254", [ip_network("169.254.169.254/32")]) == ""
        assert refusal("169.254.1.1", [ip_network("169.254.169.254/32")])
        assert refusal("fd00:ec2::254", [ip_network("fd00:ec2::254/128")]) == ""
        assert refusal("10.1.2.3", [ip_network("10.0.0.0/8")]) == ""
        assert refusal("10.1.2.3", [ip_network("10.2.0.0/16"), ip_network("::/0")])
        assert refusal("::1", [ip_network("::1/128")]) == ""
        assert refusal("::1", [ip_network("0.0.0.0/0")])

    def test_a_mapped_address_is_the_one_that_it_stands_for(self) -> None:
        assert refusal("::ffff:127.0.0.1", [ip_network("127.0.0.0/8")]) == ""
        assert refusal("::ffff:127.0.0.1", [ip_network("10.0.0.0/8")])

    @pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "1.1.1.1 "])
    def test_what_is_no_address(self, text: str) -> None:
        assert refusal(text, [ip_network("0.0.0.0/0")]) == f"{NOT_ALLOWED} it is not an IP address"

    def test_an_address_with_a_zone(self) -> None:
        assert refusal("fe80::1%lo", [ip_network("fe80::/10")]) == f"{NOT_ALLOWED} fe80::1%lo (with a zone)"


class TestBattery:
    @pytest.mark.parametrize(
        "host",
        [
            # this machine
            *("127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "localhost.", "0.0.0.0", "[::1]", "[::]"),  # noqa: S104
            # in other notations
            *("2130706433", "017700000001", "0x7f000001", "0x7f.1", "0X7F.1", "0177.0.0.1", "127.1", "127.0.1", "0"),
            *("127.0.0.1.", "127.0.0.01", "127.0.0.1..", "0x", "1.2.3.4.5", "127.0.0.256"),
            *("①②⑦.0.0.1", "\uff11\uff12\uff17.0.0.1", "127。0。0。1", "127.0.0.%31", "%31%32%37.0.0.1", "ⓛocalhost"),
            # IPv4 inside of IPv6
            *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]"),
            *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25lo]"),
            # user names
            *("example.com@127.0.0.1", "example.com:80@127.0.0.1", "127.0.0.1@example.com"),
            *("a\\@127.0.0.1", "127.0.0.1\\@example.com", "127.0.0.1#@example.com", "example.com#@127.0.0.1"),
            *("127.0.0.1%00.example.com", "127.0.0.1\t", "\n127.0.0.1", "127.0.0.1 "),
            # metadata and private networks
            *("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe"),
            *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.100.100.200", "168.63.129.16", "224.0.0.1"),
            *("192.88.99.1", "192.0.0.192", "192.0.0.8", "[3fff::1]"),
        ],
    )
    def test_nothing_gets_through(self, inside: Receiver, host: str) -> None:
        resolver = Names(["127.0.0.1"]) if "example.com" in host else None
        exchange = post(f"http://{host}:{inside.port}/", allowed_networks=(), resolver=resolver)
        assert (exchange.status, exchange.was_sent, exchange.ip_address) == (None, False, "")
        assert exchange.error.startswith(("ssrf guard: ", "invalid endpoint url: ", "lookup of the host failed: "))

    @pytest.mark.parametrize(
        ("host", "error"),
        [
            ("127.0.0.1", f"{NOT_ALLOWED} 127.0.0.1 (loopback)"),
            ("[::1]", f"{NOT_ALLOWED} ::1 (loopback)"),
            ("[::ffff:127.0.0.1]", f"{NOT_ALLOWED} ::ffff:7f00:1 (loopback)"),
            ("①②⑦.0.0.1", f"{NOT_ALLOWED} 127.0.0.1 (loopback)"),
            ("169.254.169.254", f"{GUARD} 169.254.169.254"),
            ("10.0.0.1", f"{NOT_ALLOWED} 10.0.0.1 (not public)"),
            ("2130706433", "invalid endpoint url: address not allowed: it is an IP address in an unusual notation"),
            ("0x7f.1", "invalid endpoint url: address not allowed: it is an IP address in an unusual notation"),
            ("a@127.0.0.1", "invalid endpoint url: it contains a user name or password"),
        ],
    )
    def test_the_reason_is_told(self, inside: Receiver, host: str, error: str) -> None:
        assert post(f"http://{host}:{inside.port}/", allowed_networks=()).error == error

    def test_a_refused_address_may_be_allowed_later(self, inside: Receiver) -> None:
        assert post(inside.url("/"), allowed_networks=()).is_permanent is False

    def test_https_is_refused_alike(self, inside: Receiver) -> None:
        exchange = post(f"https://127.0.0.1:{inside.port}/", allowed_networks=())
        assert exchange.error == f"{NOT_ALLOWED} 127.0.0.1 (loopback)"


class TestNames:
    @pytest.mark.parametrize(
        ("address", "error"),
        [
            ("127.0.0.1", f"{NOT_ALLOWED} 127.0.0.1 (loopback)"),
            ("169.254.169.254", f"{GUARD} 169.254.169.254"),
            ("::ffff:127.0.0.1", f"{NOT_ALLOWED} ::ffff:7f00:1 (loopback)"),
            ("localhost", f"{NOT_ALLOWED} it is not an IP address"),
            ("::1%lo", f"{NOT_ALLOWED} ::1%lo (with a zone)"),
        ],
    )
    def test_a_name_that_leads_inside(self, inside: Receiver, address: str, error: str) -> None:
        exchange = post(inside.url("/", host="innocent.test"), allowed_networks=(), resolver=Names([address]))
        assert (exchange.status, exchange.error, exchange.was_sent) == (None, error, False)

    def test_the_first_acceptable_address_is_used(self) -> None:
        with Receiver() as receiver:
            exchange = post(
                receiver.url("/", host="several.test"),
                allowed_networks=[ip_network("127.0.0.1/32")],
                resolver=Names(["10.0.0.1", "169.254.169.254", *["127.0.0.2"] * 20, "127.0.0.1"]),
            )
            assert (exchange.status, exchange.ip_address) == (200, "127.0.0.1")
            [request] = receiver.requests()
            assert request.header("Host") == f"several.test:{receiver.port}"

    def test_a_name_without_an_address(self) -> None:
        assert (
            post("http://empty.test/", resolver=Names([])).error == "lookup of the host failed: the name has no address"
        )

    def test_a_name_with_very_many_addresses_ends_soon(self, inside: Receiver) -> None:
        # Each refuses the connection: nobody listens there, on this port.
        many = [f"127.1.{high}.{low}" for high in range(20) for low in range(1, 250)]
        exchange = post(inside.url("/", host="many.test"), resolver=Names(many), timeout=60)
        assert exchange.error == "connection failed: Connection refused"

    def test_rebinding_between_two_requests(self, inside: Receiver) -> None:
        allowed = [ip_network("127.0.0.2/32")]
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        with Receiver("127.0.0.2") as outside:
            outside.answer("/", headers=[("Connection", "close")])

            async def twice() -> list[Exchange]:
                async with Outbound(allowed_networks=allowed, resolver=names, dns_ttl=0) as outbound:
                    first = await outbound.post(
                        outside.url("/", host="rebinding.test"), headers=[], body=b"", timeout=30
                    )
                    second = await outbound.post(
                        inside.url("/", host="rebinding.test"), headers=[], body=b"", timeout=30
                    )
                    return [first, second]

            first, second = asyncio.run(twice())
        assert (first.status, first.ip_address) == (200, "127.0.0.2")
        assert (second.status, second.error) == (None, f"{NOT_ALLOWED} 127.0.0.1 (loopback)")

    def test_rebinding_between_check_and_connect(self) -> None:
        # The name is looked up once, so the second answer is never asked for.
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        with Receiver("127.0.0.2") as outside:
            exchange = post(
                outside.url("/", host="rebinding.test"), allowed_networks=[ip_network("127.0.0.2/32")], resolver=names
            )
        assert (exchange.status, exchange.ip_address, names.lookups) == (200, "127.0.0.2", 1)

    def test_a_lookup_that_hangs_is_bounded_and_holds_up_nobody(self) -> None:
        class Hanging(Names):
            async def resolve(
                self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
            ) -> list[ResolveResult]:
                if host == "hanging.test":
                    await asyncio.Event().wait()
                return await super().resolve(host, port, family)

        with Receiver() as receiver:

            async def both() -> tuple[Exchange, Exchange]:
                allowed = [ip_network("127.0.0.0/8")]
                async with Outbound(allowed_networks=allowed, resolver=Hanging(["127.0.0.1"])) as outbound:
                    return await asyncio.gather(
                        outbound.post(receiver.url("/", host="hanging.test"), headers=[], body=b"", timeout=0.5),
                        outbound.post(receiver.url("/", host="answering.test"), headers=[], body=b"", timeout=30),
                    )

            hanging, answering = asyncio.run(both())
        assert hanging.error.startswith("context deadline exceeded: ")
        assert (hanging.was_sent, answering.status) == (False, 200)


class TestRedirects:
    def test_a_redirect_leads_nowhere(self, inside: Receiver) -> None:
        with Receiver("127.0.0.2") as outside:
            for status in (301, 302, 303, 307, 308):
                outside.answer("/", status=status, redirect=inside.url("/"))
                exchange = post(outside.url("/"))
                assert (exchange.status, exchange.ip_address) == (status, "127.0.0.2")
