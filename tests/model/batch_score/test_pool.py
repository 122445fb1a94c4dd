"""Workers of a pool are never left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from tests.conftest import ROOT
from tests.orphans import asleep

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no system ends them"),
]

PARENT = """
import ctypes
from model.batch_score import pool

def deaf(job, part):
    "It hangs as a decoder might, with the interpreter's lock held."
    ctypes.PyDLL(None).sleep(240)

pool.make_part = deaf
if __name__ == "__main__":
    list(pool.in_pool(None, [None], workers=2))
"""


def test_a_worker_that_hangs_ends_when_its_parent_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], env=environment) as parent:
        worker = asleep(psutil.Process(parent.pid))

        parent.kill()

        psutil.wait_procs([worker], timeout=20)
        assert not worker.is_running()
