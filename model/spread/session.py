"""The Spark that starts the workers: the session of a cluster, else one of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from model.spark_here import here_unless_told, lacking
from model.spread.failures import CannotSpread

MOST_WAIT_S = 30.0  # in which the machines of a cluster that has just begun report


@contextmanager
def session(name: str) -> Iterator[Any]:
    """
    The session of the cluster, or what the environment describes; by default all cores here.

    One that was begun by this, and is not a cluster's own, ends with it.

    Raises:
        CannotSpread: this machine has no Spark, or one that starts no workers.
    """
    if why := lacking():
        raise CannotSpread(f"workers are started by Spark: {why}")
    from pyspark.sql import SparkSession

    has_begun = SparkSession.getActiveSession() is not None
    if not has_begun:
        here_unless_told()
    found = SparkSession.builder.appName(name).getOrCreate()
    if "connect" in type(found).__module__:
        raise CannotSpread(
            "this session speaks to Spark from afar (Spark Connect, as serverless and shared "
            "clusters have it), which starts no workers; use a cluster of your own"
        )
    try:
        yield found
    finally:
        if not has_begun and "DATABRICKS_RUNTIME_VERSION" not in os.environ:
            with if_spark_lives():
                found.stop()


@contextmanager
def settings(spark: Any, wanted: Mapping[str, object]) -> Iterator[None]:
    """Some settings of the session, which is lent, for a while."""
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, str(value))
        yield
    finally:
        with if_spark_lives():
            for name, kept in before.items():
                if kept is None:
                    spark.conf.unset(name)
                else:
                    spark.conf.set(name, kept)


def if_spark_lives() -> AbstractContextManager[None]:
    """Around what Spark shall clean up: where it was killed, nothing is left to be."""
    from py4j.protocol import Py4JError

    return suppress(Py4JError, ConnectionError)


def is_here(spark: Any) -> bool:
    """Do all tasks run on this machine?"""
    return str(spark.sparkContext.master).startswith("local")


def ask_for_slots(spark: Any, workers: int) -> None:
    """
    Make sure that all workers can run at once.

    Raises:
        CannotSpread: the cluster has fewer slots than ``workers``.
    """
    until = time.monotonic() + MOST_WAIT_S
    has_all = spark.sparkContext.master.startswith("local[")  # at once: no machine reports later
    while (slots := slots_of(spark)) < workers:
        if has_all or time.monotonic() >= until:
            raise too_many(workers, slots)
        time.sleep(1)


def too_many(workers: int, slots: int) -> CannotSpread:
    """The refusal of more workers than Spark can run at once."""
    return CannotSpread(
        f"{workers} workers were asked for, and Spark runs {slots} tasks at once here; "
        f"ask for --workers {slots}, or for a cluster with more machines, cores or GPUs"
    )


def slots_of(spark: Any) -> int:
    """
    Tasks that run at once.

    By what Spark itself asks before a barrier stage, which has no public name: the default
    parallelism knows cores, but not GPUs, and is what a user may have set.
    """
    from py4j.protocol import Py4JError

    context = spark.sparkContext
    try:
        inner = context._jsc.sc()
        profile = inner.resourceProfileManager().defaultResourceProfile()
        return int(inner.maxNumConcurrentTasks(profile))
    except Py4JError:
        return int(context.defaultParallelism)
