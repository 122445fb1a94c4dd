"""``python -m model.batch_score``: exit codes, a full disk, an interruption, a worker that dies."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, plain_environment
from tests.model.batch_score.conftest import command, paths_of, told

pytestmark = pytest.mark.long

ALL = sorted(f"many/{at}" for at in range(9000))


@pytest.fixture
def started(model_folder, many, tmp_path):
    """The program with two workers, begun; whatever becomes of it, nothing of it stays."""
    begun = []

    def start(*words: str) -> subprocess.Popen[str]:
        words = words or ("--workers", "2")
        begun.append(
            subprocess.Popen(
                command(model_folder, many, tmp_path / "out", *words), cwd=ROOT, text=True,
                env=plain_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
        )  # fmt: skip
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def until_parts(out: Path, count: int) -> None:
    end = time.monotonic() + 60
    while len(list(out.glob("scores/*.parquet"))) < count:
        assert time.monotonic() < end
        time.sleep(0.005)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that score for it, of those that have not ended yet."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
    return found


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=10)
    return not alive


def test_it_says_how_far_it_is_and_what_came_of_it(program, model_folder, many, tmp_path):
    done = program(model_folder, many, tmp_path / "out", "--report", str(tmp_path / "report"))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-2].startswith("9,000 of 9,000 images  ")
    assert lines[-1] == f"8,996 images scored, 4 could not be scored; {tmp_path / 'out'}"
    assert paths_of(tmp_path / "out") == ALL
    report = tmp_path / "report"
    assert (report / "progress.txt").read_text().splitlines() == lines[:-1]
    assert (report / "scores.png").read_bytes().startswith(b"\x89PNG")
    assert (report / "scores.json").read_bytes() == (tmp_path / "out/scores.json").read_bytes()


def test_several_workers_leave_the_bytes_of_one(program, model_folder, many, tmp_path):
    for workers in ("1", "2"):
        done = program(model_folder, many, tmp_path / workers, "--workers", workers)
        assert done.returncode == 0, done.stderr

    one, two = ({path.name: path.read_bytes() for path in (tmp_path / each).rglob("*.parquet")}
                for each in ("1", "2"))  # fmt: skip
    assert one == two


@pytest.mark.parametrize(
    ("model", "data", "words", "code", "says"),
    [
        ("nothing", "", (), 3, "is no complete model folder"),
        ("", "nothing", (), 3, "nothing does not exist"),
        ("", "", ("--dataset-digest", "00"), 3, "its digest was 00, and is"),
        ("", "", ("--workers", "0"), 2, "--workers 0"),
        ("", "", ("--engine", "ray"), 2, "--engine"),
        ("", "", ("--split", "valid"), 2, "--split"),
    ],
)
def test_what_cannot_be_meant_is_said(
    program, model_folder, many, tmp_path, model, data, words, code, says
):
    found = program(model or model_folder, data or many, tmp_path / "out", *words)

    assert found.returncode == code
    assert says in found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "out").exists()


def test_a_changed_model_is_refused(program, model_folder, many, tmp_path):
    copy = tmp_path / "model"
    copy.mkdir()
    for file in model_folder.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    (copy / "labels.json").write_text((copy / "labels.json").read_text() + " ")

    done = program(copy, many, tmp_path / "out")

    assert done.returncode == 3
    assert "labels.json was changed since it was written" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_file_that_cannot_grow_is_told_and_the_same_command_goes_on(
    program, model_folder, many, tmp_path, workers
):
    """As on a full disk."""
    words = command(model_folder, many, tmp_path / "out", "--workers", workers)
    failed = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env=plain_environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip

    assert failed.returncode == 4, failed.stderr
    assert "make room, then the same command goes on" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert program(model_folder, many, tmp_path / "out").returncode == 0
    assert paths_of(tmp_path / "out") == ALL
    assert not list(tmp_path.rglob("*.draft"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a small disk")
def test_a_full_disk_is_told_and_finished_parts_stay(model_folder, many, tmp_path):
    (tmp_path / "out").mkdir()
    words = command(model_folder, many, tmp_path / "out", "--workers", "1")
    script = 'mount -t tmpfs -o size=120k none "$1" && shift && "$@"; echo $?; ls "$OUT/scores"'

    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path / "out"), *words], cwd=ROOT,
        env={**plain_environment(), "OUT": str(tmp_path / "out")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    printed = done.stdout.splitlines()
    assert "4" in printed, done.stderr
    assert "No space left on device; make room" in done.stderr
    assert printed[printed.index("4") + 1 :]
    assert all(name.endswith(".parquet") for name in printed[printed.index("4") + 1 :])


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_leaves_no_process_and_no_draft(started, tmp_path, word):
    begun = started()
    until_parts(tmp_path / "out", 1)
    workers = workers_of(begun)

    begun.send_signal(word)

    assert begun.wait(20) in (130, 0)  # it may have been at its end
    assert gone(workers)
    assert not list((tmp_path / "out").rglob("*.draft"))


def test_a_worker_that_dies_is_told(started, program, model_folder, many, tmp_path):
    begun = started("--workers", "3")
    end = time.monotonic() + 60
    while len(workers := workers_of(begun)) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    workers[0].kill()

    printed = begun.communicate(timeout=60)[0]

    assert begun.returncode == 4, printed
    assert "a process that scored images died: out of memory" in printed
    assert gone(workers)
    assert program(model_folder, many, tmp_path / "out").returncode == 0
    assert paths_of(tmp_path / "out") == ALL


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moments_it_ends_with_one_row_an_image(
    started, program, model_folder, many, tmp_path, seed
):
    """The program alone, its workers see to themselves; five kills, then it is let go on."""
    import random

    moments = random.Random(seed)
    undisturbed = program(model_folder, many, tmp_path / "other")
    assert undisturbed.returncode == 0, undisturbed.stderr
    for kill in range(5):
        begun = started()
        until_parts(tmp_path / "out", min(kill, 4))  # the first one may come before any
        time.sleep(moments.uniform(0, 0.4))
        workers = workers_of(begun)
        begun.kill()
        begun.wait()
        assert gone(workers)

    done = program(model_folder, many, tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert paths_of(tmp_path / "out") == ALL
    files, others = ({path.name: path.read_bytes() for path in Path(place).rglob("part-*")}
                     for place in (tmp_path / "out", tmp_path / "other"))  # fmt: skip
    assert files == others
    assert told(tmp_path / "out")["parts"] == told(tmp_path / "other")["parts"]
    assert not list((tmp_path / "out").rglob("*.draft"))
