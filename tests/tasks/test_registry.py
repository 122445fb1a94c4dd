"""A damaged database is told with the way out."""

from __future__ import annotations

import sqlite3

import pytest

from tasks.backends.local.registry import MlflowRegistry
from tasks.errors import Transient

HEADER = 100  # bytes of a SQLite file, before its first page


@pytest.mark.parametrize("kept", [0, HEADER])
def test_a_damaged_database_is_told_with_the_way_out_and_without_sql(tmp_path, kept):
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE some (thing TEXT)")
    database.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:kept] + b"x" * (len(whole) - kept))

    with pytest.raises(Transient) as told:
        MlflowRegistry(tmp_path).names()

    assert f"mv {file} {file}.broken" in str(told.value)
    assert "SQL:" not in str(told.value)
    assert "http" not in str(told.value)


def test_a_broken_environment_is_not_told_as_a_broken_database(tmp_path, monkeypatch):
    def half_installed(**_):
        raise ImportError("cannot import name 'processors'")

    monkeypatch.setattr("mlflow.MlflowClient", half_installed)

    with pytest.raises(ImportError, match="processors"):
        MlflowRegistry(tmp_path).names()
