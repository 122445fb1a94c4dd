"""A real Spark on this machine, for tests: started as a program that uses it would find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.spark_here import environment, lacking


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on two cores; Python's own variables are as before afterwards."""
    if why := lacking():
        pytest.fail(why)
    from pyspark.sql import SparkSession

    scratch: Path = tmp_path_factory.mktemp("spark")
    before = dict(os.environ)
    os.environ.update(environment(2, scratch=scratch))
    session = SparkSession.builder.appName("tests").getOrCreate()
    yield session
    session.stop()
    os.environ.clear()
    os.environ.update(before)
