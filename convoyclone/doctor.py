"""Examine an installation (`convoyclone doctor`), and say what to do about each problem."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from convoyclone.database import DatabaseUnavailable, django_settings, ensure_running, own_the_environment

#: The oldest PostgreSQL, as its server_version_num.
OLDEST = 140_000
#: Clocks that differ by more make signatures look old to receivers.
MOST_SECONDS_APART = 5
WAIT_SECONDS = 5


class Finding(NamedTuple):
    """The finding of a check. `advice` says what to do; it is empty where all is well."""

    text: str
    advice: str = ""


def examine() -> int:
    """Print a line for each check, with advice where something is wrong. Returns 1 where something is."""
    own_the_environment()
    problems = 0
    for name, check in CHECKS.items():
        finding = _found(check)
        print(f"{'look' if finding.advice else 'ok  '}  {name:<11} {finding.text}")
        if finding.advice:
            problems += 1
            print(f"      {'':<11} {finding.advice}")
        if name in NEEDED and finding.advice:
            print("The other checks need this one.")
            break
    return 1 if problems else 0


def _found(check: Callable[[], Finding]) -> Finding:
    from django.db import Error

    try:
        return check()
    except (ImproperlyConfigured, DatabaseUnavailable) as error:
        return Finding(str(error), "Set it in the environment of this process (docs/settings.md).")
    except (Error, OSError, smtplib.SMTPException) as error:
        return Finding(" ".join(str(error).split()), "Look at the address, the network and the credentials.")


def check_settings() -> Finding:
    """Read all settings; each that is wrong raises ImproperlyConfigured."""
    return Finding(f"BASE_URL is {settings.BASE_URL}, hosts {', '.join(settings.ALLOWED_HOSTS)}")


def check_database() -> Finding:
    """Connect, and compare the version of PostgreSQL."""
    import django

    # The address of the embedded database is known only now.
    settings.DATABASES["default"] = django_settings(ensure_running())
    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone()
    too_old = "Use PostgreSQL 14 or later." if number < OLDEST else ""
    return Finding(f"PostgreSQL {version}", too_old)


def check_migrations() -> Finding:
    """Compare the database's migrations with those of this version."""
    from core.readiness import why_not_ready

    problem = why_not_ready()
    return Finding(problem, "Run: convoyclone migrate") if problem else Finding("all are applied")


def check_time() -> Finding:
    """Compare this machine's clock with the database's."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [there] = cursor.fetchone()
    apart = abs((datetime.now(UTC) - there).total_seconds())
    return Finding(
        f"the clocks of this machine and of the database are {apart:.1f} s apart",
        "Set both by NTP: receivers refuse signatures that look old." if apart > MOST_SECONDS_APART else "",
    )


def check_dns() -> Finding:
    """Look up the host of BASE_URL."""
    host = str(urlsplit(settings.BASE_URL).hostname)
    try:
        found = sorted({str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        return Finding(f"{host}: {error.strerror}", "Customers cannot open links to this name. Add it to DNS.")
    return Finding(f"{host} is {', '.join(found)}")


def check_outbound() -> Finding:
    """Show which private networks webhooks may reach; a list that admits everything is a mistake."""
    networks = settings.DELIVERY_ALLOWED_NETWORKS
    if not networks:
        return Finding("webhooks go to public addresses only")
    shown = ", ".join(map(str, networks))
    dangerous = [network for network in networks if network in (ip_network("0.0.0.0/0"), ip_network("::/0"))]
    advice = "Customers reach every machine in your network. Name the networks that they need." if dangerous else ""
    return Finding(f"webhooks may also go to {shown}", advice)


def check_tls() -> Finding:
    """Look whether customers come by HTTPS, and read DELIVERY_CA_FILE."""
    if settings.DELIVERY_CA_FILE:
        ssl.create_default_context(cafile=settings.DELIVERY_CA_FILE)
    if not settings.BASE_URL.startswith("https://"):
        return Finding("BASE_URL is not https", "Put a proxy with TLS in front, and set BASE_URL to its address.")
    if not settings.TRUST_PROXY_HEADERS:
        return Finding(
            "BASE_URL is https, and TRUST_PROXY_HEADERS is not set",
            "Set TRUST_PROXY_HEADERS=1 if the proxy sets X-Forwarded-Proto itself.",
        )
    return Finding("customers come by https through a proxy")


def check_mail() -> Finding:
    """Greet the mail server and log in."""
    if not settings.EMAIL_HOST:
        return Finding("EMAIL_URL is not set, so that nobody gets mail")
    kind = smtplib.SMTP_SSL if settings.EMAIL_USE_SSL else smtplib.SMTP
    with kind(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=WAIT_SECONDS) as server:
        if settings.EMAIL_USE_TLS:
            server.starttls(context=ssl.create_default_context())
        if settings.EMAIL_HOST_USER:
            server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        server.noop()
    return Finding(f"{settings.EMAIL_HOST} answers, and sends as {settings.DEFAULT_FROM_EMAIL}")


CHECKS: dict[str, Callable[[], Finding]] = {
    "settings": check_settings,
    "database": check_database,
    "migrations": check_migrations,
    "time": check_time,
    "DNS": check_dns,
    "outbound": check_outbound,
    "TLS": check_tls,
    "mail": check_mail,
}
#: Without these the others cannot be made.
NEEDED = ("settings", "database")
