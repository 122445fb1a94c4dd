"""The program on Spark, in a process of its own, as a cluster starts it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

from data_checks.check import check_images
from data_checks.limits import Limits
from model.images import open_images
from model.spark_here import environment
from tests.conftest import ROOT, plain_environment
from tests.data_checks.spark.conftest import equal

pytestmark = pytest.mark.spark

DEADLY = """
import os
from model.images import open_images as plain

class Deadly:
    def read(self):
        os._exit(9)

def open_images(uri):
    images = plain(uri)
    images.chunks = lambda: iter([Deadly()])
    return images
"""


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """In a session of its own; ``folder`` is on the path, for modules that a test wrote there."""
    asked = environment(2, scratch=folder)
    asked["PYTHONPATH"] += f":{folder}"
    return subprocess.run(
        [sys.executable, "-m", "data_checks.program", *map(str, words)], cwd=ROOT,
        env={**plain_environment(), **asked}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def images(folder_of):
    """Images with one that is blank."""
    root = folder_of(cat=16, dog=16)
    Image.new("L", (16, 16), 90).save(root / "train" / "dog" / "blank.png")
    return root


def alone(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
    """On this machine, of whose Spark nobody says a word."""
    return subprocess.Popen(
        [sys.executable, "-m", "data_checks.program", *map(str, words)], cwd=ROOT,
        env={**plain_environment(), **variables}, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_on_this_machine_nobody_else_can_reach_it(images, tmp_path):
    asked = ("--images", images, "--opened-by", "model.images:open_images", "--engine", "spark")
    heard: set[str] = set()

    with alone(*asked, "--out", tmp_path / "out") as program:
        whole = psutil.Process(program.pid)
        while program.poll() is None:
            heard |= listening(whole)
        assert program.returncode == 0, program.stderr.read()

    assert heard
    assert heard <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def listening(process: psutil.Process) -> set[str]:
    """Addresses at which it, or a child, waits for others."""
    found: set[str] = set()
    with contextlib.suppress(psutil.Error):
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                sockets = each.net_connections("inet")
                found |= {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
    return found


def test_without_java_the_way_out_is_told(images, tmp_path):
    asked = ("--images", images, "--opened-by", "model.images:open_images", "--engine", "spark")

    with alone(*asked, "--out", tmp_path / "out", JAVA_HOME=str(tmp_path)) as program:
        said = program.stderr.read()

    assert program.returncode == 3
    assert "refused: Spark did not start; it needs Java 17 or newer: apt install" in said
    assert "Traceback" not in said


def test_two_workers_leave_the_report_of_one_machine(images, tmp_path):
    opened = open_images(str(images))
    asked = ("--images", images, "--opened-by", "model.images:open_images", "--workers", "2")

    done = run(tmp_path, *asked, "--out", tmp_path / "out", "--dataset-digest", opened.digest())

    assert done.returncode == 0, done.stderr
    assert "looked at 33 of 33 images\n" in done.stdout
    check_images(
        opened.chunks(), labels=opened.labels, limits=Limits(), out=tmp_path / "plain", workers=1
    )
    assert equal(tmp_path / "plain", tmp_path / "out") == []


def test_a_worker_that_dies_is_told_in_a_line_and_leaves_nothing(images, tmp_path):
    (tmp_path / "deadly.py").write_text(DEADLY)

    done = run(
        tmp_path, "--images", images, "--opened-by", "deadly:open_images", "--engine", "spark",
        "--out", tmp_path / "out",
    )  # fmt: skip

    assert done.returncode == 4, done.stderr
    assert "failed: a process that looked at images died: out of memory" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
