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
import time
from model.spread.child import end_with_parent
end_with_parent()
print("begun", flush=True)
time.sleep(600)
"""
PARENT = f"""
import os, sys
from pathlib import Path
from model.spread.child import run_child
run_child([sys.executable, "-c", {CHILD!r}], os.environ, Path.cwd(), lambda line: print(line, flush=True))
"""  # noqa: E501
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}


def test_what_it_said_and_how_it_ended_are_told(tmp_path):
    said = []
    words = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(5)"

    code, last = run_child([sys.executable, "-u", "-c", words], HERE, tmp_path, said.append)

    assert code == 5
    assert said == ["one", "two"]
    assert last == "one\ntwo\n"


def test_it_ends_when_its_parent_is_killed():
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, env=HERE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "begun\n"
        (child,) = psutil.Process(parent.pid).children()

        parent.kill()

        psutil.wait_procs([child], timeout=60)
        assert not child.is_running()


def test_it_ends_when_its_parent_gives_up(tmp_path):
    found = []

    class Interrupted(Exception):
        pass

    def give_up(line: str) -> None:
        found.append(psutil.Process().children())
        raise Interrupted

    with pytest.raises(Interrupted):
        run_child([sys.executable, "-c", CHILD], HERE, tmp_path, give_up)

    ((child,),) = found
    assert not child.is_running()
