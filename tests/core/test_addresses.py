"""URLs that customers give us: what can be read, and what does not point into our own network."""

import pytest

from core.addresses import is_public_url, split_url


class TestSplitURL:
    @pytest.mark.parametrize(
        ("url", "scheme", "host", "port"),
        [
            ("https://example.com", "https", "example.com", None),
            ("HTTPS://Example.COM:8443/Path?q#f", "https", "example.com", 8443),
            ("http://ada:secret@example.com/", "http", "example.com", None),
            ("http://[::1]:80/", "http", "::1", 80),
            ("https://例え.jp", "https", "例え.jp", None),
            ("mailto:ada@example.com", "mailto", None, None),
            ("example.com", "", None, None),
            ("https://", "https", None, None),
            ("", "", None, None),
        ],
    )
    def test_reads(self, url: str, scheme: str, host: str | None, port: int | None) -> None:
        parts = split_url(url)
        assert (parts.scheme, parts.hostname, parts.port) == (scheme, host, port)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            *(
                (url, "invalid endpoint url: it contains a space or a control character")
                for url in ("https://a b", "https://a/\n", "\thttps://a", "https://a\x00", "https://a\x7f", " ")
            ),
            ("https://a:99999", "invalid endpoint url: Port out of range 0-65535"),
            ("https://a:x", "invalid endpoint url: Port could not be cast to integer value as 'x'"),
            ("https://a:-1", "invalid endpoint url: Port could not be cast to integer value as '-1'"),
            ("https://[::1", "invalid endpoint url: Invalid IPv6 URL"),
            ("https://[x]", "invalid endpoint url: 'x' does not appear to be an IPv4 or IPv6 address"),
            ("https://a\\@b", "invalid endpoint url: its host contains a backslash"),
        ],
    )
    def test_refuses(self, url: str, message: str) -> None:
        with pytest.raises(ValueError, match="invalid endpoint url: ") as refusal:
            split_url(url)
        assert str(refusal.value) == message

    def test_refuses_a_host_that_turns_into_another_url(self) -> None:
        with pytest.raises(ValueError, match=r"invalid endpoint url: netloc .* under NFKC normalization"):
            split_url("https://example.com\uff0f@localhost")


class TestIsPublicURL:
    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com",
            "http://example.com:8080/path?query#fragment",
            "HTTPS://EXAMPLE.COM",
            "https://example.com./",
            "https://ada:secret@example.com",
            "https://under_score.example.com",
            "https://xn--r8jz45g.jp",
            "https://例え.jp",
            "https://localhost.example.com",
            "https://127.example",
            "https://10.0.0.1.nip.example",
            "https://1.1.1.1",
            "https://1.1.1.1.",
            "https://[2606:4700:4700::1111]",
            "https://[64:ff9b::101:101]",
            "https://[::ffff:1.1.1.1]",
            "https://[2002:0101:0101::]",
        ],
    )
    def test_public(self, url: str) -> None:
        assert is_public_url(url) is True

    @pytest.mark.parametrize(
        "url",
        [
            # no URL of ours
            *(
                "",
                " ",
                "example.com",
                "//example.com",
                "ftp://example.com",
                "file:///etc/passwd",
                "javascript:alert(1)",
            ),
            *("https://", "https:///path", "https://:443", "https://user@", "https://.", "https://..", "https://a..b"),
            *("https://a b", "https://a\n", "https://a:99999", "https://[::1", "https://[x]", "https://" + "a" * 64),
            # this machine
            *(
                "http://localhost",
                "http://LOCALHOST:80",
                "http://localhost.",
                "http://a.localhost",
                "http://a.LocalHost.",
            ),
            *("http://user@localhost", "http://example.com@localhost", "http://a\\@localhost"),
            *("http://127.0.0.1", "http://127.0.0.1.", "http://127.255.255.254", "http://0.0.0.0", "http://[::1]"),
            "http://[::]",
            # the same in other notations
            *("http://2130706433", "http://127.1", "http://127.0.1", "http://0177.0.0.1", "http://0x7f.0.0.1"),
            *(
                "http://0x7f000001",
                "http://0X7F.1",
                "http://0",
                "http://0x",
                "http://1.2.3.4.5",
                "http://a.1",
                "http://a.0x1",
            ),
            *(
                "http://127。0。0。1",
                "http://\uff11\uff12\uff17.0.0.1",
                "http://①②⑦.0.0.1",
                "http://ⓛocalhost",
                "http://localhost。",
            ),
            *("http://%6cocalhost", "http://127.0.0.%31", "http://LOCALHO\u017fT"),
            # private, link-local, shared, reserved and test networks, multicast
            *("http://10.0.0.1", "http://172.16.0.1", "http://172.31.255.255", "http://192.168.1.1"),
            *("http://169.254.169.254", "http://100.64.0.1", "http://192.0.2.1", "http://198.18.0.1"),
            *("http://203.0.113.1", "http://240.0.0.1", "http://255.255.255.255", "http://224.0.0.1"),
            *("http://[fe80::1]", "http://[fe80::1%eth0]", "http://[fc00::1]", "http://[fd00:ec2::254]"),
            *("http://[ff02::1]", "http://[2001:db8::1]", "http://[fec0::1]", "http://[100::1]"),
            # IPv4 inside of IPv6
            *("http://[::ffff:127.0.0.1]", "http://[::ffff:a9fe:a9fe]", "http://[::127.0.0.1]"),
            *("http://[64:ff9b::7f00:1]", "http://[64:ff9b:1::7f00:1]", "http://[2002:7f00:1::]"),
            *("http://[2002:a9fe:a9fe::1]", "http://[2001:0:7f00:1::]"),
            *("http://[64:ff9b::a9fe:a9fe]", "http://[2606:4700:4700::1111%eth0]"),
            # networks of protocols, relays, metadata services and documentation
            *("http://192.88.99.1", "http://192.0.0.192", "http://192.0.0.8", "http://168.63.129.16"),
            *("http://[3fff::1]", "http://[::ffff:168.63.129.16]", "http://[2002:a83f:8110::]"),
        ],
    )
    def test_not_public(self, url: str) -> None:
        assert is_public_url(url) is False
