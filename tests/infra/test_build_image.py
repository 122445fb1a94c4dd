"""What ``infra/build-image`` refuses, before it builds anything, and the way out that it tells."""

from __future__ import annotations

import shutil

import pytest

from tests.infra.engine import BIN, run

BASE = f"python:3.12-slim@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("words", "environment", "code", "says"),
    [
        (["", BASE], {}, 2, "MODEL is missing"),
        (["a-model", ""], {}, 2, "skopeo inspect"),
        (["a-model", "python:3.12-slim"], {}, 2, "python:3.12-slim has no digest"),
        (["a-model", BASE], {"PLATFORM": "linux/s390x"}, 2, "linux/amd64 or linux/arm64"),
        (["a-model", BASE], {"SOURCE_DATE_EPOCH": "yesterday"}, 2, "SOURCE_DATE_EPOCH"),
        (["a-model", BASE], {}, 3, "refused"),
    ],
)
def test_what_is_missing_or_unfit_is_told(tmp_path, words, environment, code, says):
    images = tmp_path / "images"
    settings = {"BUILDER": "false", "BIN": BIN, "IMAGES": str(images), **environment}
    done = run("infra/build-image", *words, **settings)

    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert not images.exists() or list(images.iterdir()) == []


def test_a_machine_that_cannot_build_images_is_told_what_to_install(tmp_path):
    for tool in ("bash", "head"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    done = run("infra/build-image", "a-model", BASE, PATH=str(tmp_path))

    assert done.returncode == 4
    assert "buildah, podman and docker" in done.stderr
