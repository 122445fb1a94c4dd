"""From a folder of images to answers over HTTP, by the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from model.images import open_images
from model.score import score_images
from tests.conftest import picture
from tests.flows.conftest import FAST, url_of, verdicts, version_at


def test_the_printed_curl_line_answers_the_right_label(released, pictures):
    done = released("release", "--data", str(pictures), *FAST)
    line, label = re.search(r"try +(curl .*?) +# a picture of: (.*)", done.stdout).groups()

    answer = subprocess.run(line, shell=True, cwd=released.root, capture_output=True, text=True)  # noqa: S602

    assert json.loads(answer.stdout)["predictions"][0]["label"] == label


def test_nothing_changed_so_everything_is_skipped(released, pictures):
    done = released("release", "--data", str(pictures), *FAST)

    assert done.returncode == 0
    assert set(verdicts(done.stdout).values()) == {"skipped"}
    assert len(verdicts(done.stdout)) == 6


def test_a_run_that_skips_leaves_all_the_pages_that_it_stands_on(released, pictures):
    assert released("release", "--data", str(pictures), *FAST).returncode == 0
    latest = {"sort": "CREATED_DESC", "limit": 6}

    shown = httpx.post(
        f"{released.url}/artifacts/filter", json=latest, timeout=20, trust_env=False
    ).json()

    wanted = {"data-checks", "test-gate", "training", "verdict", "model-version", "endpoint"}
    assert {each["key"] for each in shown} == wanted
    assert len({each["flow_run_id"] for each in shown}) == 1


def test_served_answers_match_the_offline_predictions_on_every_test_image(released, pictures):
    url = url_of(released)
    folder = released.state / "models" / version_at(url)["digest"]
    offline = score_images(folder, open_images(str(pictures))).to_pylist()

    for row in offline:
        content = (pictures / row["path"]).read_bytes()
        kind = {"Content-Type": "image/png"}
        answer = httpx.post(f"{url}/score", content=content, headers=kind, trust_env=False)
        assert answer.json()["predictions"][0]["label"] == row["predicted"]
    assert len(offline) == 12


def test_evidence_is_kept_and_verifies(released):
    evidence = sorted((released.state / "evidence").glob("*.json"))[-1]
    found = json.loads(evidence.read_text())

    assert {entry["step"] for entry in found["steps"]} >= {"validate-images", "deploy-model"}
    assert {key.partition(":")[0] for key in found["digests"]} >= {"dataset", "model", "endpoint"}
    assert released("verify").returncode == 0


def test_a_changed_file_no_longer_verifies(released):
    newest = sorted((released.state / "evidence").glob("*.json"))[-1]
    digests = json.loads(newest.read_text())["digests"]
    facts = Path(next(name for name in digests if name.endswith("facts.parquet")))
    before = facts.read_bytes()
    try:
        facts.write_bytes(before + b"x")
        done = released("verify")
    finally:
        facts.write_bytes(before)

    assert done.returncode == 3
    assert "facts.parquet" in done.stderr


@pytest.mark.slow
def test_a_changed_network_repeats_all_but_the_data_checks(released, pictures):
    url = url_of(released)
    before = int(version_at(url)["version"])
    network = released.root / "model" / "network.py"
    written = network.read_text()
    network.write_text(written.replace("filters=16", "filters=12"))
    try:
        done = released("release", "--data", str(pictures), *FAST)
    finally:
        network.write_text(written)

    assert done.returncode == 0, done.stderr
    found = verdicts(done.stdout)
    assert found.pop("validate") == "skipped"
    assert set(found.values()) == {"done"}
    after = version_at(url)["version"]
    assert int(after) > before

    assert released("rollback").returncode == 0
    assert version_at(url)["version"] == str(before)
    assert released("rollback", "--to", after).returncode == 0
    assert version_at(url)["version"] == after
    assert released("rollback", "--to", "99").returncode == 3
    assert released("rollback").returncode == 0


@pytest.mark.slow
def test_without_deployment_the_endpoint_stays_as_it_is(released, pictures):
    before = version_at(url_of(released))

    done = released("release", "--data", str(pictures), "--epochs", "5", "--batch-size", "8",
                    "--no-deploy")  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "nothing was deployed" in done.stdout
    assert version_at(url_of(released)) == before


@pytest.mark.slow
def test_images_of_other_size_and_colour_need_no_code(released, tmp_path):
    import numpy as np
    from PIL import Image

    root = tmp_path / "Warm Colours"
    for label, channel in (("red", 0), ("green", 1), ("blue", 2)):
        for number in range(40):
            pixels = (
                np.asarray(picture(number + 100 * channel, height=48, width=64, channels=3)) // 3
            )
            pixels[:, :, channel] += 150
            place = root / label
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number}.jpg", quality=95)

    done = released("release", "--data", str(root), "--epochs", "6", "--batch-size", "8")
    stopped = released("stop", "--name", "warm-colours")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warm-colours version 1 serves" in done.stdout
    assert stopped.returncode == 0


@pytest.mark.slow
def test_images_that_were_copied_are_learned_from_where_they_are_now(flows, pictures, tmp_path):
    """The checks of equal images are not made again; the first ones may be gone, or other ones."""
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(pictures, first)
    assert flows("release", "--data", str(first), *FAST, "--no-deploy").returncode == 0
    first.rename(second)
    shutil.copytree(pictures / "train" / "dark", first / "train" / "dark")

    done = flows("release", "--data", str(second), "--name", "first", *FAST, "--seed", "2",
                 "--no-deploy")  # fmt: skip

    assert verdicts(done.stdout)["validate"] == "skipped"
    assert verdicts(done.stdout)["train"] == "done", done.stdout + done.stderr
    learned = {json.loads(file.read_text())["dataset"]["uri"]
               for file in (flows.state / "runs").glob("*/out/manifest.json")}  # fmt: skip
    assert learned == {str(first), str(second)}
