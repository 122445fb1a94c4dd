"""release: from images to a served model, or a refusal that explains itself."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from prefect import flow
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run

from flows.evidence import evidence_of
from flows.forms import SAMPLE, Hours, Name, Where
from flows.outcome import explained
from model.config import TrainConfig
from model.images import name_of
from tasks import backends
from tasks.approve import approve_release, require_same_champion
from tasks.deploy import serve
from tasks.errors import Refused
from tasks.evaluate import evaluate_candidate
from tasks.gate import known_pass, pass_test_gate
from tasks.ports import Backend, endpoint_part, release_part
from tasks.records import Approved, Code, Dataset, Deployment, ModelVersion
from tasks.register import register_model
from tasks.rules import Rules
from tasks.source import read_code
from tasks.step import say
from tasks.train import describe_job, train_model
from tasks.validate import known_checks, validate_images


def run_name() -> str:
    """What the UI calls a run: which data, which code."""
    given = flow_run.parameters
    return f"release {given.get('name') or name_of(given['data'])} {read_code()}"


@flow(name="release", flow_run_name=run_name, persist_result=False)
@explained
def release(
    data: str = SAMPLE,
    name: Name | None = None,
    backend: Where = "local",
    config: TrainConfig = TrainConfig(),  # noqa: B008 (frozen)
    rules: Rules = Rules(),  # noqa: B008 (frozen)
    deploy: bool = True,
    force: bool = False,
    port: int | None = None,
    approval: bool = False,
    approval_hours: Hours = 24.0,
) -> Deployment | ModelVersion:
    """
    Take the images at ``data`` all the way to a served model, or refuse.

    Args:
        data: folder, Parquet file or fsspec URL of the images.
        name: of model and endpoint; by default that of the data.
        backend: where to train, register and serve: local or azure.
        config: training knobs.
        rules: when a candidate may serve.
        deploy: false registers the model and leaves the endpoint alone.
        force: check, test and train again, changed or not.
        port: of the endpoint here; by default the one it has, or a free one from 8000 on.
        approval: ask a person in Prefect after the gates, before anything goes live.
        approval_hours: in which somebody has to answer; nobody is a refusal.
    """
    on = backends.choose(backend)
    code = read_code()
    with evidence_of("release", on):
        dataset = on.datasets.identify(data, name)
        name = dataset.name
        with on.ledger.exclusive(f"release of {data}", say, part=release_part(name)):
            champion = on.registry.champion(name)
            approved = _proved(on, dataset, code, champion, config, rules, force)
            if not (approval and deploy and on.endpoints):
                return _live(on, approved, champion, name, deploy, port)
        # Outside: a person may take hours, and another release must not wait for them.
        approved = approve_release(approved, name, on.name, champion, approval_hours)
        return _live(on, approved, champion, name, deploy, port)


def _proved(
    on: Backend,
    dataset: Dataset,
    code: Code,
    champion: ModelVersion | None,
    config: TrainConfig,
    rules: Rules,
    force: bool,
) -> Approved:
    """What passed every gate."""
    if config.workers > 1 and (force or not _is_proved(on, dataset, code, champion)):
        on.trainer.require(config.workers)  # now, and not after all else went well
    checking = validate_images.submit(on, dataset, champion, force, config.workers)
    try:
        gate = pass_test_gate(on, code, force)
        checked = checking.result()
    except Refused:
        checking.wait()  # so that one run tells all that is to mend
        raise
    except (KeyboardInterrupt, SystemExit, TerminationSignal):
        on.datasets.cancel()  # other machines may look at the images
        raise
    candidate = train_model(on, describe_job(checked, gate, config), force)
    return evaluate_candidate(on, candidate, champion, rules)


def _is_proved(on: Backend, dataset: Dataset, code: Code, champion: ModelVersion | None) -> bool:
    """Did these images and this code pass before?"""
    _, checked, _ = known_checks(on, dataset, champion)
    return bool(checked and known_pass(on, code))


def _live(
    on: Backend,
    approved: Approved,
    champion: ModelVersion | None,
    name: str,
    deploy: bool,
    port: int | None,
) -> Deployment | ModelVersion:
    """It has a number, and serves. Only this keeps a rollback waiting: training may take hours."""
    with on.ledger.exclusive(f"release of {name}", say, part=endpoint_part(name)):
        require_same_champion(on, name, champion)
        version = register_model(on, approved, name)
        if on.endpoints is None:
            say(f"the {on.name} backend has no endpoint: version {version.number} is registered")
            return version
        return serve(on, version, port) if deploy else version
