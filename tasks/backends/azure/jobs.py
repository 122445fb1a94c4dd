"""One-time runs on Databricks: submitted once for each token, followed, cancelled, swept."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tasks.backends.azure.compute import environments_of, require_workers, task_of
from tasks.backends.azure.failures import told
from tasks.backends.azure.outcomes import explained
from tasks.backends.azure.settings import AzureSettings
from tasks.digests import digest_of
from tasks.errors import Transient

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import Run

PREFIX = "mlops"  # of the names of our runs: what is swept
EPOCHS = 100  # that one token may have; each but the last failed
POLL_S = 5.0
PATIENCE_S = 600.0  # that Databricks may be ill while we wait
OUTPUT = 6000  # signs of a failed task's output that are shown


class Jobs:
    """
    Args:
        poll_s: seconds between two looks at a run; by default ``POLL_S``.
        patience_s: for how long looks may fail, one after the other, before the wait gives up.
    """

    def __init__(
        self,
        client: WorkspaceClient,
        settings: AzureSettings,
        *,
        poll_s: float | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client, self._settings = client, settings
        self._poll_s = POLL_S if poll_s is None else poll_s
        self._patience_s = patience_s

    def require(self, workers: int) -> None:
        """Raises Refused: the compute would not start so many machines together."""
        require_workers(self._settings, workers)

    def submit(
        self,
        token: str,
        *,
        entry: str,
        wheel: str,
        words: list[str],
        libraries: list[str],
        is_usable: Callable[[Run], bool],
        workers: int = 1,
        attempt: str = "",
    ) -> int:
        """
        Start the run, or find it again: the same token names the same run.

        A token's first run has epoch 0. Databricks answers a token that it knows with the run of
        then; one that ended in vain, is being cancelled or was deleted is passed over, and the next
        epoch is asked for. Databricks ends a run itself after ``MLOPS_RUN_HOURS``, also if nobody
        here lives to cancel it.

        Args:
            is_usable: of a run that ended: did it leave what it should?
            workers: machines that work together.
            attempt: tells runs apart that have a token in common, and are not the same work.

        Returns:
            The number of the run.
        """
        from databricks.sdk.service.jobs import JobEnvironment, SubmitTask

        task = SubmitTask.from_dict({
            "task_key": entry,
            "python_wheel_task": {
                "package_name": "image-classifier-mlops", "entry_point": entry, "parameters": words,
            },
            **task_of(self._settings, wheel, libraries, workers),
        })  # fmt: skip
        environments = environments_of(self._settings, wheel, libraries)
        for epoch in range(EPOCHS):
            with told(f"submitting {entry} {token[:8]}"), _deleted_passed_over():
                asked = self._client.jobs.submit(
                    run_name=f"{self._ours(entry)}{token}", tasks=[task],
                    environments=[JobEnvironment.from_dict(each) for each in environments] or None,
                    idempotency_token=f"{token}-{attempt}{epoch}",
                    timeout_seconds=math.ceil(self._settings.run_hours * 3600),
                )  # fmt: skip
                number = int(asked.run_id)
                run = self._client.jobs.get_run(number)
                if _is_ending(run):  # cancelled or done: only then may another write its folder
                    run = self.follow(number, lambda: None)
                if not _is_over(run) or is_usable(run):
                    return number
        raise Transient(f"{EPOCHS} runs of {entry} {token[:8]} failed; look at them in Databricks")

    def follow(self, number: int, look: Callable[[], None]) -> Run:
        """
        Wait for the end of a run; ``look`` is called at each turn, for what it does meanwhile.

        Raises:
            Transient: Databricks could not be asked for longer than we are patient.
        """
        ill_since: float | None = None
        while True:
            try:
                with told(f"looking at run {number}"):
                    run = self._client.jobs.get_run(number)
                look()
            except Transient as error:
                now = time.monotonic()
                ill_since = ill_since or now
                if now - ill_since > self._patience_s:
                    raise
                time.sleep(max(self._poll_s, min(error.retry_after_s, 60)))
                continue
            ill_since = None
            if _is_over(run):
                look()
                return run
            time.sleep(self._poll_s)

    def is_at(self, number: int, words: list[str]) -> bool:
        """Was the program of a run told so, and does it go on?"""
        with told(f"looking at run {number}"):
            run = self._client.jobs.get_run(number)
        task = run.tasks[0].python_wheel_task if run.tasks else None
        asked = list(task.parameters or []) if task else []
        return asked == words and not (_is_ending(run) or _is_over(run))

    def output(self, run: Run) -> str:
        """The end of what the run's task wrote."""
        with told(f"reading the output of run {run.run_id}"):
            number = run.tasks[0].run_id if run.tasks else run.run_id
            found = self._client.jobs.get_run_output(int(number or 0))
        return "\n".join(part for part in (found.logs, found.error_trace, found.error) if part)

    def explained(self, run: Run) -> Exception:
        """What to raise for a run that did not succeed."""
        code, message = code_of(run)
        return explained(code, message, str(run.run_page_url), self.output(run)[-OUTPUT:])

    def end(self, entry: str, is_meant: Callable[[str], bool]) -> int:
        """End those of our runs whose token is meant; say how many."""
        ended = 0
        for number, token in self.active(entry).items():
            if is_meant(token):  # asked just before: a command may find it again any moment
                self.cancel(number)
                ended += 1
        return ended

    def cancel(self, number: int) -> None:
        """End a run, if it goes on."""
        with told(f"cancelling run {number}"):
            self._client.jobs.cancel_run(number)

    def active(self, entry: str) -> dict[int, str]:
        """Our runs that go on: number → token."""
        from databricks.sdk.service.jobs import RunType

        start = self._ours(entry)
        with told("listing runs"):
            found = list(self._client.jobs.list_runs(active_only=True, run_type=RunType.SUBMIT_RUN))
        return {
            int(run.run_id or 0): run.run_name.removeprefix(start)
            for run in found
            if run.run_name and run.run_name.startswith(start)
        }

    def _ours(self, entry: str) -> str:
        """How names of runs begin whose locks are in our state: others share the workspace."""
        place = (self._settings.storage_account, self._settings.container)
        return f"{PREFIX} {digest_of(place)[:8]} {entry} "


def code_of(run: Run) -> tuple[str, str]:
    """Termination code and message of a run that is over."""
    details = run.status.termination_details if run.status else None
    if details and details.code:
        return details.code.value, details.message or ""
    state = run.state
    result = state.result_state.value if state and state.result_state else "INTERNAL_ERROR"
    return result, (state.state_message or "") if state else ""


def is_success(run: Run) -> bool:
    """Did it end well? ``.result()`` of the SDK does not look at this."""
    return code_of(run)[0] in ("SUCCESS", "SUCCESS_WITH_FAILURES")


@contextlib.contextmanager
def _deleted_passed_over() -> Iterator[None]:
    """A token whose run was deleted is answered with an error, for good."""
    from databricks.sdk.errors import NotFound
    from databricks.sdk.errors.base import DatabricksError

    try:
        yield
    except NotFound:
        return
    except DatabricksError as error:
        if not re.search(r"\b(run|token)\b.*(deleted|does not exist)", str(error), re.IGNORECASE):
            raise


def _is_ending(run: Run) -> bool:
    from databricks.sdk.service.jobs import RunLifeCycleState as Life

    return bool(run.state and run.state.life_cycle_state == Life.TERMINATING)


def _is_over(run: Run) -> bool:
    from databricks.sdk.service.jobs import RunLifeCycleState as Life

    state = run.state.life_cycle_state if run.state else None
    return state in (Life.TERMINATED, Life.SKIPPED, Life.INTERNAL_ERROR)
