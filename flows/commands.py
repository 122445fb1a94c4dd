"""
The commands, their options and their help. What they do is imported when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from data_checks.drift.rules import DriftRules
from model.batch_score.options import Scoring
from model.config import TrainConfig
from model.tune.space import Search
from tasks.rules import Rules

SAMPLE = "model/sample/fashion-mnist.parquet"
Name = Annotated[str | None, Parameter(name="--name")]
Flag = Annotated[bool, Parameter(negative="")]
Port = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65535))]


def release(
    *,
    data: Annotated[str, Parameter(name="--data")] = SAMPLE,
    name: Name = None,
    backend: str = "local",
    deploy: bool = True,
    force: Flag = False,
    port: Port | None = None,
    quiet: Flag = False,
    rules: Annotated[Rules, Parameter(name="*")] = Rules(),  # noqa: B008 (frozen)
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
) -> int:
    """
    Validate images, test the code, train, evaluate, register and serve.

    A gate that says no ends it, with the reason; stages whose inputs did not change are skipped.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    name
        Of model and endpoint; by default that of the data.
    backend
        Where to train, register and serve: local, or azure (docs/azure.md).
    deploy
        Serve the model when it is registered.
    force
        Check, test and train again, changed or not.
    port
        Of the endpoint; by default the one it has, or the first free from 8000 on.
    quiet
        Print the result only.
    """
    from flows.running import run_release

    return run_release(data, name, backend, config, rules, deploy, force, port, quiet)


def plan(
    *,
    data: Annotated[str, Parameter(name="--data")] = SAMPLE,
    name: Name = None,
    backend: str = "local",
    deploy: bool = True,
    rules: Annotated[Rules, Parameter(name="*")] = Rules(),  # noqa: B008 (frozen)
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
) -> int:
    """
    Say what a release would do, reuse and cost; change nothing.

    It goes by the same digests as a release with the same options. Costs are by infra/prices.toml.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    name
        Of model and endpoint; by default that of the data.
    backend
        Where to train, register and serve: local, or azure (docs/azure.md).
    deploy
        Serve the model when it is registered.
    """
    from flows.plan import run_plan

    return run_plan(data, name, backend, config, rules, deploy)


def tune(
    *,
    data: Annotated[str, Parameter(name="--data")] = SAMPLE,
    name: Name = None,
    backend: str = "local",
    quiet: Flag = False,
    search: Annotated[Search, Parameter(name="*")] = Search(),  # noqa: B008 (frozen)
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
) -> int:
    """
    Search for training knobs by validation images; say how to release the best.

    The space is in model/tune/space.py; a knob that an option sets is not searched. Killed or
    interrupted, the same command goes on.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    name
        Of the data; by default the last part of it.
    backend
        Where to train: local.
    quiet
        Print the result only.
    """
    from flows.running import run_tune

    return run_tune(data, name, backend, config, search, quiet)


def score(
    *,
    data: Annotated[str, Parameter(name="--data")],
    out: str,
    version: Annotated[int | None, Parameter(name="--version")] = None,
    name: Name = None,
    backend: str = "local",
    capture: Flag = False,
    quiet: Flag = False,
    scoring: Annotated[Scoring, Parameter(name="*")] = Scoring(),  # noqa: B008 (frozen)
) -> int:
    """
    Let a version answer any number of images; keep the answers as a table.

    Every image gets one row, in OUT/scores or, if it cannot be read, in OUT/bad. Killed or
    interrupted, the same command goes on; with the same images and version it changes nothing.

    Parameters
    ----------
    data
        Images, which need no label: a folder, Parquet file, IDX folder, or an fsspec URL of one.
    out
        Folder or fsspec URL of the answers; scores.json is there when all of them are.
    version
        Number of the version; by default the champion.
    name
        Of the model; may be left out where there is one endpoint only.
    backend
        Where to work: local, or azure.
    capture
        Let the monitor count a sample of the answers as traffic of the endpoint.
    quiet
        Print the result only.
    """
    from flows.running import run_score

    return run_score(data, out, name, version, backend, scoring, capture, quiet)


def rollback(
    *, name: Name = None, to: int | None = None, backend: str = "local", quiet: Flag = False
) -> int:
    """
    Let an earlier version serve again, after the same proof as any other.

    Parameters
    ----------
    name
        Of model and endpoint; may be left out where there is one endpoint only.
    to
        Number of the version; by default the one that served before.
    backend
        Where the endpoint is: local, or azure (docs/azure.md).
    quiet
        Print the result only.
    """
    from flows.running import run_rollback

    return run_rollback(name, to, backend, quiet)


def promote(
    *,
    source: Annotated[str, Parameter(name="--from")],
    target: Annotated[str, Parameter(name="--to")],
    name: Name = None,
    approved_by: str | None = None,
    why: str = "",
    quiet: Flag = False,
    rules: Annotated[Rules, Parameter(name="*")] = Rules(),  # noqa: B008 (frozen)
) -> int:
    """
    Let what serves in one Azure environment serve in another.

    The same model and image, by digest, through the gates there: nothing is trained or built.

    Parameters
    ----------
    source
        Environment in which it serves, such as dev, whose settings .env.dev holds.
    target
        Environment in which it shall serve, such as prod, whose settings .env.prod holds.
    name
        Of model and endpoint; may be left out where there is one endpoint only.
    approved_by
        Who decided; kept as a tag of the version and in the evidence.
    why
        The reason, kept beside it.
    quiet
        Print the result only.
    """
    from flows.running import run_promote

    return run_promote(name, source, target, approved_by, why, rules, quiet)


def trigger(
    deployment: str,
    /,
    *,
    settings: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    build: str | None = None,
    detach: Flag = False,
    attach: Flag = False,
    cancel: Flag = False,
    minutes: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    junit: Path | None = None,
    summary: Path | None = None,
) -> int:
    """
    Start a deployment from a pipeline, follow it, and end as it ends.

    PREFECT_API_URL says where it is. A build starts a run once: the same build finds it again, and
    begins another only where that ended badly. An interruption cancels the run.

    Parameters
    ----------
    deployment
        Flow and deployment, such as release/local.
    settings
        NAME=VALUE of the flow, such as backend=azure or config.epochs=3; may be repeated.
    build
        Name of the build; by default what the agent of Azure DevOps or GitHub calls it.
    detach
        Leave the run alone once it is begun.
    attach
        Follow the run that this build began before; begin none.
    cancel
        Cancel the run that this build began before, if it has not ended; begin none.
    minutes
        Follow it no longer, nor while a person is asked; it goes on (exit code 4).
    junit
        File for the steps as test cases, for the pipeline to publish.
    summary
        File to which the steps are added as a page in Markdown.
    """
    from flows.trigger import run_trigger

    words = tuple(settings or ())
    return run_trigger(deployment, words, build, detach, attach, cancel, minutes, junit, summary)


def monitor(
    *,
    name: Name = None,
    backend: str = "local",
    quiet: Flag = False,
    rules: Annotated[DriftRules, Parameter(name="*")] = DriftRules(),  # noqa: B008 (frozen)
) -> int:
    """
    Judge the traffic since last time; drift that lasts calls for a retraining.

    It compares what the live version answers with its answers to the test images, and emits the
    Prefect event mlops.drift.detected (docs/monitoring.md). Too few images give no verdict.

    Parameters
    ----------
    name
        Of the endpoint; by default every one.
    backend
        Where the endpoint is: local or azure.
    quiet
        Print the result only.
    """
    from flows.running import run_monitor

    return run_monitor(name, backend, rules, quiet)


def label(file: Path, /, *, name: Name = None, backend: str = "local", quiet: Flag = False) -> int:
    """
    Join true labels that came later with captured traffic.

    They give the accuracy of the live version, with an interval; the next monitor judges it.

    Parameters
    ----------
    file
        CSV or Parquet: request_id, label and, where a request had several images, at (from 0 on).
    name
        Of the endpoint; may be left out where there is one only.
    backend
        Where the endpoint is: local or azure.
    quiet
        Print the result only.
    """
    from flows.running import run_label

    return run_label(file, name, backend, quiet)


def status(*, repair: Flag = False, backend: str = "local") -> int:
    """
    Say what serves where, and the last releases.

    Parameters
    ----------
    repair
        Start an endpoint again whose service died, and end what a crash left behind.
    backend
        Where the endpoints are: local, or azure, which also tells what they cost a day.
    """
    from flows.status import run_status

    return run_status(repair, backend)


def stop(*, name: Name = None, backend: str = "local") -> int:
    """
    Stop the endpoint; its versions stay registered.

    Parameters
    ----------
    name
        Of the endpoint; all of them if left out.
    backend
        Where the endpoint is: local, or azure (docs/azure.md).
    """
    from flows.status import run_stop

    return run_stop(name, backend)


def setup(
    *, pool: Annotated[list[str] | None, Parameter(name="--pool", negative="")] = None
) -> int:
    """
    Make all that Prefect needs on its server: pools, deployments, triggers, notices.

    PREFECT_API_URL says where it is: a server of your own, or Prefect Cloud. prefect.yaml says what
    is made. Only what is other than there is changed; asked twice, nothing is.

    Parameters
    ----------
    pool
        Work pool to set up, with its deployments; may be repeated, and all of them if left out.
    """
    from flows.setup import run_setup

    return run_setup(tuple(pool or ()))


def doctor(*, backend: str = "local") -> int:
    """
    Check versions, port, disk, state folder, Prefect API and MLflow database.

    Parameters
    ----------
    backend
        azure asks also for identity, reach, rights and versions in the cloud; it writes a small
        file to the container and one to the volume, and removes them.
    """
    from flows.doctor import run_doctor

    return run_doctor(backend)


def ui(*, port: Port = 4200) -> int:
    """
    Start the Prefect server, a worker and the deployments on this machine.

    Parameters
    ----------
    port
        Of the server's pages and API.
    """
    from flows.ui import run_ui

    return run_ui(port)


def verify(release: str | None = None, /, *, name: str | None = None) -> int:
    """
    Compute the digests of a release's evidence again and compare.

    Parameters
    ----------
    release
        Evidence file, or its name; by default the newest that has digests.
    name
        Of an endpoint: its newest evidence, where no file is given.
    """
    from flows.verify import run_verify

    return run_verify(release, name)
