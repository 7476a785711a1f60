"""Why nothing can be sent at all: an address, a proxy or a certificate bundle that is none.

The libraries below report all three alike, and often as a fault of the address. What the machine's
variables say is looked at only after a failure, so that whoever set one is told which.
"""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import requests
from requests.utils import prepend_scheme_if_needed, select_proxy, should_bypass_proxies
from urllib3.exceptions import LocationValueError, ProxySchemeUnknown
from urllib3.util import parse_url

from monitor.errors import ConfigurationError

NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    LocationValueError,
    ProxySchemeUnknown,
    UnicodeError,
)
"""What is raised of an address, the platform's or a proxy's, before anything is sent."""

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_SCHEMES = ("http", "https")
_A_PROXY = "a proxy is named like http://proxy.example.com:3128"


def environment_mistake(url: str) -> ConfigurationError | None:
    """Return what the machine's variables say wrongly of the way to an address; None for nothing.

    Args:
        url: The address that was to be asked.
    """
    return _wrong_proxy(url) or (_wrong_bundle() if url.startswith("https:") else None)


def is_before_sending(error: Exception) -> bool:
    """Whether an error of the session came before it had a connection: it looks for a bundle."""
    return type(error) is OSError and error.errno is None


def unusable_host_error(url: str) -> ConfigurationError:
    """Return what to say of an address that nothing can be sent to."""
    return ConfigurationError(
        f"{host_of(url)} is not a host that can be asked", "Check region, api_url and login_url."
    )


def host_of(url: str) -> str:
    """Host and port of an address, without credentials; the address itself where it has none."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        netloc = ""
    return (netloc or url.partition("?")[0]).rpartition("@")[2]


def _wrong_proxy(url: str) -> ConfigurationError | None:
    proxies = getproxies_environment()
    try:
        proxy = None if should_bypass_proxies(url, None) else select_proxy(url, proxies)
    except ValueError:
        return None
    if not proxy:
        return None
    scheme = next((name for name, value in proxies.items() if value == proxy), "https")
    lower = f"{scheme}_proxy"
    variable = lower if os.environ.get(lower) == proxy else lower.upper()
    why = _what_is_wrong_with(proxy)
    if not why:
        return None
    return ConfigurationError(
        f"The variable {variable} names no proxy that can be used: {why}",
        f"Set {variable} right ({_A_PROXY}), or list {host_of(url).partition(':')[0]} in no_proxy.",
    )


def _what_is_wrong_with(proxy: str) -> str:
    """Return why nothing can be sent through a proxy, without its credentials; empty if it can."""
    try:
        address = parse_url(prepend_scheme_if_needed(proxy, "http"))  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        host = (address.host or "").encode("idna")
    except (LocationValueError, UnicodeError):
        return "its host or port is none"
    if address.scheme not in _PROXY_SCHEMES:
        if "://" not in proxy:
            return "it does not begin with http://"
        return f"{address.scheme} is not spoken here, only http and https are"
    return "" if host else "it has no host"


def _wrong_bundle() -> ConfigurationError | None:
    variable = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if variable is None:
        return None
    path = os.environ[variable]
    if not os.path.exists(path):  # noqa: PTH110 - any text may stand in a variable
        why = "does not exist"
    elif os.path.isdir(path):  # noqa: PTH112 - the same
        return None
    else:
        try:
            ssl.create_default_context(cafile=path)
        except ssl.SSLError:
            why = "holds no certificate"
        except OSError:
            why = "can't be read"
        else:
            return None
    return ConfigurationError(
        f"The certificate bundle {path}, which {variable} names, {why}",
        f"Set {variable} to a file of trusted certificates in PEM, or unset it.",
    )
