"""The program that a cluster runs: what it makes of its words, what it leaves, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from data_checks.check import FACTS, Report, check_images
from data_checks.limits import BadLimits, Limits
from data_checks.words import BadWord, limits_of, opener_of, reference_of
from model.images import BadDataset, open_images
from tests.conftest import ROOT, plain_environment

OPENER = ("--opened-by", "model.images:open_images")


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_checks.program", *map(str, words)], cwd=ROOT,
        env={**plain_environment(), **environment}, capture_output=True, text=True, check=False,
        timeout=280,
    )  # fmt: skip


@pytest.fixture
def images(folder_of):
    """Images with one that is blank."""
    root = folder_of(cat=16, dog=16)
    Image.new("L", (16, 16), 90).save(root / "train" / "dog" / "blank.png")
    return root


def test_it_judges_and_says_how(images, tmp_path):
    out = tmp_path / "volume" / "report"
    out.mkdir(parents=True)
    (out / "old.txt").touch()

    done = run("--images", images, *OPENER, "--out", out)

    assert (done.returncode, done.stderr) == (0, "")
    assert "looked at 33 of 33 images" in done.stdout
    assert "refuse: not blank: 1 of 33 images (0) (limit: deviation of at least 1)" in done.stdout
    assert done.stdout.endswith("15 checks on 33 images: refused\n")
    opened = open_images(str(images))
    plain = check_images(
        opened.chunks(), labels=opened.labels, limits=Limits(), out=tmp_path / "plain", workers=1
    )
    assert Report.load(out) == plain
    assert sorted(path.name for path in out.iterdir()) == [
        "contact_sheet.png", "data_docs", FACTS, "report.json",
    ]  # fmt: skip


def test_limits_reference_and_digest_are_words(images, tmp_path):
    opened = open_images(str(images))
    before = check_images(
        opened.chunks(), labels=opened.labels, limits=Limits(), out=tmp_path / "before", workers=1
    )
    limits = Limits(max_blank_share=0.5).model_dump_json()

    done = run(
        "--images", images, *OPENER, "--out", tmp_path / "out", "--limits", limits,
        "--reference", tmp_path / "before" / "report.json", "--dataset-digest", opened.digest(),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = Report.load(tmp_path / "out")
    assert report.passed
    assert report.reference == before.reference
    assert "like the champion's data" in {check.name for check in report.checks}


def test_images_that_changed_since_are_refused_and_nothing_is_left(images, tmp_path):
    digest = open_images(str(images)).digest()
    Image.new("L", (16, 16), 91).save(images / "train" / "dog" / "blank.png")

    done = run("--images", images, *OPENER, "--out", tmp_path / "out", "--dataset-digest", digest)

    assert done.returncode == 3
    assert f"changed since: its digest was {digest[:12]}, and is " in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


OWN_OPENER = """
from pathlib import Path
from model.image_files import StorageIll
from model.images import BadDataset, open_images as plain

class Changing:
    def __init__(self, chunk, file):
        self.chunk, self.file = chunk, file

    def read(self):
        yield from self.chunk.read()
        self.file.write_bytes(b"other bytes")

class Ill:
    def read(self):
        raise StorageIll("a disk: Connection reset by peer")

def changing(uri):
    images, file = plain(uri), Path(uri) / "train" / "dog" / "blank.png"
    known = list(images.chunks())
    images.chunks = lambda: (Changing(chunk, file) for chunk in known)
    return images

def ill(uri):
    images = plain(uri)
    images.chunks = lambda: iter([Ill()])
    return images
"""


def run_own(name: str, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    (folder / "own.py").write_text(OWN_OPENER)
    return run("--opened-by", f"own:{name}", *words, PYTHONPATH=str(folder))


def test_images_that_change_while_they_are_looked_at_are_refused(images, tmp_path):
    digest = open_images(str(images)).digest()
    asked = ("--images", images, "--out", tmp_path / "out", "--dataset-digest", digest)

    done = run_own("changing", tmp_path, *asked)

    assert done.returncode == 3, done.stderr
    assert f"changed since: its digest was {digest[:12]}, and is " in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_storage_that_is_ill_has_failed_and_is_no_fault_of_the_data(images, tmp_path):
    done = run_own("ill", tmp_path, "--images", images, "--out", tmp_path / "out")

    assert (done.returncode, done.stderr) == (4, "failed: a disk: Connection reset by peer\n")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--images", "/nowhere"], 3, "refused: /nowhere does not exist"),
        (["--images", ".", "--limits", '{"max_blank": 1}'], 3, "--limits: max_blank: unknown key"),
        (["--images", ".", "--limits", "{"], 3, "refused: --limits: Expecting property name"),
        (["--images", ".", "--limits", "none.toml"], 2, "usage: --limits none.toml cannot be read"),
        (["--images", ".", "--reference", "Makefile"], 2, "usage: --reference Makefile is no rep"),
        (["--images", ".", "--opened-by", "model.images"], 2, "name a module and a function"),
        (["--images", ".", "--opened-by", "nothing:at_all"], 2, "No module named 'nothing'"),
        (["--images", ".", "--engine", "ray"], 2, "usage: Invalid value"),
        (["--imags", "."], 2, "usage: "),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_in_a_line(tmp_path, words, code, says):
    opener = [] if "--opened-by" in words else OPENER

    done = run(*words, *opener, "--out", tmp_path / "out")

    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_killed_it_leaves_no_report_and_the_next_run_makes_one(images, tmp_path):
    command = [sys.executable, "-m", "data_checks.program", "--images", str(images), *OPENER,
               "--out", str(tmp_path / "out")]  # fmt: skip
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("{}")
    with subprocess.Popen(command, cwd=ROOT, env=plain_environment()) as process:
        while (tmp_path / "out" / "report.json").exists():
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)

    assert not (tmp_path / "out" / "report.json").exists()
    assert run(*command[3:]).returncode == 0
    assert Report.load(tmp_path / "out").images == 33


def test_limits_may_be_a_file_of_either_kind_or_lie_beside_the_images(tmp_path):
    (tmp_path / "data_checks.toml").write_text("max_drift = 3")
    (tmp_path / "limits.json").write_text(json.dumps({"max_drift": 4}))

    found = [
        limits_of(words, str(tmp_path)).max_drift
        for words in (None, str(tmp_path / "data_checks.toml"), str(tmp_path / "limits.json"),
                      ' {"max_drift": 5}')
    ]  # fmt: skip

    assert found == [3, 3, 4, 5]
    with pytest.raises(BadLimits, match="max_drift: "):
        limits_of('{"max_drift": -1}', str(tmp_path))


def test_a_reference_may_be_a_report_or_its_part(tmp_path):
    part = {"mean": [1.0], "deviation": [1.0], "labels": {"a": 1.0}}
    (tmp_path / "part.json").write_text(json.dumps(part))
    (tmp_path / "report.json").write_text(json.dumps({"passed": True, "reference": part}))

    assert reference_of(tmp_path / "part.json") == reference_of(tmp_path / "report.json")
    for wrong in ("[]", "{}", '{"reference": 3}', "no"):
        (tmp_path / "wrong.json").write_text(wrong)
        with pytest.raises(BadWord, match=r"wrong\.json is no report of checks"):
            reference_of(tmp_path / "wrong.json")


def test_the_opener_brings_what_it_raises():
    assert opener_of("model.images:open_images") == (open_images, BadDataset)
    _, nothing = opener_of("json:loads")
    assert issubclass(nothing, Exception)
    assert not issubclass(ValueError, nothing)
