"""Memory is bounded: measured in a process of its own, as a peak never falls again."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import ROOT


def bytes_an_image(what: str) -> float:
    command = [sys.executable, "-m", "tests.data_checks.many_images", what]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=250)
    return json.loads(done.stdout)


def test_the_memory_of_the_reader_does_not_grow_with_the_number_of_images():
    assert bytes_an_image("facts") < 500  # a row has more than 2,000


def test_the_whole_check_keeps_little_of_each_image_even_if_half_of_them_fail():
    assert bytes_an_image("check") < 1700  # naming each of them took twice that
