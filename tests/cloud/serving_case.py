"""What one case of serving does, and what must never come of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from tasks.backends.azure.containers.front_door import Share
from tasks.backends.azure.containers.groups import Group
from tasks.backends.azure.containers.health import require_pull, serving_checks
from tasks.records import ModelVersion
from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.front_door.rules import ENDPOINT, ORIGIN, ORIGIN_GROUP, ROUTE
from tests.cloud.front_door.shapes import identifier_of
from tests.cloud.serving_parts import BUILT, LIVES, ServingParts, Stage, context


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        on: what meets the fault.
        name: of the group, build or endpoint that it makes.
        built: how many builds there were before it.
    """

    stage: Stage
    on: ServingParts
    built: int
    name: str = field(default_factory=lambda: f"m{uuid.uuid4().hex[:12]}")

    def look(self) -> bool:
        found = self.on.groups.get(LIVES)
        return found is not None and found.is_running

    def listed(self) -> bool:
        return [each.name for each in self.on.groups.listed()] == [LIVES]

    def make(self) -> bool:
        """As a deployment does: what a try before it made is found."""
        found = self.on.groups.settled(self.name)
        if not found.is_running:
            found = self.on.groups.put(self.name, self.stage.group(self.name))
        return found.is_running and found.image == self.stage.image

    def tag(self) -> bool:
        before = self._group(LIVES)
        self.on.groups.tag(before, {"mlops-live": self.name})
        return self._group(LIVES).tags == {**before.tags, "mlops-live": self.name}

    def start(self) -> bool:
        return self.on.groups.start(self.name).is_running and self._group(self.name).is_running

    def stop(self) -> bool:
        self.on.groups.stop(self.name)
        return self._group(self.name).state == "Stopped"

    def remove(self) -> bool:
        self.on.groups.remove(self.name)
        return self.stage.owner.groups.get(self.name) is None

    def words(self) -> bool | str:
        """A log that cannot be read is told where its words would be."""
        found = self.on.groups.last_words(LIVES)
        return "told" if "reading the log of lives: " in found else found == "serving"

    def pull(self) -> bool:
        require_pull(self.on.at, self.on.given)
        return True

    def check(self, name: str) -> bool:
        """As ``doctor`` does."""
        looks = {check: look for check, look, _ in serving_checks(self.on.given)}
        return bool(looks[name](self.on.at))

    def known(self, version: ModelVersion) -> bool:
        found = self.on.images.known(version)
        return found is not None and found.digest == self.stage.digest

    def build(self) -> bool:
        self.on.builds.run(self.name, context, lambda _: None, is_there=lambda: False)
        builds = self.stage.cloud.builds
        (image,) = builds.runs()[self.built]["properties"]["outputImages"]
        return bool(image["digest"] == builds.digest(image["repository"], image["tag"]))

    def follow(self) -> bool:
        """A build that has ended: its log is told once, and whole."""
        said: list[str] = []
        self.on.builds.run(BUILT, context, said.append, is_there=lambda: True)
        return [line.lower()[:8] for line in said] == ["step 1/2", "step 2/2"]

    def share(self, blue: float, green: float = 0.0) -> bool:
        """In per cent."""
        url = self._share(self.on, blue, green)
        asked = {"blue": blue, "green": green}
        found = self.origins()
        return (
            {name: part for name, part in asked.items() if part or name in found} == found
            and url.startswith(f"https://{self.name}-")
            and self._leads_there()
        )

    def lead(self, blue: float, green: float = 0.0) -> None:
        """As ``share``, without a fault."""
        self._share(self.stage.owner, blue, green)

    def shares(self) -> bool:
        return self.on.door.shares(self.name) == {"blue": 90.0, "green": 10.0}

    def origins(self) -> dict[str, float]:
        """What each gets, in per cent; 0 is taken out."""
        found = self.stage.cloud.door.state.below(identifier_of(ORIGIN, self.name, ""))
        given = {each["name"]: each["properties"] for each in found}
        return {
            name: each["weight"] / 10 if each["enabledState"] == "Enabled" else 0.0
            for name, each in given.items()
        }

    def end(self) -> None:
        """Nothing was done twice, nothing is half live; and all is gone again."""
        cloud = self.stage.cloud
        assert len(cloud.builds.runs()) - self.built <= 1
        assert set(cloud.groups.live()) in ({LIVES}, {LIVES, self.name})
        operations = json.loads((cloud.folder / "operations.json").read_text()).values()
        made = [
            each for each in operations if (each["kind"], each["target"]) == ("make", self.name)
        ]
        assert len(made) <= 1
        origins = self.origins()
        assert not origins or any(origins.values()), "nobody would answer"
        if cloud.groups.known.get(f"{GROUPS}/{self.name}"):
            self.stage.owner.groups.remove(self.name)

    def _group(self, name: str) -> Group:
        found = self.stage.owner.groups.get(name)
        assert found
        return found

    def _share(self, parts: ServingParts, blue: float, green: float) -> str:
        return parts.door.share(self.name, {
            "blue": Share("blue.example", blue), "green": Share("green.example", green),
        })  # fmt: skip

    def _leads_there(self) -> bool:
        there: list[Any] = [
            self.stage.cloud.door.state.get(identifier_of(kind, parent, self.name))
            for kind, parent in ((ENDPOINT, ""), (ORIGIN_GROUP, ""), (ROUTE, self.name))
        ]
        return all(there)
