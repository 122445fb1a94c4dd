"""A session that is lent: what is set of it, and kept by it, is as before afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

TOLD_BY = (
    "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "SPARK_CONF_DIR", "SPARK_REMOTE",
    "DATABRICKS_RUNTIME_VERSION",
)  # fmt: skip
ALONE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
IMAGES_A_PART, MOST_PARTS = 20_000, 4000
Keep = Callable[[Any], Any]


class NoSpark(ValueError):
    """This machine has no Spark that starts; the message says how to get one."""


def session(name: str) -> Any:
    """
    That of the cluster, or what the environment describes; by default all cores of this machine,
    which nobody else reaches then.

    Raises:
        NoSpark: PySpark or Java is lacking.
    """
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise NoSpark("PySpark is not installed: make .venv/spark, or leave out --engine and "
                      "--workers") from error  # fmt: skip
    builder = SparkSession.builder.appName(name)
    if not any(word in os.environ for word in TOLD_BY):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config(map=ALONE)
    try:
        return builder.getOrCreate()
    except PySparkRuntimeError as error:
        if "JAVA_GATEWAY_EXITED" not in str(error):
            raise
        raise NoSpark("Spark did not start; it needs Java 17 or newer: apt install "
                      "openjdk-17-jre-headless, or set JAVA_HOME") from error  # fmt: skip


@contextmanager
def settings(spark: Any, wanted: Mapping[str, object]) -> Iterator[None]:
    """Some settings of the session, for a while."""
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, str(value))
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)


def shuffled_parts(images: int, cores: int) -> int:
    """
    In how many parts rows are shuffled: some megabytes each.

    Spark's own 200 are too many for few images, and too few for many.
    """
    return max(2 * cores, min(images // IMAGES_A_PART, MOST_PARTS))


@contextmanager
def keeping() -> Iterator[Keep]:
    """
    A function that has a table computed, and kept by the workers until the end.

    Now, not when it is first used: how large it is then decides how it is joined.
    """
    with ExitStack() as stack:

        def keep(frame: Any) -> Any:
            kept = frame.persist()
            stack.callback(kept.unpersist)
            kept.count()
            return kept

        yield keep
