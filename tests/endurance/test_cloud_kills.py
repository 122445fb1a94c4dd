"""A release to the cloud, killed at thirty moments: never paid for twice, nothing left running."""

from __future__ import annotations

import random
import time

import pytest

from tests.flows.conftest import FAST, IN_AZURE, versions_in_azure

pytestmark = [pytest.mark.endurance, pytest.mark.cloud, pytest.mark.timeout(7200)]
TIMES = 30
ANY = ("--min-accuracy", "0", "--min-recall", "0", "--max-drop", "1")  # of four epochs, on any seed


def test_a_release_that_is_killed_ends_well_in_the_next(azure, flows, cloud):
    began = time.monotonic()
    assert azure(*words(seed=1)).returncode == 0
    whole = time.monotonic() - began

    for turn in range(TIMES):
        moment, seed = whole * (turn + random.random()) / TIMES, turn + 2
        begun = flows.start(*words(seed=seed), **cloud.environment)
        time.sleep(moment)
        begun.kill()
        begun.communicate()
        was = f"{len(cloud.runs.all()) - turn - 1} submitted, {len(cloud.runs.active())} active"
        print(f"killed after {moment:.1f} of {whole:.1f} s: {was}", flush=True)

        done = azure(*words(seed=seed))

        assert done.returncode == 0, done.stdout + done.stderr
        assert len(cloud.runs.all()) == turn + 2
        assert cloud.runs.active() == []
        digests = [each["properties"]["tags"]["model_digest"]
                   for each in versions_in_azure(cloud, "light")]  # fmt: skip
        assert len(digests) == len(set(digests)) == turn + 2


def words(*, seed: int) -> tuple[str, ...]:
    return (*IN_AZURE, *FAST, "--seed", str(seed), *ANY)
