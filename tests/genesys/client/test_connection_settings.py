"""Nothing was sent: what stands in the way is named, and no write is said to have got lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.errors import ConfigurationError, ConnectionFailedError, TimeoutMonitorError
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.transport import HttpTransport, Request

PLATFORM = "https://api.example.invalid/ping"

Failure = Callable[..., TimeoutMonitorError]


@pytest.fixture(params=["GET", "PATCH"])
def failure(request: pytest.FixtureRequest) -> Failure:
    """What comes of asking the platform, for something or to change something."""

    def failure(url: str = PLATFORM) -> TimeoutMonitorError:
        transport = HttpTransport(ApiCounters())
        with pytest.raises(TimeoutMonitorError) as caught:
            transport.send(Request("/ping", request.param, url, repeatable=request.param == "GET"))
        transport.close()
        return caught.value

    return failure


@pytest.mark.parametrize(
    ("variable", "proxy", "why"),
    [
        ("https_proxy", "socks5://user:hidden@proxy:1080", "socks5 is not spoken here"),
        ("ALL_PROXY", "socks5h://proxy:1080", "socks5h is not spoken here"),
        ("HTTPS_PROXY", "ftp://proxy:21", "ftp is not spoken here"),
        ("https_proxy", "http://", "it has no host"),
        ("https_proxy", "http://:3128", "it has no host"),
        ("https_proxy", "proxy:3128", "it does not begin with http://"),
        ("all_proxy", "http://user:hid@den@:3128", "it has no host"),
        ("https_proxy", "http://proxy:notaport", "its host or port is none"),
        ("https_proxy", "http://proxy:99999", "its host or port is none"),
        ("https_proxy", "http://pro xy:3128", "its host or port is none"),
        ("https_proxy", "http://a..b:3128", "its host or port is none"),
    ],
)
def test_a_proxy_that_is_none_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, failure: Failure, variable: str, proxy: str, why: str
) -> None:
    """It is no fault of the region, and its credentials are not shown."""
    monkeypatch.setenv(variable, proxy)

    error = failure()

    assert isinstance(error, ConfigurationError)
    assert error.message == f"The variable {variable} names no proxy that can be used: {why}" + (
        ", only http and https are" if "spoken" in why else ""
    )
    assert variable in error.hint
    assert "hid" not in error.message + error.hint


def test_a_proxy_that_this_host_is_not_asked_through_is_not_to_blame(
    monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    """The platform's own name does not resolve, and that is said."""
    monkeypatch.setenv("https_proxy", "socks5://proxy:1080")
    monkeypatch.setenv("no_proxy", "example.invalid")

    error = failure()

    assert isinstance(error, ConnectionFailedError)
    assert "the name does not resolve" in error.message


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_certificates_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, failure: Failure, tmp_path: Path, variable: str
) -> None:
    """Nothing went out, so nothing got lost."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))

    error = failure()

    assert isinstance(error, ConfigurationError)
    assert error.message == (
        f"The certificate bundle {tmp_path / 'ca.pem'}, which {variable} names, does not exist"
    )


@pytest.mark.parametrize("failure", ["GET"], indirect=True)
def test_a_bundle_that_holds_none_is_named(
    monkeypatch: pytest.MonkeyPatch, failure: Failure, tmp_path: Path
) -> None:
    """Before anything else is suspected."""
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    assert failure().message.endswith("which REQUESTS_CA_BUNDLE names, holds no certificate")


@pytest.mark.parametrize(
    "url", ["https://a..b/", f"https://{'a' * 70}.com/", "https://a:99999/", "https://*.x/"]
)
def test_an_address_that_is_none_was_never_written_to(failure: Failure, url: str) -> None:
    """A change that can't have been sent is not one that may have been made."""
    error = failure(url)

    assert isinstance(error, ConfigurationError)
    assert "is not a host that can be asked" in error.message
