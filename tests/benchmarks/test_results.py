"""A row of results.md says truly where it comes from, and memory is that of all processes."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import psutil
import pytest

from benchmarks.results import append, commit, machine, measure, pss_bytes, table

HOLD = "import sys, time; kept = bytearray(b'x' * (80 << 20)); print('held', flush=True); "
linux = pytest.mark.skipif(not psutil.LINUX, reason="no proportional set sizes here")


@linux
def test_the_memory_of_children_counts():
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD + 'input()'!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"

        found = pss_bytes(process.pid)

        process.communicate(b"\n")
    assert 80 << 20 < found < 200 << 20
    assert pss_bytes(process.pid) == 0  # ended


@linux
def test_the_peak_of_a_command_is_found_with_all_that_it_wrote():
    found = measure([sys.executable, "-c", HOLD + "time.sleep(0.5); print('y' * 200_000)"])

    assert found.output == "held\n" + "y" * 200_000 + "\n"
    assert 80 << 20 < found.peak_bytes < 200 << 20


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(subprocess.CalledProcessError):
        measure([sys.executable, "-c", "raise SystemExit(3)"], memory=lambda _: 0)


def test_a_section_says_when_where_and_by_which_command_and_keeps_the_others(tmp_path):
    results = tmp_path / "results.md"

    append("First", table(("what", "ratio"), [("a", "1.5")]), "python -m benchmarks.a", to=results)
    append("Second", "| b |", "python -m benchmarks.b", to=results)

    text = results.read_text()
    assert re.search(r"^## First, \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert f"{machine()} · commit {commit()} · `python -m benchmarks.a`" in text
    assert "| what | ratio |\n| --- | ---: |\n| a | 1.5 |\n\n## Second" in text


def test_the_machine_is_told_without_its_name():
    assert re.fullmatch(r".+, \d+ cores", machine())
    assert not platform.node() or platform.node() not in machine()
