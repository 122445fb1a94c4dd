"""evaluate: is the candidate good, and at least as good as the champion?"""

from __future__ import annotations

from pathlib import Path

from model.compare import compare
from tasks import judge as rule
from tasks.artifacts import markdown_table, show_page
from tasks.digests import digest_of, digest_of_file
from tasks.errors import Refused
from tasks.judge import judge
from tasks.ports import Backend
from tasks.records import Approved, Contender, ModelVersion, Verdict
from tasks.rules import Rules
from tasks.step import Skipped, say, step


@step(name="evaluate-candidate", timeout_s=3600, run_name="evaluate {candidate.digest:.8}")
def evaluate_candidate(
    on: Backend, candidate: Contender, champion: ModelVersion | None, rules: Rules
) -> Approved | Skipped[Approved]:
    """
    Judge the candidate alone and against the champion, on the same test images.

    Raises:
        Refused: with every reason and its numbers.
    """
    rival = _rival(candidate, champion)
    key, kept = known_verdict(on, candidate, champion, rules)
    verdict = kept or judge(candidate, rival, rules, key, say)
    if not kept:
        on.ledger.keep("evaluate", key, verdict)
    _show(candidate, rival, verdict)
    for measure, value, limit in verdict.findings:
        say(f"{measure}: {value} ({limit})")
    if not verdict.approved:
        reasons = "\n".join(f"  · {reason}" for reason in verdict.reasons)
        raise Refused(
            f"candidate {candidate.digest[:12]} was not approved:\n{reasons}\n"
            f"{_champion_stays(rival) if champion else ''}Look at "
            f"{candidate.folder / 'model_card.md'}; what is asked of a candidate, and how to ask "
            "less of it: docs/evaluation.md",
            reasons=verdict.reasons,
        )
    approved = Approved(candidate, verdict)
    return Skipped(approved, "the same model was approved before") if kept else approved


def known_verdict(
    on: Backend, candidate: Contender, champion: ModelVersion | None, rules: Rules
) -> tuple[str, Verdict | None]:
    """The key of the verdict that a release would ask for, and the verdict from before."""
    key = _key(candidate, _rival(candidate, champion), rules)
    return key, on.ledger.recall("evaluate", key, Verdict)


def _rival(candidate: Contender, champion: ModelVersion | None) -> ModelVersion | None:
    """The champion, unless the candidate is that very model."""
    return champion if champion and champion.digest != candidate.digest else None


def _champion_stays(rival: ModelVersion | None) -> str:
    elsewhere = (
        " To serve it beside that one all the same, give it another --name." if rival else ""
    )
    return f"The champion keeps serving.{elsewhere}\n"


def _key(candidate: Contender, rival: ModelVersion | None, rules: Rules) -> str:
    code = [
        digest_of_file(Path(str(each))) for each in (rule.__file__, compare.__code__.co_filename)
    ]
    against = rival.digest if rival else None
    parts = (candidate.digest, candidate.test_digest, against, rules.model_dump(), code)
    return digest_of(parts)[:32]


def _show(candidate: Contender, rival: ModelVersion | None, verdict: Verdict) -> None:
    answer = "approved" if verdict.approved else "REFUSED"
    body = markdown_table(("measure", "value", "limit"), verdict.findings)
    if verdict.reasons:
        body += "\n\n" + "\n".join(f"* {reason}" for reason in verdict.reasons)
    if rival is None:
        body += "\n\nThere is no other champion to compare with."
    show_page("verdict", f"Candidate {candidate.digest[:12]}: {answer}", body)
