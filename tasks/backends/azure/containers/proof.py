"""What a version must show in its own container before, and while, it gets traffic."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tasks.backends.azure.containers.groups import Group, Groups
from tasks.backends.azure.waiting import follow
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.records import ModelVersion
from tasks.replay import Replay, replay

READY_S = 180.0
SILENT_S = 10.0  # for which one that begins again may say nothing
LOOK_S, READY_LOOK_S = 2.0, 0.5
MOST_ERRORS = 0.01  # of the answers, while a version is watched
SCORE = "/score"


@dataclass(frozen=True)
class Seen:
    """What a service has counted so far, of requests to score; times by upper bound."""

    answers: float
    errors: float
    within: dict[float, float]


class Prover:
    """
    Args:
        headers: with which the services let us in.
        latency_s: within which half of the answers must come.
        poll_s: seconds between two looks.
    """

    def __init__(
        self,
        groups: Groups,
        headers: Mapping[str, str],
        latency_s: float,
        *,
        poll_s: float = LOOK_S,
    ) -> None:
        self._groups, self._latency_s, self._poll_s = groups, latency_s, poll_s
        self._headers = headers
        self._trust = httpx.create_ssl_context()  # a tenth of a second, for each client otherwise

    def prove(self, group: Group, version: ModelVersion, watch: Watch) -> Replay:
        """
        Wait until it answers, and replay known images.

        Raises:
            Refused: it answers otherwise than at training time, or too slowly.
            Transient: it did not come up; its last words are in the message.
        """
        began = self._groups.settled(group.name).restarts
        with self._client(group.url) as client:
            self._wait_until_ready(client, group, began)
            self._require_model(client, version)
            watch(f"{group.name} is up; replaying known images")
            found = replay(client, version.folder)
        if found.median_s > self._latency_s:
            raise Refused(
                f"half of the answers of {group.name} took {found.median_s:.3f} s or more; "
                f"MLOPS_ENDPOINT_LATENCY_S is {self._latency_s:g}"
            )
        self.require_calm(group.name, began)
        watch(f"{found.images} known images answered as at training time (gap {found.max_gap:.2g}, "
              f"median {1000 * found.median_s:.0f} ms)")  # fmt: skip
        return found

    def answered(self, group: Group) -> float:
        """How many requests to score its service has answered since it began."""
        with self._client(group.url) as client:
            return self._seen(client, group).answers

    def watch_over(self, group: Group, seconds: float) -> float:
        """
        Look at what the service itself counts, for so long.

        Returns:
            How many requests to score it answered meanwhile.

        Raises:
            Refused: too many errors, or answers that came too late.
            Transient: its container ended.
        """
        until = time.monotonic() + seconds
        with self._client(group.url) as client:
            before = self._seen(client, group)
            while True:
                self.require_calm(group.name, group.restarts)
                now = self._seen(client, group)
                self._judge(group, before, now)
                if time.monotonic() >= until:
                    return now.answers - before.answers
                time.sleep(max(0.0, min(self._poll_s, until - time.monotonic())))

    def says(self, url: str) -> str | None:
        """The digest of the model that answers there; ``None`` if none does."""
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError), self._client(url) as it:
            return str(it.get("/version").raise_for_status().json()["digest"])
        return None

    def require_calm(self, name: str, restarts: int) -> None:
        """
        Has the container run on, without a new start?

        Raises:
            Transient: it has not.
        """
        now = self._groups.settled(name)
        if now.restarts > restarts or not now.is_running:
            raise Transient(self._ended(name))

    def _wait_until_ready(self, client: httpx.Client, group: Group, restarts: int) -> None:
        def is_ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                if client.get("/readyz").status_code == 200:
                    return True
            self._require_start(group.name, restarts)
            return False

        try:
            follow(is_ready, until=bool, what=f"{group.name} to be ready", timeout_s=READY_S,
                   poll_s=min(READY_LOOK_S, self._poll_s), patience_s=0)  # fmt: skip
        except Transient as error:
            raise Transient(f"{error}\n{self._ended(group.name)}") from error

    def _require_start(self, name: str, restarts: int) -> None:
        now = self._groups.settled(name)
        if now.restarts > restarts or now.provisioning == "Failed":
            raise Transient(f"the container of {name} ended")

    def _require_model(self, client: httpx.Client, version: ModelVersion) -> None:
        try:
            said = client.get("/version").raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Transient(f"{client.base_url} did not say which model it has: {error}"
                            ) from error  # fmt: skip
        if said.get("digest") != version.digest:
            raise Refused(f"{client.base_url} serves the model {str(said.get('digest'))[:12]}, not "
                          f"{version.digest[:12]} of version {version.number}")  # fmt: skip

    def _judge(self, group: Group, before: Seen, now: Seen) -> None:
        answers, errors = now.answers - before.answers, now.errors - before.errors
        if errors > MOST_ERRORS * answers:
            raise Refused(f"{errors:.0f} of {answers:.0f} answers of {group.name} were errors")
        bound = min((b for b in now.within if b >= self._latency_s), default=None)
        if bound is None or not answers:
            return
        quick = now.within[bound] - before.within.get(bound, 0.0)
        if quick < answers / 2:
            raise Refused(f"{answers - quick:.0f} of {answers:.0f} answers of {group.name} took "
                          f"more than {bound:g} s")  # fmt: skip

    def _seen(self, client: httpx.Client, group: Group) -> Seen:
        try:
            text = client.get("/metrics").raise_for_status().text
        except httpx.HTTPError as error:
            raise Transient(f"{group.name} does not tell its metrics: {error!r}\n"
                            f"{self._ended(group.name)}") from error  # fmt: skip
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        ours = [s for s in samples if s.labels.get("path") == SCORE]
        asked = [s for s in ours if s.name == "mlops_requests_total"]
        return Seen(
            sum(s.value for s in asked),
            sum(s.value for s in asked if int(s.labels["status"]) >= 500),
            {float(s.labels["le"]): s.value for s in ours if s.name.endswith("_seconds_bucket")},
        )

    def _ended(self, name: str) -> str:
        group, until = self._groups.settled(name), time.monotonic() + SILENT_S
        words = self._groups.last_words(name)
        while group.restarts and not words.strip() and time.monotonic() < until:
            time.sleep(1)  # it has begun again, and did not come to say why it ends
            words = self._groups.last_words(name)
        return (f"{name} did not come up, or ended: {group.told or group.state or 'no container'}; "
                f"restarts: {group.restarts}; its last words:\n{words}")  # fmt: skip

    def _client(self, url: str) -> httpx.Client:
        return httpx.Client(base_url=url, timeout=30, headers=self._headers, verify=self._trust)
