"""How a run on Databricks may end, and what the flow makes of it."""

from __future__ import annotations

import pytest

from tasks.backends.azure.jobs import code_of, is_success
from tasks.backends.azure.outcomes import explained
from tasks.errors import Refused, Transient
from tests.cloud.parts import Parts, parts

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize(
    ("code", "message", "kind", "way_out"),
    [
        ("CLOUD_FAILURE", "The spot instance was evicted.", Transient, ""),
        ("CLUSTER_ERROR", "AZURE_QUOTA_EXCEEDED_EXCEPTION: … 8 cores", Refused, "more cores"),
        ("CLUSTER_ERROR", "SkuNotAvailable: … in westeurope", Refused, "this region"),
        ("CLOUD_FAILURE", "Size X is not available in location Y", Refused, "this region"),
        ("INVALID_CLUSTER_REQUEST", "", Refused, "MLOPS_NODE_TYPE"),
        ("DRIVER_ERROR", "The driver is down.", Transient, ""),
        ("A_CODE_OF_TOMORROW", "", RuntimeError, ""),
    ],
)
def test_an_ending_is_sorted_and_explained(relayed, tmp_path, code, message, kind, way_out):
    on = parts(relayed, tmp_path)
    relayed.runs.is_stuck, relayed.runs.end_with, relayed.runs.end_saying = False, code, message

    ended = on.jobs.follow(on.submit(), lambda: None)
    raised = explained(*code_of(ended), str(ended.run_page_url), "")

    assert type(raised) is kind
    assert way_out in str(raised)
    assert message in str(raised)
    assert str(ended.run_page_url) in str(raised)


def test_a_run_that_is_being_cancelled_is_waited_for_and_another_begun(relayed, tmp_path):
    """Two would write to one folder; and who cancelled it was not a person who reads its end."""
    on = parts(relayed, tmp_path)
    first = again(on)
    relayed.runs.ending_s = 1.0
    try:
        on.jobs.cancel(first)
        second = again(on)
    finally:
        relayed.runs.ending_s = 0.0

    assert second != first
    assert relayed.runs.get(first)["state"]["life_cycle_state"] == "TERMINATED"
    assert again(on) == second


@pytest.mark.parametrize("ends", [True, False])
def test_a_run_that_was_deleted_keeps_nobody_from_another_try(relayed, tmp_path, ends):
    on = parts(relayed, tmp_path)
    first = again(on)
    if ends:
        on.jobs.cancel(first)
    relayed.runs.delete(first)

    second = again(on)

    assert second != first
    assert again(on) == second


def again(on: Parts) -> int:
    return on.jobs.submit(on.name, entry="train", wheel="/Volumes/x.whl", words=[], libraries=[],
                          is_usable=is_success)  # fmt: skip


def test_a_cluster_that_never_comes_is_waited_for_no_longer_than_was_said(
    relayed, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLOPS_RUN_HOURS", "0.0003")  # one second
    on = parts(relayed, tmp_path)  # it lets runs be stuck

    ended = on.jobs.follow(on.submit(), lambda: None)
    raised = explained(*code_of(ended), "", "")

    assert isinstance(raised, Refused)
    assert "MLOPS_RUN_HOURS" in str(raised)
