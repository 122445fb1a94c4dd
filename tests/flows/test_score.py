"""``python -m flows score``: from images to a table of answers, over kills and second commands."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import httpx
import psutil
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.conftest import encoded, picture
from tests.flows.conftest import processes_of
from tests.model.batch_score.conftest import paths_of, rows_of, told

COUNT = 120_000


@pytest.fixture(scope="module")
def scored(released, pictures, tmp_path_factory):
    """Scores of the pictures, and what the command printed."""
    out = tmp_path_factory.mktemp("scored") / "out"
    done = released("score", "--data", str(pictures), "--out", str(out), "--workers", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


@pytest.fixture(scope="module")
def plenty(tmp_path_factory) -> Path:
    """Parquet of images enough to be interrupted at."""
    to = tmp_path_factory.mktemp("plenty") / "plenty.parquet"
    images = [encoded(picture(number)) for number in range(100)]
    rows = {"image": [images[at % 100] for at in range(COUNT)], "label": ["dark"] * COUNT}
    parquet.write_table(arrow.table(rows), to, row_group_size=2000)
    return to


def test_every_image_has_a_row_by_the_champion(scored):
    out, printed = scored

    assert len(paths_of(out)) == len(set(paths_of(out))) == 48
    assert set(rows_of(out)["model_version"].to_pylist()) == {"1"}
    assert re.search(r"^score +done +[\d.]+ +48 images scored by version 1$", printed, re.MULTILINE)
    assert "48 of 48 images" in printed
    assert f"scores    {out}/scores" in printed


def test_it_is_shown_in_prefect_and_kept_as_evidence(scored, released, prefect_url):
    out, _ = scored
    pages = httpx.post(
        f"{prefect_url}/artifacts/filter", timeout=20, trust_env=False,
        json={"artifacts": {"key": {"any_": ["scores"]}}, "sort": "CREATED_DESC", "limit": 1},
    ).json()  # fmt: skip
    evidence = json.loads(next(iter(released.state.glob("evidence/*-score-*.json"))).read_text())

    page = pages[0]["data"]
    assert "| class | images | share |" in page
    assert "data:image/png;base64," in page
    assert re.search(r"Right, of 48 whose label is a class of the model: \d+\.\d\d%", page)
    assert evidence["outcome"] == "done"
    assert evidence["digests"].keys() >= {f"{out}/scores.json", "version:light/1"}


def test_the_same_again_is_skipped_and_other_scores_are_refused(scored, released, pictures):
    out, _ = scored
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}

    again = released("score", "--data", str(pictures), "--out", str(out))
    other = released("score", "--data", str(pictures), "--out", str(out), "--split", "test")

    assert again.returncode == 0, again.stderr
    assert re.search(r"^score +skipped .* 48 images scored before", again.stdout, re.MULTILINE)
    assert other.returncode == 3
    assert "holds other scores, of version 1" in other.stderr
    assert "Traceback" not in other.stdout + other.stderr
    assert "Task run failed" not in other.stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.slow
def test_what_cannot_be_had_is_said(released, pictures, tmp_path):
    for data, more, says in (
        (str(pictures), ("--version", "9"), "there are: 1"),
        (str(pictures), ("--name", "nope"), "no version of nope was ever champion"),
        ("nope://a/b", (), "nope://a/b cannot be read"),
    ):
        done = released("score", "--data", data, "--out", str(tmp_path / "out"), *more)
        assert done.returncode == 3, (more, done.stdout, done.stderr)
        assert says in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_place_with_no_room_is_told_and_the_same_command_goes_on(released, pictures, tmp_path):
    (tmp_path / "out").write_text("in the way")
    words = ("score", "--data", str(pictures), "--out", str(tmp_path / "out"), "--workers", "1")

    refused = released(*words)
    (tmp_path / "out").unlink()
    done = released(*words)

    assert refused.returncode == 3
    assert "give another --out" in refused.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_no_scorer_and_goes_on(released, plenty, tmp_path, word):
    words = ("score", "--data", str(plenty), "--out", str(tmp_path / "out"))
    begun = started(released, tmp_path / "out", *words)

    begun.send_signal(word)

    assert begun.wait(60) == 130, begun.stdout.read()
    assert scorers_of(released) == []
    assert not (tmp_path / "out" / "scores.json").exists()
    finished(released, tmp_path / "out", *words)


@pytest.mark.slow
def test_a_killed_command_finds_its_scorer_again(released, plenty, tmp_path):
    words = ("score", "--data", str(plenty), "--out", str(tmp_path / "out"))
    begun = started(released, tmp_path / "out", *words)
    first = scorers_of(released)

    begun.kill()
    begun.wait()

    assert first
    finished(released, tmp_path / "out", *words)


@pytest.mark.slow
def test_a_killed_scorer_is_started_again_by_the_command(released, plenty, tmp_path):
    words = ("score", "--data", str(plenty), "--out", str(tmp_path / "out"))
    begun = started(released, tmp_path / "out", *words)
    for pid in scorers_of(released):
        psutil.Process(pid).kill()

    printed = begun.stdout.read()

    assert begun.wait() == 0, printed
    assert "the scoring was lost" in printed
    assert "parts were there, whole" in printed
    assert one_row_an_image(tmp_path / "out")


@pytest.mark.slow
def test_a_sample_of_the_scores_is_traffic_for_the_monitor(released, plenty, tmp_path):
    words = ("score", "--data", str(plenty), "--out", str(tmp_path / "out"), "--capture")
    scored = released(*words)
    again = released(*words)
    monitored = released("monitor", "--name", "light", "--window", "250")

    assert scored.returncode == again.returncode == monitored.returncode == 0, monitored.stderr
    assert re.search("^score +skipped", again.stdout, re.MULTILINE)
    traffic = list((released.state / "endpoints" / "light" / "traffic").glob("*-scores-*.parquet"))
    assert len(traffic) == 1
    assert parquet.read_metadata(traffic[0]).num_rows == 6000
    assert "24 new windows of 250 images" in monitored.stdout
    assert "drift" in monitored.stdout  # these images are no light ones and no dark ones


def started(checkout, out: Path, *words: str):
    """The command, begun, when some parts are there."""
    begun = checkout.start(*words)
    end = time.monotonic() + 90
    while len(list(out.glob("scores/*.parquet"))) < 3:
        assert begun.poll() is None, begun.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.02)
    return begun


def finished(checkout, out: Path, *words: str) -> None:
    done = checkout(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert one_row_an_image(out)


def one_row_an_image(out: Path) -> bool:
    return told(out)["images"] == COUNT == len(set(paths_of(out))) == len(paths_of(out))


def scorers_of(checkout) -> list[int]:
    return [pid for pid, words in processes_of(checkout).items() if "model.batch_score" in words]
