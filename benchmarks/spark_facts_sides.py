"""
What ``benchmarks.spark_facts`` compares, each side in a process of its own; one line of JSON.

    python -m benchmarks.spark_facts_sides SIDE FILE
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from data_checks.check import FACTS, REPORT, Report, check_images
from data_checks.limits import Limits
from model.images import open_images

WORKERS = 2
POOL, IN_MEMORY, ON_SPARK = "pool", "Spark, judged in memory", "Spark, judged on Spark"
SIDES: Final = (POOL, IN_MEMORY, ON_SPARK)

Told = dict[str, Any]
Judge = Callable[..., Report]


def side(name: str, file: str) -> Told:
    """Seconds and most memory, until the facts were written and until the end; what was found."""
    began = time.perf_counter()
    judge = _pool() if name == POOL else _spark(most_in_memory=0 if name == ON_SPARK else 10**9)
    told: Told = {"start_s": time.perf_counter() - began}
    images = open_images(file)
    began = time.perf_counter()

    def progress(done: int) -> None:
        if done == len(images):
            told.update(facts_s=time.perf_counter() - began, **_memory("facts"))

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        report = judge(
            images.chunks(), labels=images.labels, limits=Limits(), out=out, progress=progress
        )
        told.update(check_s=time.perf_counter() - began, **_memory("check"))
        return {**told, "images": report.images, "facts": _digest_of_facts(out / FACTS),
                "report": hashlib.sha256((out / REPORT).read_bytes()).hexdigest()}  # fmt: skip


def _pool() -> Judge:
    return lambda *words, **options: check_images(*words, **options, workers=WORKERS)


def _spark(most_in_memory: int) -> Judge:
    from pyspark.sql import SparkSession

    from data_checks.spark.check import check_images_on_spark

    spark = SparkSession.builder.appName("benchmark").getOrCreate()
    return lambda *words, **options: check_images_on_spark(
        spark, *words, **options, most_in_memory=most_in_memory
    )


def _memory(stage: str) -> dict[str, int]:
    """The most bytes so far, of this process and of the JVM; workers of either are beside them."""
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    machines = [each for each in psutil.Process().children() if each.name() == "java"]
    return {f"python_{stage}": mine, f"jvm_{stage}": sum(map(_most_bytes, machines))}


def _most_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _digest_of_facts(place: Path) -> str:
    """Of the rows, sorted: wherever their files begin and end."""
    import pyarrow.parquet as parquet

    total = hashlib.sha256()
    for column in parquet.read_table(place).sort_by("path").columns:
        total.update("\n".join(map(repr, column.to_pylist())).encode())
    return total.hexdigest()


if __name__ == "__main__":
    print(json.dumps(side(*sys.argv[1:])))
