"""What is live where, since when, why, and what it costs: what ``status`` tells of a cloud."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.foreseen import Cost


@dataclass(frozen=True)
class Part:
    """One of the things behind an endpoint, such as a container group, and how it is."""

    name: str
    state: str
    version: str


@dataclass(frozen=True)
class Standing:
    """
    An endpoint as it stands.

    Attributes:
        version, digest: of the model that is live; of none, 0 and "".
        is_answering: it was asked, and answered as that model.
        since: when it went live, UTC.
        evidence: key of the verdict that let it.
        costs: of a day.
    """

    endpoint: str
    url: str
    version: int
    digest: str
    is_answering: bool
    since: str
    evidence: str
    parts: tuple[Part, ...]
    costs: tuple[Cost, ...]
