"""Each kind of end of a step: what the caller gets, what the UI shows, what is tried again."""

from __future__ import annotations

import pickle
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.runtime import flow_run

from tasks.errors import Refused, Transient
from tasks.step import Skipped, step
from tasks.timeline import timeline


@pytest.fixture
def tried(in_a_flow):
    """Run ``body`` as a step: its tries, its answer or error, its state's name, its entry."""

    def run(body):
        tries, states = [], []

        @step(name="try-it", timeout_s=60)
        def stage():
            tries.append(1)
            return body(len(tries))

        def whole():
            try:
                return stage()
            except (Refused, Transient, ZeroDivisionError) as error:
                return error
            finally:
                states.extend(names_of_states())

        with timeline() as steps:
            answer = in_a_flow(whole)
        return len(tries), answer, states, steps.entries[-1]

    return run


def names_of_states() -> list[str]:
    """What the server shows; it hears of states a moment after they are set."""
    here = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    with get_client(sync_client=True) as client:
        for _ in range(100):
            runs = client.read_task_runs(flow_run_filter=here)
            if runs and all(run.state and run.state.is_final() for run in runs):
                return [run.state.name for run in runs]
            time.sleep(0.2)
    raise AssertionError(f"no final state: {runs}")


def test_an_answer_is_the_answer(tried):
    tries, answer, states, entry = tried(lambda _: "record")

    assert (tries, answer, states) == (1, "record", ["Completed"])
    assert (entry.outcome, entry.record) == ("done", "record")


def test_what_was_proved_before_is_skipped_and_answers(tried):
    tries, answer, states, entry = tried(lambda _: Skipped("record", "nothing changed"))

    assert (tries, answer, states) == (1, "record", ["Skipped"])
    assert (entry.outcome, entry.why) == ("skipped", "nothing changed")


def test_a_refusal_is_a_state_of_its_own_and_never_tried_again(tried):
    def refuse(_):
        raise Refused("no: too dark", reasons=("too dark",))

    tries, answer, states, entry = tried(refuse)

    assert (tries, states, entry.outcome) == (1, ["Refused"], "refused")
    assert isinstance(answer, Refused)
    assert answer.reasons == ("too dark",)


def test_a_transient_failure_is_tried_again(tried):
    def fail_once(tries):
        if tries == 1:
            raise Transient("the line is busy")
        return "record"

    tries, answer, states, entry = tried(fail_once)

    assert (tries, answer, states) == (2, "record", ["Completed"])
    assert entry.outcome == "done"


def test_a_bug_is_not_tried_again(tried):
    tries, answer, states, entry = tried(lambda _: 1 // 0)

    assert (tries, states, entry.outcome) == (1, ["Failed"], "failed")
    assert isinstance(answer, ZeroDivisionError)


@pytest.mark.parametrize(
    "error", [Transient("busy", retry_after_s=3.0), Refused("no", reasons=("a", "b"))]
)
def test_errors_cross_processes_whole(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
