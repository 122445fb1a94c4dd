"""What the endurance runs watch: who answers at the endpoint, and which processes are left."""

from __future__ import annotations

import itertools
import sqlite3
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import httpx
import pytest

from tests.conftest import encoded, picture
from tests.flows.conftest import FAST, Checkout, azure, copied, flows, url_of

__all__ = ["azure", "flows"]


@dataclass
class Client:
    """Asks an endpoint at a steady rate, half of it on new connections, and notes each answer."""

    url: str
    per_second: float
    headers: dict[str, str] = field(default_factory=dict)
    trust: ssl.SSLContext | bool = True
    is_proxied: bool = False
    versions: Counter[str] = field(default_factory=Counter)
    digests: dict[str, set[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Client:
        self._ended = threading.Event()
        self._turns = itertools.count()
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._ask) for _ in range(8)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def asked(self) -> int:
        return self.versions.total() + len(self.failures)

    def _ask(self) -> None:
        body = encoded(picture(1))
        with self._client() as kept:
            while not self._ended.is_set():
                turn = next(self._turns)
                time.sleep(max(0, self._began + turn / self.per_second - time.monotonic()))
                began = time.monotonic()
                try:
                    if turn % 2:
                        with self._client() as fresh:
                            self._note(self._score(fresh, body))
                    else:
                        self._note(self._score(kept, body))
                except (httpx.HTTPError, ValueError) as error:
                    self.failures.append(f"after {began - self._began:.2f} s: {error!r}")
                self.seconds.append(time.monotonic() - began)

    def _client(self) -> httpx.Client:
        return httpx.Client(
            timeout=20, trust_env=self.is_proxied, verify=self.trust, headers=self.headers
        )

    def _score(self, client: httpx.Client, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "image/png"}
        return client.post(f"{self.url}/score", content=body, headers=headers).raise_for_status()

    def _note(self, answer: httpx.Response) -> None:
        model, said = answer.json()["model"], answer.headers["X-Model-Version"]
        if model["version"] != said:
            raise ValueError(f"the header says {said}, the answer {model['version']}")
        self.versions[said] += 1
        self.digests.setdefault(said, set()).add(model["digest"])


@pytest.fixture
def served(tmp_path, prefect_url, pictures) -> Iterator[Checkout]:
    """A checkout with a first release."""
    made = copied(tmp_path / "checkout", prefect_url)
    done = made("release", "--data", str(pictures), *FAST)
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    made("stop")


@pytest.fixture
def steady(served) -> Client:
    """A client of the served endpoint, 50 requests a second."""
    return Client(url_of(served), per_second=50)


def digests_of_versions(checkout: Checkout) -> list[str]:
    """The model digest of every version in the registry's database, in their order."""
    with closing(sqlite3.connect(checkout.state / "mlflow.db")) as database:
        rows = database.execute(
            "select value from model_version_tags where key = 'model_digest' order by version"
        )
        return [value for (value,) in rows]
