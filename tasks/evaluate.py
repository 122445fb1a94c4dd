"""
evaluate: is the candidate good, and at least as good as the champion?

The rule (docs/evaluation.md): alone, least accuracy and least recall of every class. Beside the
champion, on the same test images: refused if worse beyond noise (the interval of the paired
difference lies below 0) or by more than ``max_drop``; a tie is released or kept out by ``on_tie``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.compare import Comparison, compare
from model.folder import ModelFolder
from tasks.artifacts import markdown_table, show_page
from tasks.digests import digest_of, digest_of_file
from tasks.errors import Refused
from tasks.ports import Backend
from tasks.records import Approved, Candidate, ModelVersion, Verdict
from tasks.rules import Rules
from tasks.step import Skipped, say, step


@step(name="evaluate-candidate", timeout_s=3600, run_name="evaluate {candidate.digest:.8}")
def evaluate_candidate(
    on: Backend, candidate: Candidate, champion: ModelVersion | None, rules: Rules
) -> Approved | Skipped[Approved]:
    """
    Judge the candidate alone and against the champion, on the same test images.

    Raises:
        Refused: with every reason and its numbers.
    """
    rival = champion if champion and champion.digest != candidate.digest else None
    key = _key(candidate, rival, rules)
    kept = on.ledger.recall("evaluate", key, Verdict)
    verdict = kept or judge(candidate, rival, rules, key)
    on.ledger.keep("evaluate", key, verdict)
    if not kept:
        _show(candidate, rival, verdict)
    for measure, value, limit in verdict.findings:
        say(f"{measure}: {value} ({limit})")
    if not verdict.approved:
        reasons = "\n".join(f"  · {reason}" for reason in verdict.reasons)
        raise Refused(
            f"candidate {candidate.digest[:12]} was not approved:\n{reasons}\n"
            f"{'The champion keeps serving. ' if champion else ''}Look at {candidate.folder}",
            reasons=verdict.reasons,
        )
    approved = Approved(candidate, verdict)
    return Skipped(approved, "the same model was approved before") if kept else approved


def judge(candidate: Candidate, rival: ModelVersion | None, rules: Rules, key: str) -> Verdict:
    """Every finding with its limit, and a reason for each that fails."""
    metrics = ModelFolder.read(candidate.folder).metrics
    accuracy = float(metrics["accuracy"])
    label, recall = min(metrics["recall"].items(), key=lambda item: item[1])
    findings = [
        ("accuracy", f"{accuracy:.4f}", f"at least {rules.min_accuracy:.4f}"),
        (f"least recall ({label})", f"{recall:.4f}", f"at least {rules.min_recall:.4f}"),
    ]
    reasons = []
    if accuracy < rules.min_accuracy:
        reasons.append(
            f"accuracy {accuracy:.4f} is below the least allowed {rules.min_accuracy:.4f}"
        )
    if recall < rules.min_recall:
        reasons.append(f"recall {recall:.4f} of {label!r} is below {rules.min_recall:.4f}")
    if rival:
        finding, against = _beside(candidate, rival, rules)
        findings.append(finding)
        reasons += against
    digest = rival.digest if rival else None
    return Verdict(not reasons, tuple(reasons), tuple(findings), champion=digest, key=key)


def _beside(
    candidate: Candidate, rival: ModelVersion, rules: Rules
) -> tuple[tuple[str, str, str], list[str]]:
    ours, theirs = ModelFolder.read(candidate.folder), ModelFolder.read(rival.folder)
    measure = f"accuracy beside version {rival.number}"
    if ours.labels != theirs.labels:
        return (measure, "not comparable", "it knows other labels; judged alone"), []
    found = compare(*_both_right(candidate, ours, theirs), confidence=rules.confidence)
    share = f"{rules.confidence:.0%}"
    value = f"{found.difference:+.4f} ({share} interval {found.low:+.4f} … {found.high:+.4f})"
    finding = (measure, value, f"on the same {found.images:,} test images")
    return finding, _reasons_against(found, value, rival, rules)


def _reasons_against(found: Comparison, value: str, rival: ModelVersion, rules: Rules) -> list[str]:
    who = f"version {rival.number}, the champion"
    if found.is_worse:
        return [f"it is worse than {who}: accuracy {value}; it lost {found.lost} images that the "
                f"champion answers rightly and gained {found.gained}"]  # fmt: skip
    if found.difference < -rules.max_drop:
        return [f"it lost {-found.difference:.4f} accuracy to {who}, more than {rules.max_drop}"]
    if not found.is_better and rules.on_tie == "keep":
        return [f"it is no better than {who} beyond noise: accuracy {value}; a tie keeps it"]
    return []


def _both_right(
    candidate: Candidate, ours: ModelFolder, theirs: ModelFolder
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who answers each test image of the candidate's data set rightly; re-scored if needed."""
    import pyarrow.parquet as parquet

    mine = parquet.read_table(candidate.folder / "predictions.parquet")
    if theirs.manifest["dataset"]["test_digest"] == candidate.test_digest:
        other = parquet.read_table(Path(theirs.path) / "predictions.parquet")
    else:
        from model.images import open_images
        from model.score import score_images

        say("the champion was tested on other images: it is scored again on these")
        other = score_images(theirs.path, open_images(candidate.run.job.checked.dataset.uri))
    order = ("sha256", "path")
    mine, other = (t.sort_by([(column, "ascending") for column in order]) for t in (mine, other))
    if mine["sha256"].to_pylist() != other["sha256"].to_pylist():
        raise Refused("the champion's answers are for other images than the candidate's")
    rights = [
        np.array(t["label"].to_pylist()) == np.array(t["predicted"].to_pylist())
        for t in (mine, other)
    ]
    return rights[0], rights[1]


def _key(candidate: Candidate, rival: ModelVersion | None, rules: Rules) -> str:
    code = [digest_of_file(Path(__file__)), digest_of_file(Path(compare.__code__.co_filename))]
    against = rival.digest if rival else None
    parts = (candidate.digest, candidate.test_digest, against, rules.model_dump(), code)
    return digest_of(parts)[:32]


def _show(candidate: Candidate, rival: ModelVersion | None, verdict: Verdict) -> None:
    answer = "approved" if verdict.approved else "REFUSED"
    body = markdown_table(("measure", "value", "limit"), verdict.findings)
    if verdict.reasons:
        body += "\n\n" + "\n".join(f"* {reason}" for reason in verdict.reasons)
    if rival is None:
        body += "\n\nThere is no other champion to compare with."
    show_page("verdict", f"Candidate {candidate.digest[:12]}: {answer}", body)
