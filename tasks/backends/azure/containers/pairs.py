"""The two groups of an endpoint, and which of them is live: a number in a tag says so."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.backends.azure.containers.groups import Group, Groups
from tasks.backends.azure.containers.specs import COLOURS, SPEC, group_name

LIVE, SINCE = "mlops-live", "mlops-since"


@dataclass(frozen=True)
class Pair:
    """Blue and green; ``None`` where a group was never made."""

    groups: dict[str, Group | None]

    @classmethod
    def of(cls, name: str, groups: Groups) -> Pair:
        """As Azure tells of them now."""
        return cls({colour: groups.get(group_name(name, colour)) for colour in COLOURS})

    @property
    def live(self) -> Group | None:
        """The one with the highest number; it may be stopped."""
        served = [each for each in self.groups.values() if each and number_of(each)]
        return max(served, key=number_of, default=None)

    @property
    def next_number(self) -> int:
        """What the next live group is marked with."""
        return max((number_of(each) for each in self.groups.values() if each), default=0) + 1

    def colour_for(self, spec: str) -> str:
        """Of the group that has this specification, or else of one that is not live."""
        for colour, group in self.groups.items():
            if group and group.tags.get(SPEC) == spec:
                return colour
        return next(c for c, each in self.groups.items() if each is None or each != self.live)

    def beside(self, group: Group) -> Group | None:
        """The other one."""
        return next((e for e in self.groups.values() if e and e.name != group.name), None)


def number_of(group: Group) -> int:
    """Of the switch by which it became live; 0 if it never was."""
    return int(group.tags.get(LIVE, 0))
