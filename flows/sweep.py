"""sweep: what crashes left behind is ended, and what died serves again."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from prefect import flow

from flows.forms import Where
from flows.outcome import explained
from tasks import backends
from tasks.errors import Independent
from tasks.sweep import Swept, end_lost_runs, repair_endpoint


@flow(name="sweep", flow_run_name="sweep {backend}", persist_result=False)
@explained
def sweep(backend: Where = "local") -> Swept:
    """
    Look for what crashes left behind, and set it right; what is at work is left alone.

    Trainings, searches and batch scorings that nobody waits for are ended: they cost money until
    somebody looks, and go on where they were when they are asked for again. An endpoint whose
    service died serves again.

    Args:
        backend: where to look: local or azure.
    """
    on = backends.choose(backend)
    said: list[str] = []
    names: list[str] = []
    each = Independent()
    with each.tried():
        said += end_lost_runs(on).said
    with each.tried():
        names += on.endpoints.names() if on.endpoints else []
    for name in names:
        with each.tried():
            said += repair_endpoint(on, name).said
    each.finish()
    return Swept(tuple(said))
