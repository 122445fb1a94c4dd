"""Files of scores are whole or not there, on a disk, on a volume, at a URL."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from model.batch_score import place as places
from model.batch_score.place import BadPlace, Place, StorageFailed


@pytest.fixture(params=["path", "file URL", "memory"])
def place(request, tmp_path) -> Place:
    uri = {"path": f"{tmp_path}", "file URL": f"file://{tmp_path}", "memory": f"memory:/{tmp_path}"}
    return Place(f"{uri[request.param]}/out")


def test_what_was_written_is_read_and_listed_until_it_is_removed(place):
    assert place.names("scores") == {}
    assert place.read("scores/a") is None

    place.begin("scores")
    place.write("scores/a", b"one")
    place.write("scores/a", b"three")

    assert place.read("scores/a") == b"three"
    assert place.names("scores") == {"a": 5}
    place.remove("scores/a")
    place.remove("scores/a")
    assert place.names("scores") == {}


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    place = Place(str(tmp_path))
    place.write("a", b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageFailed, match="No space left on device; make room"):
        place.write("a", b"after")

    assert place.read("a") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_drafts_of_a_kill_are_no_files_and_go(tmp_path):
    place = Place(str(tmp_path))
    (tmp_path / ".a.1234.draft").write_bytes(b"half")

    assert place.names("") == {}
    place.settle("")
    place.clear("")
    assert list(tmp_path.iterdir()) == []


def test_on_a_volume_nothing_is_renamed_and_what_was_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "VOLUMES", (f"{tmp_path}/",))
    monkeypatch.setattr(Path, "replace", lambda *_: pytest.fail("renamed"))
    place = Place(str(tmp_path))

    place.write("a", b"one")

    assert place.read("a") == b"one"
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"on")
    with pytest.raises(StorageFailed, match="what was read back is not what was written"):
        place.write("a", b"one")


@pytest.mark.parametrize(
    ("uri", "says"),
    [("nope://x", "Protocol not known"), ("/proc/nothing", "no folder can be made")],
)
def test_where_nothing_can_be_written_is_said(uri, says):
    with pytest.raises(BadPlace, match=says):
        Place(uri).begin("scores")


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "out").write_text("in the way")

    with pytest.raises(BadPlace, match="give another --out"):
        Place(f"{tmp_path}/out").begin("scores")
