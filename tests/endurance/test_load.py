"""A client at 50 requests a second while versions come and go."""

from __future__ import annotations

import pytest

from tests.flows.conftest import FAST

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(900)]


def test_no_request_fails_in_three_releases_and_two_rollbacks(served, pictures, steady):
    release = ("release", "--data", str(pictures), *FAST)
    commands = [(*release, "--seed", str(seed)) for seed in (1, 2, 3)] + [("rollback",)] * 2

    with steady:
        for command in commands:
            done = served(*command)
            assert done.returncode == 0, done.stdout + done.stderr

    times = sorted(steady.seconds)
    print(f"{steady.asked} asked, {len(steady.failures)} failed, by version {steady.versions}")
    print(f"median {1e3 * times[len(times) // 2]:.1f} ms, slowest {1e3 * times[-1]:.0f} ms")
    assert steady.failures == []
    assert set(steady.versions) == {"1", "2", "3", "4"}
    assert all(len(digests) == 1 for digests in steady.digests.values())
