"""
Spark on this machine: what its environment says, so that a program finds it as on a cluster.

Programs ask for ``SparkSession.builder.getOrCreate()`` and nothing else: on Databricks that is the
cluster's session, here it is what these variables describe. It listens on the loopback address.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

LEAST_JAVA = 17
VERSION = re.compile(r'version "(1\.(?P<first>\d+)|(?P<second>\d+))')  # once it was 1.8
# Java compiles quickly, not thoroughly: Python does most of the work, and its cores are these.
QUICK_START = "-XX:TieredStopAtLevel=1"
CLASSES = Path(sys.prefix, "share", "spark-classes.jsa")  # by infra/spark_classes.py
LOG = Path(__file__).resolve().with_name("spark_log4j2.properties")
TOLD_BY = (
    "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT", "SPARK_CONF_DIR", "SPARK_REMOTE",
    "DATABRICKS_RUNTIME_VERSION",
)  # fmt: skip
MOST_FAILURES = 4  # of a task, before its job fails: as on a cluster


def environment(
    cores: int,
    *,
    machines: int = 0,
    memory: str = "2g",
    scratch: Path | None = None,
    java: str | None = None,
) -> dict[str, str]:
    """
    Variables for a program that shall find ``cores`` cores of this machine as its cluster.

    Args:
        machines: processes that stand for so many machines, each with ``cores`` cores and a
            gigabyte; 0: threads of the driver.
        memory: of the driver's JVM, as Spark writes it; Python's processes are beside it.
        scratch: where shuffled data may lie; by default where the system keeps such files.
        java: options of the driver's JVM; by default those that start it from ``CLASSES``.
    """
    said = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.catalogImplementation": "in-memory",
        **({"spark.local.dir": str(scratch)} if scratch else {}),
    }
    threads = f"local[{cores},{MOST_FAILURES}]"
    master = f"local-cluster[{machines},{cores},1024]" if machines else threads
    words = [f"--master {master}", f"--driver-memory {memory}"]
    options = (QUICK_START, f"-Dlog4j2.configurationFile={LOG.as_uri()}", _kept(java))
    words += [f"--driver-java-options {shlex.quote(' '.join(options).strip())}"]
    words += [f"--conf {shlex.quote(f'{name}={value}')}" for name, value in said.items()]
    return {
        "PYSPARK_SUBMIT_ARGS": " ".join([*words, "pyspark-shell"]),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join(_places()),
    }


def _kept(java: str | None) -> str:
    if java is None and CLASSES.exists():
        return (
            f'-XX:SharedArchiveFile="{CLASSES}" -Xlog:disable'  # of another Java: nothing, quietly
        )
    return java or ""


def here_unless_told() -> None:
    """Let all cores of this machine be the cluster, unless the environment describes another."""
    if not _is_told():
        os.environ.update(environment(os.cpu_count() or 1))


def lacking(workers: int = 1) -> str:
    """
    What this machine lacks for Spark, and how to get it; nothing if it has all.

    Args:
        workers: that shall run at once, each on a core; where the environment describes another
            Spark, only that knows how many it runs.
    """
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: make .venv/spark"
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:  # a cluster has its own
        return ""
    found = _java()
    if found is None or found < LEAST_JAVA:
        other = "" if found is None else f", and this is {found}"
        return (f"Spark needs Java {LEAST_JAVA} or newer{other}: "
                f"apt install openjdk-{LEAST_JAVA}-jre-headless, or set JAVA_HOME")  # fmt: skip
    cores = os.cpu_count() or 1
    if workers > cores and not _is_told():
        return (f"each takes a core, and this machine has {cores}: ask for --workers {cores} at "
                "most, or for a cluster (docs/how-to/several-workers.md)")  # fmt: skip
    return ""


def _is_told() -> bool:
    """Does the environment describe a Spark?"""
    return any(word in os.environ for word in TOLD_BY)


def _java() -> int | None:
    """The version of the Java that Spark would start; ``None`` if there is none that starts."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if program is None:
        return None
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = VERSION.search(told.stderr)
    return int(found["first"] or found["second"]) if found else None


def _places() -> list[str]:
    """Where Spark's own processes find this code: the checkout, or where the wheel lies."""
    ours = str(Path(__file__).resolve().parent.parent)
    known = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    return list(dict.fromkeys([ours, *known]))
