"""The state folder: told when it is full, and changed whole or not at all."""

from __future__ import annotations

import pytest

from tasks.state import read_json, told_if_full, write_whole


def test_a_full_disk_is_told_with_its_folder_and_the_way_out(tmp_path):
    assert told_if_full(tmp_path, least=0) is None

    told = told_if_full(tmp_path, least=1 << 62)

    assert str(tmp_path) in told
    assert "MLOPS_HOME" in told


def test_a_failed_write_leaves_the_old_content_and_no_draft(tmp_path):
    path = tmp_path / "state.json"
    write_whole(path, '{"live": "old"}')

    with pytest.raises(UnicodeEncodeError):
        write_whole(path, '{"live": "\ud800"}')

    assert read_json(path) == {"live": "old"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_none(tmp_path, content):
    (tmp_path / "state.json").write_bytes(content)

    assert read_json(tmp_path / "state.json") is None
