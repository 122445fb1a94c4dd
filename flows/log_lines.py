"""The lines of a run's log, each told once, also where some come late."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from flows.patience import patiently

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.filters import LogFilter
    from prefect.client.schemas.objects import Log

PAGE = 200  # lines that the server gives at once
LATE = timedelta(seconds=60)  # flow, worker and trainer hand their lines over each in its time


class LogLines:
    """
    The log of one run.

    Args:
        run: its id.
    """

    def __init__(self, client: SyncPrefectClient, run: UUID) -> None:
        self._client, self._run = client, run
        self._told: set[UUID] = set()
        self._newest: datetime | None = None

    def new(self) -> Iterator[str]:
        """What was not told before, by time."""
        since = self._newest and self._newest - LATE
        for line in self._after(since):
            if line.id in self._told:
                continue
            self._told.add(line.id)
            self._newest = max(self._newest or line.timestamp, line.timestamp)
            yield f"{line.timestamp:%H:%M:%S}  {line.message}"

    def _after(self, since: datetime | None) -> Iterator[Log]:
        from prefect.client.schemas.sorting import LogSort

        wanted, offset = self._filter(since), 0
        while True:
            lines = patiently(
                functools.partial(
                    self._client.read_logs, wanted, PAGE, offset, LogSort.TIMESTAMP_ASC
                )
            )
            yield from lines
            offset += len(lines)
            if len(lines) < PAGE:
                return

    def _filter(self, since: datetime | None) -> LogFilter:
        from prefect.client.schemas.filters import (
            LogFilter,
            LogFilterFlowRunId,
            LogFilterTimestamp,
        )

        return LogFilter(
            flow_run_id=LogFilterFlowRunId(any_=[self._run]),
            timestamp=LogFilterTimestamp(after_=since) if since else None,
        )
