"""Django's settings. Only this file and database.py read the environment (docs/settings.md)."""

import json
import logging
import os
import sys
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from convoyclone import database
from convoyclone.api_tags import TAGS
from core.encryption import parse_keys

BASE_DIR = database.BASE_DIR
DATA_DIR = database.data_dir()
VERSION = "0.1.0"


def _made_by_script_server() -> dict[str, str]:
    path = DATA_DIR / "secrets.json"
    try:
        made: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}; set DATA_DIR for another user") from None
    return made


_generated = _made_by_script_server()


def _integer(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _flag(name: str, *, default: bool) -> bool:
    text = os.environ.get(name) or str(int(default))
    if text not in ("0", "1"):
        raise ImproperlyConfigured(f"{name} must be 0 or 1, not {text!r}")
    return text == "1"


def _level(name: str, default: str) -> str:
    """Return a level of the log, also from lower case, which other programs use."""
    text = (os.environ.get(name) or default).upper()
    if text not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"{name} must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not {text!r}")
    return text


def _networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part) for part in _list(name, [])]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks such as 10.0.0.0/8: {error}") from None


def _list(name: str, default: list[str]) -> list[str]:
    text = os.environ.get(name, "")
    return [part.strip() for part in text.split(",") if part.strip()] or default


def _secret(name: str) -> str:
    """Return a secret of at least 32 characters. Raises ImproperlyConfigured where it is not set."""
    value = os.environ.get(name) or _generated.get(name, "")
    if len(value) < 32 or "change-me" in value.lower():
        raise ImproperlyConfigured(f"{name} must be set to a random value of at least 32 characters")
    return str(value)


# Where this instance is
HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = _integer("PORT", 8000)
if not 0 < PORT < 65536:
    raise ImproperlyConfigured(f"PORT must be between 1 and 65535, not {PORT}")
WORKERS = _integer("WORKERS", 2)
if not 0 < WORKERS < 1000:
    raise ImproperlyConfigured(f"WORKERS must be between 1 and 999, not {WORKERS}")
BASE_URL = (os.environ.get("BASE_URL") or f"http://{f'[{HOST}]' if ':' in HOST else HOST}:{PORT}").rstrip("/")
if urlsplit(BASE_URL).scheme not in ("http", "https") or not urlsplit(BASE_URL).hostname:
    raise ImproperlyConfigured(f"BASE_URL must be an http or https URL, not {BASE_URL!r}")
if urlsplit(BASE_URL).path or set("?#@") & set(BASE_URL):
    # Links, assets and routes begin at the root. Not quoted, as there may be a password.
    raise ImproperlyConfigured("BASE_URL must be scheme, host and port alone, such as https://webhooks.example.com")
_https = BASE_URL.startswith("https://")
#: script/server says so to its web server where it has a demo.
DEMO = _flag("CONVOYCLONE_DEMO", default=False)
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", str(urlsplit(BASE_URL).hostname)])

# Secrets
SECRET_KEY = _secret("SECRET_KEY")
API_KEY_PEPPER = _secret("API_KEY_PEPPER").encode()
if API_KEY_PEPPER.decode() == SECRET_KEY:
    raise ImproperlyConfigured("API_KEY_PEPPER must differ from SECRET_KEY: the two are replaced at different times")
ENCRYPTION_KEYS = parse_keys(_secret("ENCRYPTION_KEYS"))

# The API
API_VERSION = os.environ.get("CONVOY_API_VERSION") or "2025-11-24"
API_RATE_LIMIT = _integer("API_RATE_LIMIT", 0)
MAX_REQUEST_BODY_BYTES = _integer("MAX_REQUEST_BODY_BYTES", 1024 * 1024)
# With 0, the portal looks up and calls no URL that a customer names: for web servers without a way to the internet.
PORTAL_PREFLIGHT = _flag("PORTAL_PREFLIGHT", default=True)
ORGANISATION_ID = os.environ.get("ORGANISATION_ID") or "01JZ8PZ0A1B2C3D4E5F6G7H8J9"

# The engine (manage.py deliver)
DELIVERY_CONCURRENCY = _integer("DELIVERY_CONCURRENCY", 2048)
DELIVERY_ENDPOINT_CONCURRENCY = _integer("DELIVERY_ENDPOINT_CONCURRENCY", 10)
DELIVERY_MAX_TIMEOUT_SECONDS = _integer("DELIVERY_MAX_TIMEOUT_SECONDS", 60)
DELIVERY_ALLOWED_NETWORKS = _networks("DELIVERY_ALLOWED_NETWORKS")
DELIVERY_CA_FILE = os.environ.get("DELIVERY_CA_FILE") or None
CIRCUIT_BREAKER = _flag("CIRCUIT_BREAKER", default=True)

# Metrics and probes: of a worker where it has a port, and /metrics of the web server
METRICS_HOST = os.environ.get("METRICS_HOST") or "127.0.0.1"
METRICS_PORT = _integer("METRICS_PORT", 0)
if METRICS_PORT > 65535:
    raise ImproperlyConfigured(f"METRICS_PORT must be at most 65535, not {METRICS_PORT}")
METRICS_TOKEN = os.environ.get("METRICS_TOKEN") or ""
if METRICS_TOKEN and (len(METRICS_TOKEN) < 16 or not METRICS_TOKEN.isascii() or not METRICS_TOKEN.isprintable()):
    raise ImproperlyConfigured("METRICS_TOKEN must be at least 16 printable characters")

# Traces by OpenTelemetry, whose own variables say where they go, and reports of unexpected errors
TRACING = _flag("TRACING", default=False)
SENTRY_DSN = os.environ.get("SENTRY_DSN") or ""
if SENTRY_DSN and not SENTRY_DSN.startswith(("https://", "http://")):
    # Without the value: it is a credential.
    raise ImproperlyConfigured("SENTRY_DSN must begin with https://")

# E-mail, for notifications: smtp:// in clear, smtp+tls:// with STARTTLS, smtps:// with TLS from the start
_email = urlsplit(os.environ.get("EMAIL_URL", ""))
_email_ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
if _email.geturl() and (_email.scheme not in _email_ports or not _email.hostname):
    # Without the value, in which there may be a password.
    raise ImproperlyConfigured("EMAIL_URL must be like smtp+tls://user:password@mail.example.com:587")
EMAIL_HOST = _email.hostname or ""
EMAIL_PORT = _email.port or _email_ports.get(_email.scheme, 25)
EMAIL_HOST_USER = unquote(_email.username or "")
EMAIL_HOST_PASSWORD = unquote(_email.password or "")
EMAIL_USE_TLS = _email.scheme == "smtp+tls"
EMAIL_USE_SSL = _email.scheme == "smtps"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM") or f"webhooks@{urlsplit(BASE_URL).hostname}"

# Django
DEBUG = False
ROOT_URLCONF = "convoyclone.urls"
WSGI_APPLICATION = "convoyclone.wsgi.application"
#: How a connection pooler before the database works: "session" (as without one), or "transaction".
DATABASE_POOL_MODE = os.environ.get("DATABASE_POOL_MODE") or "session"
if DATABASE_POOL_MODE not in ("session", "transaction"):
    raise ImproperlyConfigured("DATABASE_POOL_MODE must be session or transaction")
#: The database itself, for workers that listen behind a pooler in transaction mode.
DATABASE_LISTEN_URL = os.environ.get("DATABASE_LISTEN_URL") or ""
if DATABASE_LISTEN_URL and not DATABASE_LISTEN_URL.startswith(("postgresql://", "postgres://")):
    raise ImproperlyConfigured("DATABASE_LISTEN_URL must begin with postgresql://")
DATABASES = {
    "default": database.django_settings(
        os.environ.get("DATABASE_URL") or "postgresql:///convoyclone-is-not-running",
        is_shared=DATABASE_POOL_MODE == "transaction",
    )
}
#: The longest that a statement of the web server may take, so that a database that hangs gets its 503 within 5 seconds.
DATABASE_STATEMENT_SECONDS = _integer("DATABASE_STATEMENT_SECONDS", 4)
if DATABASE_STATEMENT_SECONDS < 1:
    raise ImproperlyConfigured("DATABASE_STATEMENT_SECONDS must be at least 1")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
#: The languages of the portal's pages; the APIs and the admin are in English (docs/portal.md).
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("pt", "Português"),
    ("ja", "日本語"),
]
USE_I18N = True
FORMAT_MODULE_PATH = "core.formats"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_REQUEST_BODY_BYTES
APPEND_SLASH = False

INSTALLED_APPS = [
    "core",
    "projects",
    "endpoints",
    "subscriptions",
    "events",
    "replay",
    "deliveries",
    "switches",
    "engine",
    "activity",
    "applications",
    "jobs",
    "meta_events",
    "onboarding",
    "portal_links",
    "portal",
    "operators",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "operators.admin_app.OperatorsAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
#: A request to an API passes those of core/page_middleware.py by.
MIDDLEWARE = [
    "core.middleware.request_id",
    "core.share.ShareMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "core.static_files.HashedFiles",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.page_middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "core.page_middleware.Authentication",
    "core.page_middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.page_middleware.Htmx",
    "core.middleware.ActorMiddleware",
    "core.middleware.DatabaseOutages",
    "core.page_middleware.Lockouts",
]
if TRACING:
    MIDDLEWARE.insert(0, "core.tracing.TracingMiddleware")
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "convoyclone" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
#: The lists to which an operator's page of a project leads, by their titles.
ADMIN_PROJECT_LISTS = [
    ("API keys", "projects_apikey"),
    ("Endpoints", "endpoints_endpoint"),
    ("Portal links", "portal_links_portallink"),
    ("Portal sessions", "portal_links_portalsession"),
    ("Events", "events_event"),
    ("Event deliveries", "events_eventdelivery"),
    ("Jobs", "jobs_job"),
    ("Activity", "activity_activity"),
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# Guessing passwords at the admin's login locks an address out. A lock by name would let anybody lock out
# an operator. The tables hold failures only, until they no longer count.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "core.client_address.client_network"
AXES_USERNAME_CALLABLE = "core.login.counted_name"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# The middleware that the check misses is there, as a subclass that leaves the APIs alone (core/page_middleware.py).
SILENCED_SYSTEM_CHECKS = ["axes.W002"]
AXES_COOLOFF_MESSAGE = "Too many wrong passwords came from your address. Try again in 15 minutes."

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.static_files.HashedStorage"},
}
# The files are served from where the packages keep them: there is no build step before the start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
CSRF_TRUSTED_ORIGINS = [f"{urlsplit(BASE_URL).scheme}://{urlsplit(BASE_URL).netloc}"]
SECURE_REFERRER_POLICY = "same-origin"
TRUST_PROXY_HEADERS = os.environ.get("TRUST_PROXY_HEADERS") == "1"
if _https and TRUST_PROXY_HEADERS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REST_FRAMEWORK: dict[str, object] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ConvoyAutoSchema",
    "EXCEPTION_HANDLER": "core.api.errors.exception_handler",
}

#: The APIs that are not under /api, but at the root. Trimmed of /api, no path of the others begins so.
ROOT_API_PATHS = ("/management/v1/", "/v1/webhooks/portal", "/portal-api/", "/ingest/api/v1/")
#: The beginnings of the paths of all APIs. Their views know no cookie, no session and no form.
API_PATHS = ("/api/v1/", "/api/ingest/", *ROOT_API_PATHS)

SPECTACULAR_SETTINGS = {
    "TITLE": "ConvoyClone API",
    "VERSION": VERSION,
    # Paths are those of Convoy's published document: /v1/..., on a server whose URL ends with /api.
    "SERVERS": [{"url": "/api"}],
    "SCHEMA_PATH_PREFIX": "/api",
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "TAGS": TAGS,
    "PREPROCESSING_HOOKS": ["core.api.schema.convoy_operations"],
    "POSTPROCESSING_HOOKS": [
        "core.api.schema.complete",
        "outbound.openapi.describe_webhooks",
        "convoyclone.code_samples.add_samples",
    ],
    "SORT_OPERATION_PARAMETERS": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
}

#: How a worker logs each attempt: a line for people at a terminal, JSON for programs.
LOG_FORMAT = os.environ.get("LOG_FORMAT") or ("text" if sys.stderr and sys.stderr.isatty() else "json")
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT must be text or json, not {LOG_FORMAT!r}")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "bare": {"format": "%(message)s"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "attempts": {"class": "logging.StreamHandler", "formatter": "bare" if LOG_FORMAT == "text" else "line"},
    },
    # A refused request is an answer, not an event of the log.
    "loggers": {
        "django.request": {"level": "ERROR"},
        # The worker's line for each attempt
        "convoyclone.attempt": {
            "level": _level("ATTEMPT_LOG_LEVEL", "INFO"),
            "handlers": ["attempts"],
            "propagate": False,
        },
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.TooManyFieldsSent": {"level": "CRITICAL"},
    },
    "root": {"handlers": ["stderr"], "level": _level("LOG_LEVEL", "WARNING")},
}
