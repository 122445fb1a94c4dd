"""approve: after the gates and before anything goes live, a person says yes or no in Prefect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.artifacts import markdown_table, page_of_run, show_page
from tasks.asking import ask, this_run
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import Approved, Candidate, Decision, ModelVersion, Promotion
from tasks.step import say, step

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


@step(name="approve-release", timeout_s=None, retries=0, run_name="approve {name}")
def approve_release(
    approved: Approved, name: str, place: str, champion: ModelVersion | None, within_h: float
) -> Approved:
    """
    Pause the flow until a person answers the form of its page.

    Args:
        place: where it would go live.
        within_h: hours in which somebody has to.

    Raises:
        Refused: a person said no, nobody answered in time, or who started it approved it.
    """
    run = this_run()
    page = page_of_run(run.id)
    facts = _facts(approved, name, place, champion)
    show_page("approval", f"May {name} go live in {place}?", f"{facts}\n\nAnswer by *Resume*.")
    say(f"{name} waits up to {within_h:g} h for a person: {page}")
    answer = ask(run, f"{facts}\n\nEvidence: [{page}]({page}?tab=Artifacts)", within_h * 3600)
    if answer is None:
        raise Refused(f"nobody approved {name} for {place} within {within_h:g} h; start it again "
                      "and answer its form in Prefect")  # fmt: skip
    decision = Decision(answer.by.strip(), answer.why.strip())
    if not answer.release:
        raise Refused(f"{decision.by} refused {name} for {place}: {decision.why}")
    require_another(starters(run, approved), decision)
    say(f"approved by {decision.by}: {decision.why}")
    return replace(approved, decision=decision)


def require_same_champion(on: Backend, name: str, before: ModelVersion | None) -> None:
    """
    See that what was judged, and approved, is still what would happen: another may be live now.

    Raises:
        Refused: the candidate was compared with a champion of before.
    """
    now = on.registry.champion(name)
    if now and (before is None or before.number != now.number):
        raise Refused(
            f"{name} version {now.number} went live while this was made, or waited for its "
            "approval; start it again, to be compared with that one"
        )


def require_another(known: Collection[str], decision: Decision) -> None:
    """
    Let nobody approve what they started or asked for, where it is known who that was.

    Raises:
        Refused: it is the same person.
    """
    if decision.by.casefold() in {name.strip().casefold() for name in known}:
        raise Refused(f"{decision.by} started or asked for this and cannot approve it; let another "
                      "person do so")  # fmt: skip


def starters(run: FlowRun, approved: Approved) -> list[str]:
    """Who began it: a user of Prefect Cloud, for a server of one's own knows none; who asked."""
    by, candidate = run.created_by, approved.candidate
    found = [by.display_value] if by and by.type == "USER" and by.display_value else []
    return [*found, candidate.approved_by] if isinstance(candidate, Promotion) else found


def _facts(approved: Approved, name: str, place: str, champion: ModelVersion | None) -> str:
    candidate = approved.candidate
    rows: list[tuple[str, object]] = [
        ("goes live", f"{name}, in {place}"),
        ("model", candidate.digest[:12]),
        ("images", candidate.dataset_uri),
        ("serves now", f"version {champion.number}" if champion else "nothing"),
    ]
    if isinstance(candidate, Candidate):
        job = candidate.run.job
        rows += [
            ("code", job.gate.code),
            ("tests passed", job.gate.tests),
            ("checks of the data", f"{job.checked.checks} passed" if not job.checked.warnings
             else f"{len(job.checked.warnings)} of {job.checked.checks} warned"),
        ]  # fmt: skip
        if candidate.tracking_page:
            rows.append(("training", f"[MLflow]({candidate.tracking_page})"))
    else:
        rows.append(("asked for by", f"{candidate.approved_by}: {candidate.why or '-'}"))
    rows += [(measure, f"{value} ({limit})") for measure, value, limit in approved.verdict.findings]
    return markdown_table(("what", "value"), rows)
