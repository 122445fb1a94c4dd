"""register: one version for one model, with everything it came from as tags."""

from __future__ import annotations

from tasks.artifacts import markdown_table, show_page
from tasks.ports import Backend
from tasks.records import Approved, ModelVersion, Promotion
from tasks.step import Skipped, say, step

LINEAGE = (
    "model_digest", "token", "dataset_digest", "dataset_uri", "test_digest", "checks_key",
    "git_commit", "code_digest", "lock_digest", "accuracy",
)  # fmt: skip


@step(name="register-model", timeout_s=1800, run_name="register {name}")
def register_model(
    on: Backend, approved: Approved, name: str
) -> ModelVersion | Skipped[ModelVersion]:
    """Number the approved model; the same bytes keep the number that they have."""
    version = on.registry.register(approved, name, lineage(approved))
    show_page(
        "model-version",
        f"{name} version {version.number}",
        markdown_table(("tag", "value"), sorted(version.tags.items())),
    )
    if not version.is_new:
        return Skipped(version, f"these bytes are version {version.number} already")
    say(f"{name} version {version.number} (digest {version.digest[:12]})")
    return version


def lineage(approved: Approved) -> dict[str, str]:
    """Where a model comes from, as the registry's tags."""
    candidate, decision = approved.candidate, approved.decision
    said = {"approved_by": decision.by, "approved_why": decision.why} if decision else {}
    if isinstance(candidate, Promotion):
        return {**promoted_lineage(candidate, approved.verdict.key), **said}
    job = candidate.run.job
    return {
        **said,
        "model_digest": candidate.digest,
        "token": candidate.run.token,
        "dataset_digest": job.checked.dataset.digest,
        "dataset_uri": job.checked.dataset.uri,
        "test_digest": candidate.test_digest,
        "checks_key": job.checked.key,
        "git_commit": job.gate.code.revision,
        "code_digest": job.gate.code.digest,
        "lock_digest": job.lock,
        "verdict_key": approved.verdict.key,
        "accuracy": f"{candidate.accuracy:.4f}",
        "tracking_run": candidate.tracking_run or "none",
    }


def promoted_lineage(promotion: Promotion, verdict_key: str) -> dict[str, str]:
    """The tags that it has where it serves, and who let it come here, and why."""
    kept = {key: value for key, value in promotion.version.tags.items() if key in LINEAGE}
    return {
        **kept,
        "verdict_key": verdict_key,
        "image_digest": promotion.image,
        "promoted_from": f"{promotion.source} version {promotion.version.number}",
        "approved_by": promotion.approved_by,
        "approved_why": promotion.why or "none",
    }
