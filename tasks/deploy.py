"""
deploy: a version serves only after its own service answered known images rightly.

To serve and to be the champion is one thing: where the second fails, the first is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect.transactions import Transaction, get_transaction, transaction

from tasks.artifacts import markdown_table, show_page
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import Deployment, ModelVersion
from tasks.step import Skipped, say, step

FORMER = "former"


def serve(on: Backend, version: ModelVersion, port: int | None = None) -> Deployment:
    """
    Deploy the version and crown it, or leave both as they were.

    Raises:
        Refused, Transient: as ``deploy_model``; or it could not be crowned, and the former version
            serves again.
    """
    with transaction():
        deployment = deploy_model(on, version, port)
        crown_version(on, version)
    return deployment


@dataclass(frozen=True)
class Former:
    """What served before, and where."""

    on: Backend
    name: str
    deployment: Deployment | None

    def __deepcopy__(self, _memo: dict[int, Any]) -> Former:
        return self  # Prefect copies what a transaction keeps, and clients cannot be copied


@step(
    name="deploy-model",
    timeout_s=6 * 3600,  # Front Door may take half an hour for each of several changes
    retries=1,  # a port that is held stays so: say it soon
    run_name="deploy {version.name} {version.number}",
)
def deploy_model(
    on: Backend, version: ModelVersion, port: int | None
) -> Deployment | Skipped[Deployment]:
    """
    Boot the version beside the one that serves, replay known images, switch.

    Raises:
        Refused: it answered known images otherwise than at training time.
        Transient: it did not come up; the former version keeps serving.
    """
    if on.endpoints is None:
        raise Refused(f"the {on.name} backend has no endpoint; {version.name} version "
                      f"{version.number} stays registered")  # fmt: skip
    before = on.endpoints.live(version.name)
    if whole := get_transaction():
        whole.set(FORMER, Former(on, version.name, before))
    deployment = on.endpoints.deploy(version, port, say)
    show_page(
        "endpoint",
        f"{version.name} version {version.number} serves",
        f"[{deployment.url}]({deployment.url})\n\n"
        + markdown_table(
            ("what", "value"),
            [
                ("scoring", f"POST {deployment.url}/score"),
                ("example", f"`{deployment.example}`"),
                ("API", f"{deployment.url}/docs"),
                ("known images replayed", deployment.replayed),
                ("largest gap to the training-time answers", f"{deployment.max_gap:.2g}"),
                ("model digest", deployment.digest),
            ],
        ),
    )
    if before == deployment:
        return Skipped(deployment, f"version {version.number} serves already")
    say(f"version {version.number} serves at {deployment.url}")
    return deployment


@deploy_model.on_rollback
def lead_back(whole: Transaction) -> None:
    """Let the former version serve again; where there was none, nothing does."""
    former: Former | None = whole.get(FORMER, None)
    if former is None or former.on.endpoints is None:
        return  # it had not begun
    on, name, was = former.on, former.name, former.deployment
    if was is None:
        if former.on.endpoints.stop(name):
            say(f"{name} is stopped: nothing served before")
        return
    version = on.registry.version(name, was.version)
    if former.on.endpoints.live(name) != was:
        former.on.endpoints.deploy(version, None, say)
        say(f"version {was.version} serves again")
    on.registry.crown(version)  # the other may have been crowned before this failed


@step(name="crown-version", timeout_s=600, run_name="crown {version.name} {version.number}")
def crown_version(on: Backend, version: ModelVersion) -> ModelVersion | Skipped[ModelVersion]:
    """Name the version that serves the champion; also if a crash came between the two."""
    if on.registry.crown(version):
        return version
    return Skipped(version, f"version {version.number} is the champion already")
