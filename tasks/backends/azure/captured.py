"""Captured traffic of container groups: fetched from those that run, kept in Blob Storage."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import httpx

from tasks.backends.azure.containers.groups import Group, Groups
from tasks.backends.azure.containers.pairs import Pair
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.containers.specs import opening, reading
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.names import slug
from tasks.ports import Watch

if TYPE_CHECKING:
    import pyarrow as arrow

MOST_BYTES, MOST_FILES = 1_000_000_000, 5000  # of one endpoint; the oldest go


class GroupTraffic:
    """
    A service writes beside itself, into a folder that ends with its group; nothing leaves it by
    itself, so it needs no way out and no identity. Whoever monitors it takes what is new.
    """

    def __init__(self, lake: Lake, groups: Groups, serving: ServingSettings) -> None:
        self._lake, self._groups, self._serving = lake, groups, serving
        self._trust = httpx.create_ssl_context()

    def fetch(self, name: str, watch: Watch) -> None:
        """Bring what is new in both groups to Blob Storage."""
        running = [each for each in Pair.of(name, self._groups).groups.values()
                   if each and each.is_running]  # fmt: skip
        known = self._lake.sizes(folder_of(name))
        for group in running:
            try:
                with self._client(group.url, reading(self._serving)) as client:
                    new = self._taken(client, group, name, known)
            except (httpx.HTTPError, ValueError) as error:  # also an answer that is no JSON
                watch(f"what {group.name} captured since last time cannot be had now: {error!r}")
                continue
            watch(f"{new} new files of captured traffic from {group.name}")
        self._make_room(name, watch)

    def files(self, name: str) -> list[str]:
        """Of both groups, whatever became of them."""
        return sorted(path.rpartition("/")[2] for path in self._lake.sizes(folder_of(name)))

    def read(self, name: str, file: str, columns: Sequence[str]) -> arrow.Table | None:
        """Some columns of a file."""
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        data = self._lake.read(f"{folder_of(name)}{file}")
        if data is None:
            return None
        try:
            with parquet.ParquetFile(io.BytesIO(data)) as opened:
                table: arrow.Table = opened.read(columns=list(columns))
        except (OSError, arrow.ArrowInvalid):  # damaged
            return None
        return table if set(columns) <= set(table.column_names) else None

    def asking(self, url: str) -> httpx.Client:
        """With the first key, and the mark of Front Door."""
        return self._client(url, opening(self._serving))

    def _taken(
        self, client: httpx.Client, group: Group, name: str, known: Mapping[str, int]
    ) -> int:
        """How many files of a group were new."""
        listed = client.get("/captured")
        if listed.status_code == 404:
            return 0  # it was made when nothing was captured
        new = 0
        for file in listed.raise_for_status().json()["files"]:
            # Two services may have a file of one name: processes of containers have low numbers.
            target = f"{folder_of(name)}{file.removesuffix('.parquet')}-{group.name}.parquet"
            if target in known:
                continue
            found = client.get(f"/captured/{file}")
            if found.status_code != 404:  # the service made room meanwhile
                self._lake.write(target, found.raise_for_status().content)
                new += 1
        return new

    def _make_room(self, name: str, watch: Watch) -> None:
        sizes = self._lake.sizes(folder_of(name))
        total, count = sum(sizes.values()), len(sizes)
        for path in sorted(sizes):
            if total <= MOST_BYTES and count <= MOST_FILES:
                return
            self._lake.remove(path)
            total, count = total - sizes[path], count - 1
            watch(f"{path} is removed: no more than {MOST_BYTES / 1e9:g} GB in {MOST_FILES} files "
                  "are kept")  # fmt: skip

    def _client(self, url: str, headers: Mapping[str, str]) -> httpx.Client:
        return httpx.Client(base_url=url, headers=headers, timeout=60, verify=self._trust)


def folder_of(name: str) -> str:
    """Where captured traffic of an endpoint lies in the container of what releases leave."""
    return f"captured/{slug(name)}/"
