"""Write the code that a customer pastes to verify signatures, for the settings of one endpoint.

Contract: docs/contract/signatures.md#verification. The code refuses a signature of the other kind, so that an
attacker cannot leave out the time where the endpoint has it signed. The signed text is the body byte for byte: for an
endpoint that receives forms it is the encoded form.
"""

from typing import NamedTuple


class Snippet(NamedTuple):
    """The code in one programming language, with the language's name."""

    language: str
    code: str


def snippets(*, advanced: bool, header: str, hash: str, encoding: str) -> list[Snippet]:  # noqa: A002 - the wire's name
    """Return code in each language that verifies the webhooks of an endpoint.

    `header`, `hash` and `encoding` are values that the configuration of a project's signature accepts. Raises KeyError
    for other values.
    """
    codes = {
        "Python": _python(header, hash, encoding),
        "JavaScript": _javascript(header, hash, encoding),
        "Go": _go(header, hash, encoding),
        "PHP": _php(header, hash, encoding),
    }
    kind = "advanced" if advanced else "simple"
    return [Snippet(language, _filled(_TEMPLATES[language, kind], values)) for language, values in codes.items()]


def _filled(template: str, values: dict[str, str]) -> str:
    # No value contains a placeholder: a header's name is an HTTP token, in which "<" is not allowed.
    for name, value in values.items():
        template = template.replace(f"<<{name}>>", value)
    return template.strip("\n") + "\n"


def _python(header: str, hash_name: str, encoding: str) -> dict[str, str]:
    digest = f'hmac.digest(secret.encode(), message, "{hash_name.lower()}")'
    return {
        "header": header,
        "import": {"hex": "", "base64": "import base64\n"}[encoding],
        "signature": {"hex": f"{digest}.hex().encode()", "base64": f"base64.b64encode({digest})"}[encoding],
    }


def _javascript(header: str, hash_name: str, encoding: str) -> dict[str, str]:
    return {
        "header": header.lower(),
        "hash": hash_name.lower().replace("_", "-"),
        "encoding": {"hex": "hex", "base64": "base64"}[encoding],
    }


#: Package and constructor.
_GO = {
    "MD5": ("crypto/md5", "md5.New"),
    "SHA1": ("crypto/sha1", "sha1.New"),
    "SHA224": ("crypto/sha256", "sha256.New224"),
    "SHA256": ("crypto/sha256", "sha256.New"),
    "SHA384": ("crypto/sha512", "sha512.New384"),
    "SHA512": ("crypto/sha512", "sha512.New"),
    "SHA512_224": ("crypto/sha512", "sha512.New512_224"),
    "SHA512_256": ("crypto/sha512", "sha512.New512_256"),
    "SHA3_224": ("crypto/sha3", "sha3.New224"),
    "SHA3_256": ("crypto/sha3", "sha3.New256"),
    "SHA3_384": ("crypto/sha3", "sha3.New384"),
    "SHA3_512": ("crypto/sha3", "sha3.New512"),
}


def _go(header: str, hash_name: str, encoding: str) -> dict[str, str]:
    package, constructor = _GO[hash_name]
    sha3 = package == "crypto/sha3"  # its constructors return a type of their own, since Go 1.24
    encoder = {"hex": ("encoding/hex", "hex"), "base64": ("encoding/base64", "base64.StdEncoding")}[encoding]
    return {
        "header": header,
        "import hash": f'"{package}"' + (" // Go 1.24 or later" if sha3 else ""),
        "import encoding": f'"{encoder[0]}"',
        "import type": '\n\t"hash"' if sha3 else "",
        "hash": f"func() hash.Hash {{ return {constructor}() }}" if sha3 else constructor,
        "encode": f"{encoder[1]}.EncodeToString",
    }


def _php(header: str, hash_name: str, encoding: str) -> dict[str, str]:
    name = hash_name.lower().replace("sha512_", "sha512/").replace("sha3_", "sha3-")
    return {
        "header": "HTTP_" + header.upper().replace("-", "_").replace("'", r"\'"),
        "before": {"hex": f"hash_hmac('{name}', ", "base64": f"base64_encode(hash_hmac('{name}', "}[encoding],
        "after": {"hex": ", $secret)", "base64": ", $secret, true))"}[encoding],
    }


_TEMPLATES = {
    ("Python", "simple"): '''
<<import>>import hmac


def is_genuine(body: bytes, headers, secrets: list[str]) -> bool:
    """Return whether one of the secrets has signed `body`, the bytes as received."""
    given = headers.get("<<header>>", "").encode(errors="replace")
    return any(hmac.compare_digest(given, sign(body, secret)) for secret in secrets)


def sign(message: bytes, secret: str) -> bytes:
    return <<signature>>
''',
    ("Python", "advanced"): '''
<<import>>import hmac
import re
import time

TOLERANCE = 5 * 60  # seconds


def is_genuine(body: bytes, headers, secrets: list[str]) -> bool:
    """Return whether one of the secrets has recently signed `body`, the bytes as received."""
    header = headers.get("<<header>>", "")
    parts = [part.partition("=") for part in header.split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    if not re.fullmatch("[0-9]{1,12}", sent_at) or abs(time.time() - int(sent_at)) > TOLERANCE:
        return False
    signatures = [value.encode(errors="replace") for name, _, value in parts if name.startswith("v")]
    expected = [sign(sent_at.encode() + b"," + body, secret) for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in signatures for other in expected)


def sign(message: bytes, secret: str) -> bytes:
    return <<signature>>
''',
    ("JavaScript", "simple"): """
import { createHmac, timingSafeEqual } from "node:crypto";

/** Returns whether one of the secrets has signed `body`, a Buffer of the bytes as received. */
export function isGenuine(body, headers, secrets) {
  const given = headers["<<header>>"] ?? "";
  return secrets.some((secret) => isSame(given, sign(body, secret)));
}

function sign(message, secret) {
  return createHmac("<<hash>>", secret).update(message).digest("<<encoding>>");
}

function isSame(given, expected) {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
""",
    ("JavaScript", "advanced"): r"""
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE = 5 * 60; // seconds

/** Returns whether one of the secrets has recently signed `body`, a Buffer of the bytes as received. */
export function isGenuine(body, headers, secrets) {
  const parts = (headers["<<header>>"] ?? "").split(",").map((part) => part.split(/=(.*)/));
  const [, sentAt = ""] = parts.find(([name]) => name === "t") ?? [];
  const age = Math.abs(Date.now() / 1000 - Number(sentAt));
  if (!/^\d{1,12}$/.test(sentAt) || age > TOLERANCE) return false;
  const signatures = parts.filter(([name]) => name.startsWith("v")).map(([, value = ""]) => value);
  const expected = secrets.map((secret) => sign(Buffer.concat([Buffer.from(`${sentAt},`), body]), secret));
  return signatures.some((one) => expected.some((other) => isSame(one, other)));
}

function sign(message, secret) {
  return createHmac("<<hash>>", secret).update(message).digest("<<encoding>>");
}

function isSame(given, expected) {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
""",
    ("Go", "simple"): """
package webhooks

import (
	"crypto/hmac"
	<<import hash>>
	<<import encoding>><<import type>>
	"net/http"
)

// IsGenuine reports whether one of the secrets has signed body, the bytes as received.
func IsGenuine(body []byte, header http.Header, secrets []string) bool {
	given := header.Get("<<header>>")
	for _, secret := range secrets {
		mac := hmac.New(<<hash>>, []byte(secret))
		mac.Write(body)
		expected := <<encode>>(mac.Sum(nil))
		if hmac.Equal([]byte(given), []byte(expected)) {
			return true
		}
	}
	return false
}
""",
    ("Go", "advanced"): """
package webhooks

import (
	"crypto/hmac"
	<<import hash>>
	<<import encoding>>
	"fmt"<<import type>>
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// IsGenuine reports whether one of the secrets has recently signed body, the bytes as received.
func IsGenuine(body []byte, header http.Header, secrets []string) bool {
	var sentAt string
	var signatures []string
	for _, part := range strings.Split(header.Get("<<header>>"), ",") {
		if name, value, _ := strings.Cut(part, "="); name == "t" {
			sentAt = value
		} else if strings.HasPrefix(name, "v") {
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	return slices.ContainsFunc(secrets, func(secret string) bool {
		mac := hmac.New(<<hash>>, []byte(secret))
		fmt.Fprintf(mac, "%s,%s", sentAt, body)
		expected := <<encode>>(mac.Sum(nil))
		return slices.ContainsFunc(signatures, func(given string) bool {
			return hmac.Equal([]byte(given), []byte(expected))
		})
	})
}
""",
    ("PHP", "simple"): """
<?php

/** Returns whether one of the secrets has signed $body, as read from php://input. */
function is_genuine(string $body, array $secrets): bool
{
    $given = $_SERVER['<<header>>'] ?? '';
    foreach ($secrets as $secret) {
        if (hash_equals(<<before>>$body<<after>>, $given)) {
            return true;
        }
    }
    return false;
}
""",
    ("PHP", "advanced"): """
<?php

/** Returns whether one of the secrets has recently signed $body, as read from php://input. */
function is_genuine(string $body, array $secrets): bool
{
    [$sentAt, $signatures] = ['', []];
    foreach (explode(',', $_SERVER['<<header>>'] ?? '') as $part) {
        [$name, $value] = explode('=', $part, 2) + ['', ''];
        if ($name === 't') {
            $sentAt = $value;
        } elseif (str_starts_with($name, 'v')) {
            $signatures[] = $value;
        }
    }
    if (!ctype_digit($sentAt) || abs(time() - (int) $sentAt) > 300) {
        return false;
    }
    foreach ($secrets as $secret) {
        $expected = <<before>>"$sentAt,$body"<<after>>;
        foreach ($signatures as $signature) {
            if (hash_equals($expected, $signature)) {
                return true;
            }
        }
    }
    return false;
}
""",
}
