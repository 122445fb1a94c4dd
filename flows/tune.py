"""tune: which knobs suit these images?"""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from prefect import flow
from prefect.runtime import flow_run

from flows.forms import SAMPLE, Name, Where
from flows.outcome import explained
from model.config import TrainConfig
from model.images import name_of
from model.tune.space import Search
from tasks import backends
from tasks.ports import TUNING
from tasks.searches import Tuned
from tasks.source import read_code
from tasks.step import say
from tasks.tune import describe_search, tune_model


def run_name() -> str:
    """What the UI calls a run: which data, which code."""
    given = flow_run.parameters
    return f"tune {given.get('name') or name_of(given['data'])} {read_code()}"


@flow(name="tune", flow_run_name=run_name, persist_result=False)
@explained
def tune(
    data: str = SAMPLE,
    name: Name | None = None,
    backend: Where = "local",
    config: TrainConfig = TrainConfig(),  # noqa: B008 (frozen)
    search: Search = Search(),  # noqa: B008 (frozen)
) -> Tuned:
    """
    Search for knobs with which training on the images at ``data`` does best in validation.

    Args:
        data: folder, Parquet file or fsspec URL of the images; its test images are not looked at.
        name: of the data; by default the last part of ``data``.
        backend: where to train: local.
        config: training knobs: where the search begins; what is not searched stays.
        search: how long, and for which knobs; all of model/tune/space.py if none is named.
    """
    on = backends.choose(backend)
    # A lock of its own: a search may take hours, and a rollback must not wait for it.
    with on.ledger.exclusive(f"tune of {data}", say, part=TUNING):
        dataset = on.datasets.identify(data, name)
        return tune_model(on, describe_search(dataset, config, search))
