"""deploy: a version serves only after its own service answered known images rightly."""

from __future__ import annotations

from tasks.artifacts import markdown_table, show_page
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import Deployment, ModelVersion
from tasks.step import Skipped, say, step


@step(
    name="deploy-model",
    timeout_s=3600,
    retries=1,  # a port that is held stays so: say it soon
    run_name="deploy {version.name} {version.number}",
)
def deploy_model(
    on: Backend, version: ModelVersion, port: int | None
) -> Deployment | Skipped[Deployment]:
    """
    Boot the version beside the one that serves, replay known images, switch, crown.

    Raises:
        Refused: it answered known images otherwise than at training time.
        Transient: it did not come up; the former version keeps serving.
    """
    if on.endpoints is None:
        raise Refused(f"the {on.name} backend has no endpoint; {version.name} version "
                      f"{version.number} stays registered")  # fmt: skip
    before = on.endpoints.live(version.name)
    deployment = on.endpoints.deploy(version, port, say)
    # The champion is the version that serves: crowned after the switch, and again if a crash
    # came between the two.
    on.registry.crown(version)
    if before == deployment:
        return Skipped(deployment, f"version {version.number} serves already")
    say(f"version {version.number} serves at {deployment.url}")
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
    return deployment
