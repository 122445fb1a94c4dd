"""What every backend promises of its memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from tasks.errors import Transient
from tasks.records import Verdict
from tests.conftest import ROOT

VERDICT = Verdict(True, ("good",), (("accuracy", "0.9", "at least 0.6"),), key="k")


def test_a_record_is_found_again_under_its_key(backend):
    backend.ledger.keep("evaluate", "key", VERDICT)

    assert backend.ledger.recall("evaluate", "key", Verdict) == VERDICT
    assert backend.ledger.recall("evaluate", "other", Verdict) is None
    assert backend.ledger.recall("validate", "key", Verdict) is None


@pytest.mark.parametrize("half", ["", "{", '{"approved": true}', "[]", "\0" * 20])
def test_half_a_record_is_none(backend, around, half):
    backend.ledger.keep("evaluate", "key", VERDICT)
    around.spoil("evaluate", "key", half)

    assert backend.ledger.recall("evaluate", "key", Verdict) is None


def test_the_second_command_waits_for_the_first(backend):
    order: list[str] = []

    def second() -> None:
        with backend.ledger.exclusive("second", order.append):
            order.append("second is in")

    with backend.ledger.exclusive("first", order.append):
        waiting = threading.Thread(target=second)
        waiting.start()
        while not order:
            time.sleep(0.01)
        order.append("first is out")
    waiting.join(10)

    assert "first" in order[0]
    assert "waiting" in order[0]
    assert order[1:] == ["first is out", "second is in"]


def test_a_killed_command_frees_the_state(backend):
    code = (
        "import os; from tasks.backends import choose\n"
        f"with choose({backend.name!r}).ledger.exclusive('doomed', print):\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9

    with backend.ledger.exclusive("next", print):
        pass


def test_one_that_never_ends_is_told(backend, monkeypatch):
    monkeypatch.setattr(f"tasks.backends.{backend.name}.ledger.WAIT_S", 0.2)
    refused: list[Exception] = []

    def second() -> None:
        try:
            with backend.ledger.exclusive("second", lambda _: None):
                pass
        except Transient as error:
            refused.append(error)

    with backend.ledger.exclusive("first", lambda _: None):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(10)

    assert "first" in str(refused[0])
    assert "still holds" in str(refused[0])


def test_it_is_known_who_is_at_work(backend):
    assert not backend.ledger.is_held("endpoints/light")

    with backend.ledger.exclusive("a release", print, part="endpoints/light"):
        assert backend.ledger.is_held("endpoints/light")
        assert not backend.ledger.is_held("endpoints/other")

    assert not backend.ledger.is_held("endpoints/light")


def test_a_part_has_a_lock_of_its_own(backend):
    said: list[str] = []

    def next_search() -> None:
        with backend.ledger.exclusive("next", said.append, part="tune"):
            said.append("next is in")

    with backend.ledger.exclusive("a search", print, part="tune"):
        with backend.ledger.exclusive("a rollback", said.append):
            assert said == []
        waiting = threading.Thread(target=next_search)
        waiting.start()
        while not said:
            time.sleep(0.01)
    waiting.join(20)

    assert "a search" in said[0]
    assert said[1:] == ["next is in"]
