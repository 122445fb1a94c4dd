"""Judge a folder of images as a release does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_checks.check import Report, check_images
from data_checks.limits import Limits
from model.images import open_images

Judge = Callable[..., Report]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """``judge(folder)`` answers the report; its files lie in ``judge.out``."""

    def run(uri: Path | str, limits: Limits | None = None, **options) -> Report:
        images = open_images(str(uri))
        return check_images(
            images.chunks(),
            labels=images.labels,
            limits=limits or Limits.beside(str(uri)),
            out=run.out,
            workers=1,
            **options,
        )

    run.out = tmp_path / "report"
    return run


@pytest.fixture
def failed(judge) -> Callable[..., dict[str, tuple[str, ...]]]:
    """``failed(folder)``: name of each failed check → images that it names."""

    def run(*words, **options) -> dict[str, tuple[str, ...]]:
        report = judge(*words, **options)
        return {check.name: check.offenders for check in report.checks if not check.passed}

    return run
