"""
The rule of evaluation (docs/evaluation.md).

Alone: least accuracy and least recall of every class, and, for a quantized model, that it is still
the model that was trained. Beside the champion, on the same test images: refused if worse beyond
noise (the interval of the paired difference lies below 0) or by more than ``max_drop``; a tie is
released or kept out by ``on_tie``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.compare import Comparison, compare
from model.folder import ModelFolder
from tasks.errors import Refused
from tasks.ports import Watch
from tasks.records import Contender, ModelVersion, Verdict
from tasks.rules import Rules


def judge(
    candidate: Contender, rival: ModelVersion | None, rules: Rules, key: str, watch: Watch
) -> Verdict:
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
    if "float" in metrics:
        more, against = _beside_float(metrics, rules)
        findings += more
        reasons += against
    if rival:
        finding, against = _beside(candidate, rival, rules, watch)
        findings.append(finding)
        reasons += against
    digest = rival.digest if rival else None
    return Verdict(not reasons, tuple(reasons), tuple(findings), champion=digest, key=key)


def _beside_float(
    metrics: dict[str, Any], rules: Rules
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Is the quantized model still the model that was trained?"""
    original, agreement = float(metrics["float"]["accuracy"]), float(metrics["float"]["agreement"])
    accuracy_now = float(metrics["accuracy"])
    drop = original - accuracy_now
    findings = [
        ("accuracy before quantization", f"{original:.4f}",
         f"{accuracy_now:.4f} since; at most {rules.max_quantized_drop:.4f} may be lost"),
        ("answers as before quantization", f"{agreement:.4f}",
         f"at least {rules.min_quantized_agreement:.4f}"),
    ]  # fmt: skip
    reasons = []
    way_out = "train without --quantize"
    if drop > rules.max_quantized_drop:
        reasons.append(
            f"quantization cost {drop:.4f} accuracy ({original:.4f} before), more than "
            f"{rules.max_quantized_drop:.4f}; {way_out}"
        )
    if agreement < rules.min_quantized_agreement:
        reasons.append(
            f"only {agreement:.4f} of the test images are answered as before quantization, "
            f"less than {rules.min_quantized_agreement:.4f}; {way_out}, or lower "
            "--min-quantized-agreement"
        )
    return findings, reasons


def _beside(
    candidate: Contender, rival: ModelVersion, rules: Rules, watch: Watch
) -> tuple[tuple[str, str, str], list[str]]:
    ours, theirs = ModelFolder.read(candidate.folder), ModelFolder.read(rival.folder)
    measure = f"accuracy beside version {rival.number}"
    if ours.labels != theirs.labels:
        return (measure, "not comparable", "it knows other labels; judged alone"), []
    found = compare(*_both_right(candidate, ours, theirs, watch), confidence=rules.confidence)
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
    candidate: Contender, ours: ModelFolder, theirs: ModelFolder, watch: Watch
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who answers each test image of the candidate's data set rightly; re-scored if needed."""
    import pyarrow.parquet as parquet

    mine = parquet.read_table(candidate.folder / "predictions.parquet")
    if theirs.manifest["dataset"]["test_digest"] == candidate.test_digest:
        other = parquet.read_table(Path(theirs.path) / "predictions.parquet")
    else:
        from model.images import BadDataset, open_images
        from model.score import score_images

        watch("the champion was tested on other images: it is scored again on these")
        try:
            other = score_images(theirs.path, open_images(candidate.dataset_uri))
        except BadDataset as error:
            raise Refused(f"the champion cannot be asked about the candidate's test images: {error}"
                          ) from error  # fmt: skip
    order = ("sha256", "path")
    mine, other = (t.sort_by([(column, "ascending") for column in order]) for t in (mine, other))
    if mine["sha256"].to_pylist() != other["sha256"].to_pylist():
        raise Refused("the champion's answers are for other images than the candidate's")
    rights = [
        np.array(t["label"].to_pylist()) == np.array(t["predicted"].to_pylist())
        for t in (mine, other)
    ]
    return rights[0], rights[1]
