"""
``python -m infra.spark_classes``: lets Java keep the classes of Spark, loaded and checked.

From then on, a Spark of this machine starts in two thirds of the time, and its first work begins
half a second sooner. A part of ``make .venv/spark``; after another Java it is to be made anew, and
until then Java passes it over. It is some 140 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from model.spark_here import CLASSES, environment, lacking

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "model" / "sample" / "fashion-mnist.parquet"


def main() -> int:
    """Keep what a check of the sample loads; where that cannot be, say so."""
    if why := lacking():
        print(f"{why}; then `python -m infra.spark_classes`, for Spark to start sooner")
        return 0
    CLASSES.parent.mkdir(exist_ok=True)
    for left in CLASSES.parent.glob(f".*-{CLASSES.name}"):  # of one that was killed
        left.unlink(missing_ok=True)
    draft = CLASSES.with_name(f".{os.getpid()}-{CLASSES.name}")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "data_checks.program", "--engine", "spark",
            "--images", str(SAMPLE), "--opened-by", "model.images:open_images",
            "--out", str(Path(folder) / "out"),
        ]  # fmt: skip
        found = environment(2, java=f'-XX:ArchiveClassesAtExit="{draft}" -Xlog:disable')
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **found}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    if not draft.exists():  # Spark works without
        said = f"{done.stdout}{done.stderr}".strip().splitlines()[-1:]
        print("Java keeps no classes of Spark, which starts as slowly as ever:", *said)
        return 0
    draft.replace(CLASSES)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
