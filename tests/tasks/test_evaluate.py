"""The rule of evaluation on real model folders: alone, and beside the champion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from model.folder import ModelFolder, write_json, write_manifest
from tasks.errors import Refused
from tasks.judge import judge
from tasks.records import Candidate, ModelVersion, TrainingRun
from tasks.rules import Rules

IMAGES = 400


@pytest.fixture
def folder_with(tmp_path, model_folder):
    """A model folder whose test images 0 … ``wrong`` - 1 were answered wrongly."""

    def make(name: str, wrong: range) -> Path:
        folder = tmp_path / name
        shutil.copytree(model_folder, folder, ignore=shutil.ignore_patterns("manifest.json"))
        labels = ["dark", "bright"] * (IMAGES // 2)
        other = {"dark": "bright", "bright": "dark"}
        answers = [other[label] if at in wrong else label for at, label in enumerate(labels)]
        paths = [f"{at:04d}.png" for at in range(IMAGES)]
        rows = {"path": paths, "sha256": paths, "label": labels, "predicted": answers}
        parquet.write_table(arrow.table(rows), folder / "predictions.parquet")
        metrics = json.loads((folder / "metrics.json").read_text())
        recall = {
            which: sum(a == b == which for a, b in zip(labels, answers, strict=True)) * 2 / IMAGES
            for which in other
        }
        right = 1 - len(wrong) / IMAGES
        write_json(folder / "metrics.json", {**metrics, "accuracy": right, "recall": recall})
        old = ModelFolder.read(model_folder).manifest
        write_manifest(
            folder, **{k: v for k, v in old.items() if k not in ("files", "model_digest")}
        )
        return folder

    return make


def candidate_in(folder: Path) -> Candidate:
    found = ModelFolder.read(folder)
    test_digest = found.manifest["dataset"]["test_digest"]
    run = TrainingRun("token", None, folder)  # the job is asked only where the test sets differ
    return Candidate(run, folder, found.digest, test_digest, found.metrics["accuracy"])


def champion_in(folder: Path) -> ModelVersion:
    return ModelVersion("light", 7, ModelFolder.read(folder).digest, folder)


def test_alone_every_shortfall_is_a_reason_with_its_numbers(folder_with):
    candidate = candidate_in(folder_with("mine", range(0, IMAGES, 2)))  # every dark one

    verdict = judge(candidate, None, Rules(min_accuracy=0.9, min_recall=0.2), "key", print)

    assert not verdict.approved
    assert verdict.reasons == (
        "accuracy 0.5000 is below the least allowed 0.9000",
        "recall 0.0000 of 'dark' is below 0.2000",
    )


@pytest.mark.parametrize(("on_tie", "approved"), [("release", True), ("keep", False)])
def test_a_tie_is_the_teams_decision(folder_with, on_tie, approved):
    candidate = candidate_in(folder_with("mine", range(0, 4)))
    champion = champion_in(folder_with("theirs", range(2, 6)))

    verdict = judge(candidate, champion, Rules(on_tie=on_tie), "key", print)

    assert verdict.approved is approved
    assert verdict.champion == champion.digest
    assert "+0.0000" in verdict.findings[-1][1]


def test_worse_beyond_noise_is_refused(folder_with):
    candidate = candidate_in(folder_with("mine", range(0, 30)))
    champion = champion_in(folder_with("theirs", range(0, 10)))

    verdict = judge(candidate, champion, Rules(max_drop=1), "key", print)

    (reason,) = verdict.reasons
    assert "worse than version 7, the champion" in reason
    assert "it lost 20 images" in reason


def test_a_drop_within_noise_has_its_bound_too(folder_with):
    candidate = candidate_in(folder_with("mine", range(0, 12)))
    champion = champion_in(folder_with("theirs", range(12, 21)))

    assert judge(candidate, champion, Rules(max_drop=0.02), "key", print).approved
    verdict = judge(candidate, champion, Rules(max_drop=0.005), "key", print)

    assert verdict.reasons == (
        "it lost 0.0075 accuracy to version 7, the champion, more than 0.005",
    )


def test_better_beyond_noise_wins_also_where_ties_are_kept(folder_with):
    candidate = candidate_in(folder_with("mine", range(0)))
    champion = champion_in(folder_with("theirs", range(0, 20)))

    assert judge(candidate, champion, Rules(on_tie="keep"), "key", print).approved


def test_other_labels_are_told_and_judged_alone(folder_with):
    candidate = candidate_in(folder_with("mine", range(0, 30)))
    folder = folder_with("theirs", range(0))
    known = json.loads((folder / "labels.json").read_text())
    write_json(folder / "labels.json", {**known, "labels": ["hell", "dunkel"]})

    verdict = judge(candidate, champion_in(folder), Rules(), "key", print)

    assert verdict.approved
    assert verdict.findings[-1][1] == "not comparable"


def test_answers_for_other_images_are_not_compared(folder_with):
    candidate = candidate_in(folder_with("mine", range(0)))
    folder = folder_with("theirs", range(0))
    table = parquet.read_table(folder / "predictions.parquet")
    parquet.write_table(table.slice(1), folder / "predictions.parquet")

    with pytest.raises(Refused, match="other images"):
        judge(candidate, champion_in(folder), Rules(), "key", print)


@pytest.mark.parametrize(
    ("before", "agreement", "reasons"),
    [
        (1.0, 0.99, ()),
        (1.0, 0.9, ("0.9000 of the test images are answered as before",)),
        (1.02, 0.99, ("cost 0.0200 accuracy",)),
        (1.02, 0.9, ("cost 0.0200 accuracy", "0.9000 of the test images")),
    ],
)
def test_a_quantized_model_must_still_be_the_one_that_was_trained(
    folder_with, before, agreement, reasons
):
    folder = folder_with("mine", range(0))
    metrics = json.loads((folder / "metrics.json").read_text())
    original = {"accuracy": before, "agreement": agreement}
    write_json(folder / "metrics.json", {**metrics, "float": original})

    verdict = judge(candidate_in(folder), None, Rules(), "key", print)

    assert verdict.approved is (not reasons)
    for said, wanted in zip(verdict.reasons, reasons, strict=True):
        assert wanted in said
        assert "without --quantize" in said
    assert f"{before:.4f}" in [value for _, value, _ in verdict.findings]
