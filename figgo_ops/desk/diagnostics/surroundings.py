"""What this machine is like, as far as it may matter to a connection: no name of it, nor of its user."""

import os
import platform
import shutil
import ssl
import stat
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import figgo_ops
from figgo_ops.home import LEDGER_VARIABLE, VARIABLE, Home

LIBRARIES = (
    *(
        "cryptography",
        "exchangelib",
        "google-api-python-client",
        "google-auth",
        "httplib2",
        "httpx",
        "keyring",
    ),
    *("lxml", "msal", "oauthlib", "pandas", "papermill", "psycopg", "pydantic", "requests", "sqlalchemy"),
)
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Variables that change which authorities libraries believe."""


def facts(home: Home, now: datetime) -> dict[str, Any]:
    """Versions, system, clock, proxies, ledger and home."""
    return {
        "figgo_ops": figgo_ops.__version__,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "OpenSSL": ssl.OPENSSL_VERSION,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "libraries": dict(_versions()),
        "now": now.isoformat(timespec="seconds"),
        "time zone": list(time.tzname),
        "encoding": sys.getfilesystemencoding(),
        "proxies": dict(_proxies()),
        "trust": [name for name in TRUST if os.environ.get(name)],
        **_home(home),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"


def _proxies() -> Iterator[tuple[str, str]]:
    """Where each proxy is, without the user and password that its variable may hold."""
    for name in PROXIES:
        value = os.environ.get(name) or os.environ.get(name.lower())
        if value:
            yield name, value if name == "NO_PROXY" else _address(value)


def _address(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        return f"{parts.hostname}:{parts.port}" if parts.hostname else "set, but no address"
    except ValueError:
        return "set, but no address"


def _home(home: Home) -> dict[str, Any]:
    backend = home.ledger.partition(":")[0]
    return {
        "ledger": f"{backend}, {'named by' if os.environ.get(LEDGER_VARIABLE) else 'no'} {LEDGER_VARIABLE}",
        "home named by": VARIABLE if os.environ.get(VARIABLE) else "option or default",
        "home mode": f"{stat.S_IMODE(home.path.stat().st_mode):04o}",
        "free megabytes": shutil.disk_usage(home.path).free // 1_000_000,
    }
