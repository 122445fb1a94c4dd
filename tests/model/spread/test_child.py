"""A child is never left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from model.spread.child import run_child
from tests.conftest import ROOT

CHILD = """
import ctypes, time
from model.spread.child import end_with_parent
end_with_parent()
print("begun", flush=True)
"""
IDLE = f"{CHILD}time.sleep(600)"
DEAF = f"{CHILD}ctypes.PyDLL(None).sleep(600)"  # with the interpreter's lock, as TensorFlow waits
PARENT = """
import os, sys
from pathlib import Path
from model.spread.child import run_child
run_child([sys.executable, "-c", sys.argv[1]], os.environ, Path.cwd(),
          lambda line: print(line, flush=True))
"""
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_what_it_said_and_how_it_ended_are_told(tmp_path):
    said = []
    words = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(5)"

    code, last = run_child([sys.executable, "-u", "-c", words], HERE, tmp_path, said.append)

    assert code == 5
    assert said == ["one", "two"]
    assert last == "one\ntwo\n"


@pytest.mark.parametrize("child", [IDLE, DEAF])
def test_it_ends_when_its_parent_is_killed(child):
    command = [sys.executable, "-c", PARENT, child]
    with subprocess.Popen(command, env=HERE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "begun\n"
        (begun,) = psutil.Process(parent.pid).children()

        parent.kill()

        psutil.wait_procs([begun], timeout=20)
        assert not begun.is_running()


def test_it_ends_when_its_parent_gives_up(tmp_path):
    found, before = [], set(psutil.Process().children())  # other tests share this process

    class Interrupted(Exception):
        pass

    def give_up(line: str) -> None:
        found.extend(set(psutil.Process().children()) - before)
        raise Interrupted

    with pytest.raises(Interrupted):
        run_child([sys.executable, "-c", IDLE], HERE, tmp_path, give_up)

    (child,) = found
    assert not child.is_running()
