"""What this machine lacks for Spark is said before Spark is started."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from model import spark_here
from model.spark_here import TOLD_BY, lacking

pytestmark = pytest.mark.spark


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Let another Java be found, which says that it is of some version."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)

    def say(version: str) -> None:
        program = tmp_path / "bin" / "java"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-16' >&2\n")
        program.chmod(0o755)

    return say


@pytest.mark.parametrize(("version", "named"), [("1.8.0_412", "8"), ("11.0.2", "11")])
def test_an_old_java_is_named(java, version, named):
    java(version)

    assert lacking().startswith(f"Spark needs Java 17 or newer, and this is {named}: apt install")


@pytest.mark.parametrize("version", ["17.0.15", "21"])
def test_a_new_one_is_not(java, version):
    java(version)

    assert lacking() == ""


def test_more_workers_than_cores_are_told_unless_another_spark_is_described(java, monkeypatch):
    java("17.0.15")
    for name in TOLD_BY:
        monkeypatch.delenv(name, raising=False)

    assert "ask for --workers" in lacking(workers=900)
    monkeypatch.setenv("SPARK_CONF_DIR", "of-a-cluster")
    assert lacking(workers=900) == ""


def test_java_starts_from_the_classes_that_were_kept(monkeypatch, tmp_path):
    kept = tmp_path / "a folder" / "classes.jsa"
    monkeypatch.setattr(spark_here, "CLASSES", kept)
    assert "SharedArchiveFile" not in spark_here.environment(2)["PYSPARK_SUBMIT_ARGS"]

    kept.parent.mkdir()
    kept.touch()

    words = shlex.split(spark_here.environment(2)["PYSPARK_SUBMIT_ARGS"])
    assert f'-XX:SharedArchiveFile="{kept}"' in words[words.index("--driver-java-options") + 1]


def test_java_takes_the_classes_that_were_kept():
    assert spark_here.CLASSES.is_file(), "make .venv/spark keeps them, where Java is"
    strict = f'-XX:SharedArchiveFile="{spark_here.CLASSES}" -Xshare:on -Xlog:disable'
    found = {**os.environ, **spark_here.environment(1, java=strict)}
    program = (
        "from pyspark.sql import SparkSession as S; print(S.builder.getOrCreate().range(5).count())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], env=found, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "5"


def test_a_place_without_java_is_told(java):
    assert lacking().startswith("Spark needs Java 17 or newer: apt install")
