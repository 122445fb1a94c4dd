"""
Endpoints on Azure Container Instances: two groups each, of which one is live.

A group's tag ``mlops-live`` is a number that grows with each switch: the group with the highest one
is live. So a switch is one write, and whoever dies at any point leaves exactly one live group. What
else there is (shares of the traffic, a group that still runs) follows from that number, and is set
right by whatever comes next: ``tidy``.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.builds import Builds
from tasks.backends.azure.containers.foreseen import ServingPlan
from tasks.backends.azure.containers.front_door import FrontDoor
from tasks.backends.azure.containers.groups import Group, Groups
from tasks.backends.azure.containers.health import require_pull
from tasks.backends.azure.containers.images import Image, Images
from tasks.backends.azure.containers.pairs import LIVE, SINCE, Pair, number_of
from tasks.backends.azure.containers.proof import Prover
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.containers.specs import (
    ENDPOINT,
    EVIDENCE,
    MODEL,
    SPEC,
    VERSION,
    group_name,
    group_of,
    opening,
    spec_digest,
)
from tasks.backends.azure.containers.traffic import Traffic
from tasks.backends.azure.names import slug
from tasks.backends.azure.prices import Prices
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.records import Deployment, ModelVersion
from tasks.replay import known_image
from tasks.standing import Part, Standing

REPLAYED, GAP = "mlops-replayed", "mlops-gap"


class ContainerEndpoints:
    """
    Args:
        place: distinguishes our addresses from those of others: subscription and resource group.
        state: where files for people lie on this machine.
        require_pull: refuses if a new group could not pull its image.
    """

    def __init__(
        self, groups: Groups, images: Images, prover: Prover, traffic: Traffic,
        serving: ServingSettings, place: str, state: Path, require_pull: Callable[[], None],
    ) -> None:  # fmt: skip
        self._groups, self._images, self._prover = groups, images, prover
        self._traffic, self._serving, self._place = traffic, serving, place
        self._state, self._require_pull = state, require_pull

    def live(self, name: str) -> Deployment | None:
        """What answers at this endpoint now."""
        group = Pair.of(name, self._groups).live
        if group is None or not group.is_running:
            return None
        deployment = self._deployment(group)
        return deployment if self._prover.says(deployment.url) == deployment.digest else None

    def deploy(self, version: ModelVersion, port: int | None, watch: Watch) -> Deployment:
        """Boot, replay known images, share the traffic, switch; see ``tasks.ports.Endpoints``."""
        if port is not None:
            raise Refused("--port is for endpoints of this machine; leave it out")
        image = self._images.ensure(version, watch)
        spec = spec_digest(version, image, self._serving)
        live = Pair.of(version.name, self._groups).live
        if live and live.is_running and live.tags.get(SPEC) == spec:
            self.tidy(version.name, watch)
            return self._deployment(live)
        self.tidy(version.name, watch, keep=spec)
        try:
            new = self._switch(version, image, spec, watch)
        except BaseException as error:
            self._take_back(version.name, live, error, watch)
            raise
        self.tidy(version.name, watch)
        example = self._example(version.name)
        example.parent.mkdir(parents=True, exist_ok=True)
        example.write_bytes(known_image(version.folder)["image"])
        return self._deployment(new)

    def standing(self) -> list[Standing]:
        """Every endpoint here, and what its groups that run cost a day."""
        return [self._standing(name) for name in self.names()]

    def stop(self, name: str) -> bool:
        """Stop both groups; they keep what they are, and cost nothing."""
        running = [
            each for each in Pair.of(name, self._groups).groups.values() if each and each.is_up
        ]
        for group in running:
            self._groups.stop(group.name)
        return bool(running)

    def names(self) -> list[str]:
        """Of all endpoints here, by the tags of the groups."""
        return sorted({each.tags[ENDPOINT] for each in self._groups.listed()
                       if ENDPOINT in each.tags})  # fmt: skip

    def repair(self, name: str, watch: Watch) -> None:
        """Let traffic and groups be as the record of who is live says: Azure starts them anew."""
        self.tidy(name, watch)

    def tidy(self, name: str, watch: Watch, keep: str = "") -> None:
        """
        Let all be as the live group's number says: the traffic goes to it, the other is stopped
        once nobody is led there any more.

        Args:
            keep: a group of this specification may run on, for it is about to be deployed.
        """
        pair = Pair.of(name, self._groups)
        if pair.live is None or not pair.live.is_running:
            return  # nobody to lead to
        other = pair.beside(pair.live)
        self._traffic.lead_to(pair.live, other)
        if other and other.is_up and other.tags.get(SPEC) != keep:
            if not self._traffic.is_left(pair.live, other):
                watch(f"{other.name} runs on until Front Door has changed everywhere; the next "
                      "release, repair or sweep stops it")  # fmt: skip
                return
            self._groups.stop(other.name)
            watch(f"{other.name} is stopped: it costs nothing, and is back in seconds")

    def _switch(self, version: ModelVersion, image: Image, spec: str, watch: Watch) -> Group:
        """From a group that may not be there to one that is live."""
        pair = Pair.of(version.name, self._groups)
        colour, live = pair.colour_for(spec), pair.live
        before = pair.groups[colour]
        is_known = bool(before and number_of(before) and before.tags.get(SPEC) == spec)
        new = self._booted(version, image, spec, colour, watch)
        found = self._prover.prove(new, version, watch)
        new = self._groups.tag(new, {REPLAYED: str(found.images), GAP: f"{found.max_gap:.3g}"})
        is_watched = bool(live and live.is_running and not is_known)  # a rollback has no time
        if live and is_watched:
            self._traffic.introduce(live, new, watch)
        new = self._groups.tag(new, {LIVE: str(pair.next_number), SINCE: _now()})
        self._traffic.lead_to(new, pair.beside(new))
        watch(f"version {version.number} is live at {self._traffic.url(new)}")
        if is_watched:
            self._traffic.watch_over(new, watch)
        return new

    def _booted(
        self, version: ModelVersion, image: Image, spec: str, colour: str, watch: Watch
    ) -> Group:
        """The group with that specification, running: found, started, or made."""
        name = group_name(version.name, colour)
        found = self._groups.settled(name)
        if found.tags.get(SPEC) == spec and found.provisioning == "Succeeded":
            if found.is_running:
                return found
            watch(f"starting {name}, which has this version")
            return self._groups.start(name)
        if found.provisioning:  # what a group is cannot all be changed in place
            pair = Pair.of(version.name, self._groups)
            self._traffic.await_leaving(pair.live, pair.groups[colour], watch)
            self._groups.remove(name)
        else:
            self._require_room()
        self._require_pull()
        watch(f"making container group {name}: {self._serving.cpu:g} cores, "
              f"{self._serving.memory_gb:g} GB")  # fmt: skip
        return self._groups.put(
            name, group_of(version, image, self._serving, colour, self._place)
        )  # fmt: skip

    def _require_room(self) -> None:
        used, most = self._groups.room(self._serving.region)
        if most and used >= most:
            raise Refused(f"{self._serving.region} has {used} of the {most} container groups that "
                          "the subscription may have; delete some, or ask Azure for more"
                          )  # fmt: skip

    def _take_back(self, name: str, live: Group | None, error: BaseException, watch: Watch) -> None:
        """Whoever was live is so again, whatever was reached; where this fails, tidy does it."""
        try:
            pair = Pair.of(name, self._groups)
            if live and pair.live and pair.live.name != live.name:
                self._groups.tag(live, {LIVE: str(pair.next_number), SINCE: _now()})
            if live and live.is_running:
                watch(f"version {live.tags[VERSION]} keeps serving")
                self.tidy(name, watch)
                return
            for group in pair.groups.values():  # there was none to keep: nothing bad stays up
                if group and group.is_up:
                    self._groups.tag(self._groups.settled(group.name), {LIVE: "0"})
                    self._groups.stop(group.name)
        except (Refused, Transient) as second:
            error.add_note(f"what was begun could not be taken back now ({second}); the next "
                           "release does it")  # fmt: skip

    def _standing(self, name: str) -> Standing:
        pair, prices = Pair.of(name, self._groups), Prices.read()
        groups = [each for each in pair.groups.values() if each]
        costs = tuple(
            prices.day_of_group(each.name, self._serving.cpu, self._serving.memory_gb)
            for each in groups if each.state == "Running"
        )  # fmt: skip
        parts = tuple(
            Part(each.name, each.state or each.provisioning, each.tags.get(VERSION, ""))
            for each in groups
        )
        live = pair.live
        if live is None:
            return Standing(name, "", 0, "", False, "", "", parts, costs)
        url = self._traffic.url(live)
        is_answering = live.is_running and self._prover.says(url) == live.tags[MODEL]
        return Standing(
            name, url, int(live.tags[VERSION]), live.tags[MODEL], is_answering,
            live.tags.get(SINCE, ""), live.tags.get(EVIDENCE, ""), parts, costs,
        )  # fmt: skip

    def _deployment(self, group: Group) -> Deployment:
        """What the tags of a live group say."""
        url = self._traffic.url(group)
        return Deployment(
            group.tags[ENDPOINT], url, int(group.tags[VERSION]), group.tags[MODEL],
            int(group.tags.get(REPLAYED, 0)), float(group.tags.get(GAP, 0.0)),
            identity=group.tags[SPEC], image=group.image.rpartition("@")[2],
            example="curl -s -H \"Authorization: Bearer $KEY\" -H 'Content-Type: image/png' "
            f"--data-binary @{shlex.quote(str(self._example(group.tags[ENDPOINT])))} {url}/score"
            "   # KEY is one of MLOPS_ENDPOINT_KEYS",
        )  # fmt: skip

    def _example(self, name: str) -> Path:
        return self._state / "examples" / f"{slug(name)}.png"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def open_endpoints(
    at: Clients, serving: ServingSettings, state: Path
) -> tuple[ContainerEndpoints, ServingPlan, Groups]:
    """Everything that serving takes, in the subscription and resource group of the settings."""
    from azure.containerregistry import ContainerRegistryClient
    from azure.mgmt.cdn import CdnManagementClient
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient
    from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

    subscription, group = at.settings.subscription, at.settings.resource_group
    place, server = (f"subscriptions/{subscription}/resourceGroups/{group}",
                     f"{serving.registry.lower()}.azurecr.io")  # fmt: skip

    def held() -> ContainerRegistryClient:
        return ContainerRegistryClient(
            f"https://{server}", at.identity, audience="https://management.azure.com"
        )

    tasks = ContainerRegistryTasksMgmtClient(at.identity, subscription)
    images = Images(
        Builds(tasks, serving.registry_group or group, serving.registry), held, server, serving.base
    )
    groups = Groups(ContainerInstanceManagementClient(at.identity, subscription), group)
    door = serving.front_door and FrontDoor(
        CdnManagementClient(at.identity, subscription), group, serving.front_door
    )
    prover = Prover(groups, opening(serving), serving.latency_s)
    traffic = Traffic(door or None, prover, serving)
    return (
        ContainerEndpoints(
            groups,
            images,
            prover,
            traffic,
            serving,
            place,
            state,
            lambda: require_pull(at, serving),
        ),
        ServingPlan(images, groups, door or None, serving, place),
        groups,
    )
