"""monitor: does what the live version is asked still look like what it was tested on?"""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from data_checks.drift.rules import DriftRules
from flows.outcome import explained
from tasks import backends
from tasks.errors import Independent
from tasks.monitor.conclude import conclude_drift, remembered
from tasks.monitor.label import join_labels
from tasks.monitor.observe import observe_service, observe_traffic
from tasks.monitor.records import Joined, Monitored, Watched
from tasks.monitor.watch import endpoint_names, find_live
from tasks.ports import Backend
from tasks.step import say

PART = "monitor.lock"  # a lock of its own: it waits for no release, and no release for it


def run_name() -> str:
    """What the UI calls a run: which endpoint."""
    return f"monitor {flow_run.parameters.get('name') or 'every endpoint'}"


@flow(name="monitor", flow_run_name=run_name, persist_result=False)
@explained
def monitor(
    name: str | None = None,
    backend: str = "local",
    rules: DriftRules = DriftRules(),  # noqa: B008 (frozen)
) -> tuple[Monitored, ...]:
    """
    Judge the traffic since last time; drift that lasts emits the event mlops.drift.detected.

    Args:
        name: of the endpoint; by default every one.
        backend: where the endpoint is: local or azure.
        rules: when traffic has drifted, and how often that may lead to a retraining.
    """
    on = backends.choose(backend)
    found, each = [], Independent()
    with on.ledger.exclusive("monitor", say, part=PART):
        for one in [name] if name else endpoint_names(on):
            with each.tried():
                found.append(_judged(on, find_live(on, one), rules))
    each.finish()
    return tuple(found)


def _judged(on: Backend, watched: Watched, rules: DriftRules) -> Monitored:
    memory = remembered(on, watched.name)
    seen = observe_traffic(on, watched, memory, rules)
    fared = observe_service(on, watched, memory, rules)
    return conclude_drift(on, watched, seen, fared, rules)


@flow(name="label", flow_run_name="label {file}", persist_result=False)
@explained
def label(file: Path, name: str | None = None, backend: str = "local") -> Joined:
    """
    Join true labels that came later with captured traffic; the next monitor judges them.

    Args:
        file: CSV or Parquet with the columns request_id, label and, if needed, at.
        name: of the endpoint; may be left out where there is one only.
        backend: where the endpoint is: local or azure.
    """
    on = backends.choose(backend)
    with on.ledger.exclusive("label", say, part=PART):
        return join_labels(on, find_live(on, name), file, DriftRules())
