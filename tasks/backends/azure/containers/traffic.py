"""Who gets how much of the traffic: by Front Door, or all of it to whoever asks the live group."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from tasks.backends.azure.containers.front_door import FrontDoor, Share
from tasks.backends.azure.containers.groups import Group
from tasks.backends.azure.containers.pairs import SINCE, number_of
from tasks.backends.azure.containers.proof import Prover
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.containers.specs import ENDPOINT, MODEL, VERSION
from tasks.errors import Transient
from tasks.ports import Watch

CONVERGE_S = 1800.0  # Front Door takes minutes to change everywhere
AGREE = 5  # answers one after the other, by which it has


class Traffic:
    """
    Args:
        door: the stable address; without it, that of the live group is told.
    """

    def __init__(self, door: FrontDoor | None, prover: Prover, serving: ServingSettings) -> None:
        self._door, self._prover, self._serving = door, prover, serving

    def url(self, live: Group) -> str:
        """The address that callers are told."""
        return (self._door.url(live.tags[ENDPOINT]) if self._door else None) or live.url

    def introduce(self, live: Group, new: Group, watch: Watch) -> None:
        """
        Let the new group answer some of it, more and more, and look at what it does.

        Raises:
            Refused: it makes errors, or is slow.
            Transient: its container ended.
        """
        if self._door is None:
            return
        for percent in self._serving.canary:
            self._door.share(
                live.tags[ENDPOINT],
                {
                    live.name: Share(live.host, 100 - percent),
                    new.name: Share(new.host, percent),
                },
            )
            watch(f"{percent:g} % of the traffic to version {new.tags[VERSION]}, for "
                  f"{self._serving.bake_s:g} s")  # fmt: skip
            self._watch_with_traffic(live, new, watch)

    def watch_over(self, group: Group, watch: Watch) -> None:
        """Look for a while at what a group that has traffic does; raises as ``introduce``."""
        answers = self._prover.watch_over(group, self._serving.bake_s)
        watch(f"{answers:.0f} answers of {group.name}, none of them bad or late")

    def is_left(self, live: Group, other: Group) -> bool:
        """Is nobody led to the other group any more? Whoever was live before may still be asked."""
        if self._door is None or number_of(other) != number_of(live) - 1:
            return True
        return self._waits_s(live) <= 0

    def await_leaving(self, live: Group | None, other: Group | None, watch: Watch) -> None:
        """Wait until nobody is led to the other group any more: it is about to be replaced."""
        if live and other and other.is_up and not self.is_left(live, other):
            left_s = max(0.0, self._waits_s(live))
            watch(f"{other.name} may still be asked: waiting {left_s:.0f} s until Front Door has "
                  "changed everywhere (MLOPS_SPREAD_S)")  # fmt: skip
            time.sleep(left_s)

    def _waits_s(self, live: Group) -> float:
        since = datetime.fromisoformat(live.tags.get(SINCE) or "2000-01-01T00:00:00+00:00")
        return self._serving.spread_s - (datetime.now(UTC) - since).total_seconds()

    def _watch_with_traffic(self, live: Group, new: Group, watch: Watch) -> None:
        """Until the new group was asked at all: the edges of Front Door change one by one."""
        bake_s, until = self._serving.bake_s, time.monotonic() + self._serving.spread_s
        asked = self._prover.answered(live)
        answers = self._prover.watch_over(new, bake_s)
        while not answers and bake_s and time.monotonic() < until:
            if self._prover.answered(live) == asked:
                break  # nobody asks anybody
            answers = self._prover.watch_over(new, bake_s)
        watch(f"{answers:.0f} answers of {new.name}, none of them bad or late")

    def lead_to(self, live: Group, other: Group | None) -> None:
        """
        All of it to the live group; returns when nobody is led elsewhere any more.

        Raises:
            Transient: Front Door did not change everywhere in time.
        """
        if self._door is None:
            return
        shares = {live.name: Share(live.host, 100.0)}
        if other:
            shares[other.name] = Share(other.host, 0.0)
        url = self._door.share(live.tags[ENDPOINT], shares)
        agreed, until = 0, time.monotonic() + CONVERGE_S
        enough = 1 if other and not other.is_up else AGREE  # who is stopped answers nobody
        while agreed < enough:
            agreed = agreed + 1 if self._prover.says(url) == live.tags[MODEL] else 0
            if time.monotonic() > until:
                raise Transient(f"{url} still leads elsewhere after {CONVERGE_S:g} s")
            if not agreed:
                time.sleep(0.5)
