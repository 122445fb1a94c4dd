"""Groups of containers on Azure Container Instances: made, looked at, marked, stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.backends.azure.failures import told
from tasks.backends.azure.waiting import POLL_S, ended, follow
from tasks.errors import Refused, Transient

if TYPE_CHECKING:
    from azure.core.polling import LROPoller
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient
    from azure.mgmt.containerinstance.models import ContainerGroup

CONTAINER = "service"
PORT = 8000
LAST_WORDS = 20  # lines of a container's log in a message
START_S = 900.0
CURES = {  # code of the service → what a person can do; a second try would end as the first
    "InaccessibleImage": "let the identity MLOPS_ENDPOINT_IDENTITY have the role AcrPull on the "
    "registry",
    "ContainerGroupQuotaReached": "delete groups that nobody needs, or ask Azure for more",
    "QuotaExceeded": "delete groups that nobody needs, or ask Azure for more",
    "ResourceRequestsExceedsLimit": "lower MLOPS_ENDPOINT_CPU or MLOPS_ENDPOINT_MEMORY_GB",
    "LocationNotAvailableForResourceType": "choose another AZURE_LOCATION",
    "DnsNameLabelNotAvailable": "another group in this region has that name; choose another --name",
    "DnsNameLabelNotUnique": "another group in this region has that name; choose another --name",
    "RequestDisallowedByPolicy": "a policy of the subscription forbids it",
}


@dataclass(frozen=True)
class Group:
    """
    A group as Azure tells of it.

    Attributes:
        provisioning: state of the last change: Creating, Succeeded, Failed, …
        state: Running, Stopped, …; of the group as a whole.
        restarts: of the container, since it was made.
        image: by digest.
        told: what Azure says happened to the container last.
    """

    name: str
    tags: dict[str, str]
    provisioning: str
    state: str
    host: str
    image: str
    restarts: int
    told: str

    @property
    def url(self) -> str:
        """Where its service answers, without a guard before it."""
        return f"http://{self.host}:{PORT}"

    @property
    def is_changing(self) -> bool:
        ended = ("Succeeded", "Failed", "Canceled", "Unhealthy", "Repairing")
        return self.provisioning not in ended

    @property
    def is_up(self) -> bool:
        """It runs, or will once its change has ended."""
        return self.state == "Running" or (self.is_changing and self.provisioning != "Deleting")

    @property
    def is_running(self) -> bool:
        return self.state == "Running" and self.provisioning == "Succeeded"


class Groups:
    """
    Args:
        place: the resource group.
        poll_s: seconds between two looks at a change.
    """

    def __init__(
        self, client: ContainerInstanceManagementClient, place: str, *, poll_s: float = POLL_S
    ) -> None:
        self._client, self._place, self._poll_s = client, place, poll_s

    def get(self, name: str) -> Group | None:
        """The group of that name."""
        from azure.core.exceptions import ResourceNotFoundError

        with told(f"looking at container group {name}"):
            try:
                return _record(self._client.container_groups.get(self._place, name))
            except ResourceNotFoundError:
                return None

    def listed(self) -> list[Group]:
        """All groups of the resource group; those of others are among them."""
        with told("listing container groups"):
            found = list(self._client.container_groups.list_by_resource_group(self._place))
        return [_record(each) for each in found]

    def put(self, name: str, wanted: ContainerGroup) -> Group:
        """Make the group so, whatever it was, and wait until Azure says that it is."""
        self.settled(name)
        with _explained(f"making container group {name}"):
            self._await(name, self._client.container_groups.begin_create_or_update(
                self._place, name, wanted, polling_interval=self._poll_s
            ))  # fmt: skip
        return self.settled(name)

    def start(self, name: str) -> Group:
        """Start a group that was stopped."""
        self.settled(name)
        with _explained(f"starting container group {name}"):
            self._await(name, self._client.container_groups.begin_start(
                self._place, name, polling_interval=self._poll_s
            ))  # fmt: skip
        return self.settled(name)

    def stop(self, name: str) -> None:
        """Stop a group, if it comes to run: it costs nothing then, and keeps what it is."""
        if self.settled(name).state != "Running":
            return
        with _explained(f"stopping container group {name}"):
            self._client.container_groups.stop(self._place, name)

    def remove(self, name: str) -> None:
        """Delete a group, if it is there."""
        with _explained(f"deleting container group {name}"):
            self._await(name, self._client.container_groups.begin_delete(
                self._place, name, polling_interval=self._poll_s
            ))  # fmt: skip

    def tag(self, group: Group, tags: dict[str, str]) -> Group:
        """Add tags; nothing restarts."""
        from azure.mgmt.containerinstance.models import Resource

        merged = {**group.tags, **tags}
        with _explained(f"tagging container group {group.name}"):
            return _record(
                self._client.container_groups.update(self._place, group.name, Resource(tags=merged))
            )

    def last_words(self, name: str) -> str:
        """The end of the container's log, or why it cannot be read; for a message."""
        try:
            with told(f"reading the log of {name}"):
                found = self._client.containers.list_logs(
                    self._place, name, CONTAINER, tail=LAST_WORDS
                )
        except (Refused, Transient) as error:
            return f"({error})"
        return (found.content or "").rstrip()

    def room(self, region: str) -> tuple[int, int]:
        """
        Groups in use in that region, and how many there may be; zeros where nobody tells.

        The subscription is asked, of which an identity that makes groups need not know anything.
        What is too much is refused when a group is made, with a cure of its own.
        """
        from azure.core.exceptions import HttpResponseError

        with told(f"looking at the quota of {region}"):
            try:
                for each in self._client.location.list_usage(region):
                    if each.name and each.name.value == "ContainerGroups":
                        return int(each.current_value or 0), int(each.limit or 0)
            except HttpResponseError as error:
                if error.status_code != 403:
                    raise
        return 0, 0

    def settled(self, name: str) -> Group:
        """
        Wait for a change that goes on, of whoever began it: a release that was killed, maybe.

        Returns:
            The group; one with no tags and no state if there is none.
        """
        found = follow(
            lambda: self.get(name), until=lambda seen: seen is None or not seen.is_changing,
            what=_settled(name), timeout_s=START_S, poll_s=self._poll_s,
        )  # fmt: skip
        return found or Group(name, {}, "", "", "", "", 0, "")

    def _await(self, name: str, operation: LROPoller[Any]) -> None:
        ended(operation, what=_settled(name), timeout_s=START_S)


def _settled(name: str) -> str:
    return f"container group {name} to change no more"


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """As ``told``, and sorted by the service's own codes first, which come with any status."""
    from azure.core.exceptions import HttpResponseError

    with told(what):
        try:
            yield
        except HttpResponseError as error:
            code = error.error.code if error.error else ""
            said = f"{what}: {code}: {error.error.message if error.error else error.message}"
            if cure := CURES.get(code or ""):
                raise Refused(f"{said}; {cure}") from error
            if error.status_code == 200:  # an operation that failed later, by a code of its own
                raise Transient(said) from error
            raise


def _record(found: Any) -> Group:
    container = found.containers[0] if found.containers else None
    view = container.instance_view if container else None
    states = [each for each in (view.current_state, view.previous_state) if each] if view else []
    words = [
        f"{each.state}{f' (exit code {each.exit_code})' if each.exit_code is not None else ''}"
        f"{f': {each.detail_status}' if each.detail_status else ''}"
        for each in states
    ]
    events = [f"{each.name}: {each.message}" for each in (view.events or [])] if view else []
    return Group(
        found.name, dict(found.tags or {}), found.provisioning_state or "",
        (found.instance_view.state if found.instance_view else "") or "",
        (found.ip_address.fqdn if found.ip_address else "") or "",
        container.image if container else "", int(view.restart_count or 0) if view else 0,
        "; ".join([*words, *events[-3:]]),
    )  # fmt: skip
