"""A far MLflow may be ill: training goes on, and what can be told is told."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException

from model.far_run import UNTOLD, FarRun

EPOCH = {"epoch": 1.0}


class FakeRun:
    """Takes what it is told, once the faults are over."""

    id = "run-1"

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.told = list(faults), []
        self.is_noted = False

    def take(self, *told: object) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.told.append(told)

    def note(self) -> None:
        self.is_noted = True

    def parameters(self, values) -> None:
        self.take("parameters", values)

    def epoch(self, measures, at_ms) -> None:
        self.take("epoch", measures["epoch"], at_ms)

    def measure(self, folder) -> None:
        self.take("measure")

    def keep(self, folder) -> None:
        self.take("keep")

    def end(self, status, measures, tags, files=()) -> None:
        self.take("end", status)


def far(begin, out: Path) -> FarRun:
    return FarRun(begin, out, patience_s=0.3, pauses_s=(0.01,))


def untold(out: Path) -> list[str]:
    return (out / UNTOLD).read_text().splitlines()


def test_what_fails_for_a_while_is_told_in_order_and_once(tmp_path):
    lost = [ConnectionError("lost"), MlflowException("busy"), TimeoutError("slow")]
    taken = FakeRun(*lost)

    run = far(lambda: taken, tmp_path)
    run.parameters({"seed": 1})
    run.epoch(EPOCH, at_ms=7)
    run.finish(None)

    told = [("parameters", {"seed": 1}), ("epoch", 1.0, 7), ("measure",), ("end", "FINISHED"),
            ("keep",)]  # fmt: skip
    assert taken.told == told
    assert (run.id, taken.is_noted) == ("run-1", True)
    assert untold(tmp_path) == []


def test_a_refusal_is_not_repeated_and_what_follows_is_told(tmp_path, capsys):
    refusal = RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"})
    taken = FakeRun(refusal)

    run = far(lambda: taken, tmp_path)
    run.parameters({"seed": 1})
    run.epoch(EPOCH, at_ms=7)
    run.finish(None)

    assert taken.told[0] == ("epoch", 1.0, 7)
    assert untold(tmp_path) == ["parameters: INVALID_PARAMETER_VALUE: too long"]
    assert "training goes on: INVALID_PARAMETER_VALUE: too long" in capsys.readouterr().out


@pytest.mark.parametrize("fault", [ConnectionError("no route"), RestException(
    {"error_code": "PERMISSION_DENIED", "message": "no route"})])  # fmt: skip
def test_a_server_that_is_down_or_says_no_holds_training_up_for_moments_only(tmp_path, fault):
    def begin():
        raise fault

    began = time.monotonic()
    run = far(begin, tmp_path)
    run.epoch(EPOCH)
    number = run.id
    run.finish(None)

    assert number is None
    assert time.monotonic() - began < 5
    assert "no route" in untold(tmp_path)[0]


def test_a_server_that_never_answers_holds_training_up_for_moments_only(tmp_path):
    is_over = threading.Event()
    began = time.monotonic()

    run = far(is_over.wait, tmp_path)
    run.epoch(EPOCH)
    run.finish(None)
    is_over.set()

    assert time.monotonic() - began < 5
    assert untold(tmp_path) == ["what is left: MLflow does not answer"]
