"""What code is this, where there is no git: in an image, and in a downloaded archive."""

from __future__ import annotations

from tasks import source


def test_an_image_without_git_knows_its_commit_and_an_archive_knows_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(source.COMMIT, raising=False)
    monkeypatch.delenv(source.COMMIT_TIME, raising=False)
    archive = source.read_code()
    assert (archive.commit, archive.is_dirty, source.commit_time()) == (None, False, "")

    monkeypatch.setenv(source.COMMIT, "0123456789")
    monkeypatch.setenv(source.COMMIT_TIME, "2026-11-26T07:00:00+00:00")

    assert source.read_code().commit == "0123456789"
    assert source.read_code().digest == archive.digest
    assert source.commit_time() == "2026-11-26T07:00:00+00:00"
