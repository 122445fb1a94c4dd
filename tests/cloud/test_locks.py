"""Locks in Blob Storage, as the service answers them: the emulator is kinder."""

from __future__ import annotations

import threading
import time

import pytest

from tasks.backends.azure import lake as lakes
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.lake import Lake
from tasks.errors import Transient
from tests.cloud.parts import Parts, parts

pytestmark = pytest.mark.cloud


@pytest.fixture
def on(relayed, tmp_path) -> Parts:
    return parts(relayed, tmp_path)


def test_the_second_waits_for_the_first_on_a_lock_that_is_held(on):
    said: list[str] = []

    def second() -> None:
        with Lake(Clients.open().container).lock(on.name, "second", said.append, 60.0):
            said.append("second is in")

    with on.lake.lock(on.name, "first", said.append, 60.0):
        waiting = threading.Thread(target=second)
        waiting.start()
        while not said:
            time.sleep(0.05)
        said.append("first is out")
    waiting.join(60)

    assert said[0].startswith("first on ")
    assert said[1:] == ["first is out", "second is in"]


def test_two_that_make_the_lock_at_once_get_in_one_after_the_other(on):
    """The second finds a blob that is leased already, where it looked for none."""
    blob = on.lake._client.get_blob_client(f"locks/{on.name}")
    with on.lake.lock(on.name, "first", lambda _: None, 5.0):
        lakes._make(blob)

    with on.lake.lock(on.name, "second", lambda _: None, 5.0):
        pass


def test_who_lost_the_lock_writes_no_more_and_says_why(on, monkeypatch):
    monkeypatch.setattr(lakes, "RENEW_S", 0.2)
    said: list[str] = []
    blob = on.lake._client.get_blob_client(f"locks/{on.name}")

    with on.lake.lock(on.name, "the one that slept", said.append, 5.0):
        on.lake.write("mine", b"1")
        _break(blob)
        with Lake(Clients.open().container).lock(on.name, "another", said.append, 30.0):
            until = time.monotonic() + 20
            while not said and time.monotonic() < until:
                time.sleep(0.05)
        with pytest.raises(Transient, match=r"was lost.*start again"):
            on.lake.write("mine", b"2")
        assert on.lake.read("mine") == b"1"

    assert "another command took it" in said[0]
    on.lake.write("mine", b"3")


def test_a_lock_that_cannot_be_let_go_ends_by_itself_and_spoils_nothing(on):
    with on.lake.lock(on.name, "it", lambda _: None, 5.0):
        _break(on.lake._client.get_blob_client(f"locks/{on.name}"))


def _break(blob) -> None:
    from azure.storage.blob import BlobLeaseClient

    BlobLeaseClient(blob).break_lease(0)
