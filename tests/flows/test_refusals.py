"""A gate that says no: exit code 3, every reason, and nothing else changes."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.flows.conftest import FAST, registered, url_of, verdicts, version_at


def test_a_worse_candidate_is_refused_and_the_champion_keeps_serving(released, pictures):
    url, before = url_of(released), registered(released)

    done = released(
        "release", "--data", str(pictures), "--epochs", "1", "--learning-rate", "1e-9",
        "--min-accuracy", "0", "--min-recall", "0",
    )  # fmt: skip

    assert done.returncode == 3, done.stdout + done.stderr
    assert "worse than version 1" in done.stderr or "lost" in done.stderr
    assert "give it another --name" in done.stderr
    assert version_at(url)["version"] == "1"
    assert registered(released) == before


def test_an_inaccurate_candidate_is_refused_with_its_number(released, pictures):
    done = released("release", "--data", str(pictures), "--epochs", "1", "--learning-rate", "1e-9")

    assert done.returncode == 3
    assert re.search(r"accuracy 0\.\d+ is below the least allowed 0\.6000", done.stderr)


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (lambda root: (root / "train" / "dark" / "x.png").write_bytes(b""), "train/dark/x.png"),
        (lambda root: [shutil.rmtree(p) for p in root.glob("*/dark")], "two classes"),
    ],
)
def test_bad_images_are_refused_and_nothing_changes(released, pictures, tmp_path, spoil, names):
    root = tmp_path / "light"
    shutil.copytree(pictures, root)
    spoil(root)
    url, before = url_of(released), registered(released)

    done = released("release", "--data", str(root), *FAST)

    assert done.returncode == 3, done.stdout + done.stderr
    assert names in done.stderr
    assert "Traceback" not in done.stderr
    assert version_at(url)["version"] == "1"
    assert registered(released) == before


def test_a_failing_gate_test_refuses_before_any_training(flows, pictures):
    test = flows.root / "tests" / "model" / "test_quick.py"
    test.write_text(
        test.read_text() + "\n\ndef test_broken():\n    assert 1 == 2, 'one is not two'\n"
    )

    done = flows("release", "--data", str(pictures), *FAST)

    assert done.returncode == 3
    assert "test_broken" in done.stderr
    assert "one is not two" in done.stderr
    assert "train" not in verdicts(done.stdout)
    assert not (flows.state / "runs").exists()
