"""promote: what serves in one environment serves in another; nothing is trained or built again."""

# No postponed annotations here: Prefect makes the form of the UI from the types themselves.
from dataclasses import replace

from prefect import flow

from flows.evidence import evidence_of
from flows.forms import Environment, Hours, Name
from flows.outcome import explained
from tasks import backends
from tasks.approve import approve_release, require_same_champion
from tasks.deploy import serve
from tasks.evaluate import evaluate_candidate
from tasks.gate import pass_test_gate
from tasks.ports import Backend, endpoint_part, release_part
from tasks.promote import approve_promotion
from tasks.records import Approved, Deployment, ModelVersion, Promotion
from tasks.register import register_model
from tasks.rules import Rules
from tasks.source import read_code
from tasks.step import say


@flow(name="promote", flow_run_name="promote {name} to {target}", persist_result=False)
@explained
def promote(
    name: Name,
    source: Environment,
    target: Environment,
    approved_by: str,
    why: str = "",
    rules: Rules = Rules(),  # noqa: B008 (frozen)
    approval: bool = False,
    approval_hours: Hours = 24.0,
) -> Deployment:
    """
    Let the very model and image that serve in ``source`` serve in ``target``.

    The gates are those of ``target``: the tests on this code, and the champion there.

    Args:
        name: of model and endpoint.
        source: backend and environment, such as azure:dev.
        target: the other one, such as azure:prod.
        approved_by: who decided; with ``approval``, who asks.
        why: the reason, for those who ask later.
        rules: when the model may serve there.
        approval: ask another person in Prefect after the gates, before it goes live.
        approval_hours: in which somebody has to answer; nobody is a refusal.
    """
    here, there = backends.choose(source), backends.choose(target)
    code = read_code()
    with evidence_of("promote", there):
        with there.ledger.exclusive(f"promotion of {name}", say, part=release_part(name)):
            promotion = approve_promotion(here, name, approved_by, why)
            pass_test_gate(there, code)
            champion = there.registry.champion(name)
            approved = evaluate_candidate(there, promotion, champion, rules)
            if not approval:
                return _live(there, approved, champion, promotion)
        # Outside: a person may take hours, and a release must not wait for them.
        approved = approve_release(approved, name, there.name, champion, approval_hours)
        return _live(there, approved, champion, promotion)


def _live(
    there: Backend, approved: Approved, champion: ModelVersion | None, promotion: Promotion
) -> Deployment:
    name = promotion.version.name
    with there.ledger.exclusive(f"promotion of {name}", say, part=endpoint_part(name)):
        require_same_champion(there, name, champion)
        version = register_model(there, approved, name)
        # Bytes that were registered there before have the tags of then: the image is that of now.
        pinned = replace(version, tags={**version.tags, "image_digest": promotion.image})
        return serve(there, pinned)
