"""What a deployment would ask of Azure: the calls that change something, and a day's costs."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.backends.azure.containers.front_door import FrontDoor
from tasks.backends.azure.containers.groups import Groups
from tasks.backends.azure.containers.images import Images
from tasks.backends.azure.containers.pairs import Pair
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.containers.specs import group_name, spec_digest
from tasks.backends.azure.names import slug
from tasks.backends.azure.prices import Prices
from tasks.foreseen import Call, Cost
from tasks.records import ModelVersion

ARM = "https://management.azure.com"


class ServingPlan:
    """
    Args:
        place: subscription and resource group, as in Azure's ids.
    """

    def __init__(
        self, images: Images, groups: Groups, door: FrontDoor | None, serving: ServingSettings,
        place: str,
    ) -> None:  # fmt: skip
        self._images, self._groups, self._door, self._serving = images, groups, door, serving
        self._at = f"{ARM}/{place}/providers"

    def calls(self, name: str, version: ModelVersion | None) -> Iterator[Call]:
        """
        In the order of a release.

        Args:
            version: what would be deployed; ``None`` while there is none.
        """
        image = self._images.known(version) if version else None
        if image is None:
            build = self._images.build_name(version) if version else "mlops-*"
            place = f"{self._at}/Microsoft.ContainerRegistry/registries/{self._serving.registry}"
            yield Call("POST", f"{place}/listBuildSourceUploadUrl", "a place for the image's "
                       "context, some 70 MB")  # fmt: skip
            yield Call("PUT", f"{place}/taskRuns/{build}", "the build of the image")
        pair = Pair.of(name, self._groups)
        spec = spec_digest(version, image, self._serving) if version and image else ""
        new = group_name(name, pair.colour_for(spec))
        groups = f"{self._at}/Microsoft.ContainerInstance/containerGroups"
        known = next((each for each in pair.groups.values() if each and each.name == new), None)
        if known and known.tags and spec:
            yield Call("POST", f"{groups}/{new}/start", "it has this version, and is stopped")
        else:
            if known:
                yield Call("DELETE", f"{groups}/{new}", "it is stopped, and has another version")
            yield Call("PUT", f"{groups}/{new}", f"a container group: {self._serving.cpu:g} "
                       f"cores, {self._serving.memory_gb:g} GB")  # fmt: skip
        yield from self._shares(name)
        yield Call("PATCH", f"{groups}/{new}", "what it proved, and that it is live")
        is_left_running = self._door and self._serving.spread_s  # until nobody is led there
        if pair.live and pair.live.name != new and not is_left_running:
            yield Call("POST", f"{groups}/{pair.live.name}/stop", "it was live until then")

    def costs(self, name: str) -> tuple[Cost, ...]:
        """Of the group that serves; while one follows another, both run for minutes."""
        given = self._serving
        day = Prices.read().day_of_group(name, given.cpu, given.memory_gb)
        return (Cost("serving, a day", day.sum, day.amount, day.currency),)

    def _shares(self, name: str) -> Iterator[Call]:
        if not self._door:
            return
        lacks = self._door.lacks(name)
        profile, own = f"{self._at}/Microsoft.Cdn/profiles/{self._serving.front_door}", slug(name)
        steps = ", ".join(f"{share:g} %" for share in (*self._serving.canary, 100.0))
        if "endpoint" in lacks:
            yield Call("PUT", f"{profile}/afdEndpoints/{own}", "the stable address")
        if "origin group" in lacks:
            yield Call("PUT", f"{profile}/originGroups/{own}", "what leads to the groups")
        yield Call("PUT", f"{profile}/originGroups/{own}/origins/*", f"the traffic: {steps}")
        if "route" in lacks:
            yield Call("PUT", f"{profile}/afdEndpoints/{own}/routes/{own}", "from one to the other")
