"""The stand-in cloud behaves as its originals: what is wrong is refused, what is told is kept."""

from __future__ import annotations

import pytest
import requests

from tests.cloud.databricks.workspace import HOST, JOBS
from tests.cloud.subscription.login import CLIENT, DATABRICKS, MANAGEMENT, TENANT
from tests.cloud.wire.faults import Fault

pytestmark = pytest.mark.cloud


@pytest.fixture
def ask(cloud):
    """A client that knows nothing but the proxy and whom to trust."""
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": cloud.proxy.url}
    session.verify = cloud.environment["REQUESTS_CA_BUNDLE"]
    return session


def bearer(cloud, audience: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {cloud.login.token(audience)}"}


def test_no_other_host_is_reached(ask, cloud):
    with pytest.raises(requests.exceptions.ProxyError):
        ask.get("https://example.com/", timeout=10)

    assert "example.com:443" in cloud.proxy.refused


def test_a_wrong_secret_gets_no_token(ask):
    form = {"client_id": CLIENT, "client_secret": "guess", "scope": f"{MANAGEMENT}/.default"}

    done = ask.post(
        f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token", data=form, timeout=10
    )

    assert done.status_code == 401
    assert "AADSTS7000215" in done.json()["error_description"]


def test_a_token_for_another_audience_opens_nothing(ask, cloud):
    done = ask.get(f"https://{HOST}{JOBS}/list", headers=bearer(cloud, MANAGEMENT), timeout=10)

    assert done.status_code == 403


def test_an_expired_token_opens_nothing(ask, cloud, monkeypatch):
    monkeypatch.setattr(cloud.login, "lifetime_s", -1)

    done = ask.get(f"https://{HOST}{JOBS}/list", headers=bearer(cloud, DATABRICKS), timeout=10)

    assert done.status_code == 403
    assert "expired" in done.json()["message"]


def test_a_fault_is_met_once_and_noted(ask, cloud):
    fault = Fault("GET", "/runs/list", status=429, headers={"Retry-After": "7"})
    cloud.databricks.site.faults.add(fault)
    words = {"headers": bearer(cloud, DATABRICKS), "timeout": 10}

    first, second = (ask.get(f"https://{HOST}{JOBS}/list", **words) for _ in range(2))

    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert second.status_code == 200
    assert [each["status"] for each in cloud.record.exchanges("databricks")][-2:] == [429, 200]


def test_a_connection_may_be_lost(ask, cloud):
    cloud.databricks.site.faults.add(Fault("GET", "/runs/list", status=None))

    with pytest.raises(requests.exceptions.ConnectionError):
        ask.get(f"https://{HOST}{JOBS}/list", headers=bearer(cloud, DATABRICKS), timeout=10)
