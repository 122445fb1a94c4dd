"""A model that answers at once, and images of every kind for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.conftest import ROOT, bomb, encoded, picture, plain_environment

Program = Callable[..., subprocess.CompletedProcess[str]]


def command(model: Path | str, data: Path | str, out: Path | str, *words: str) -> list[str]:
    """The program, as a shell would start it."""
    return [
        sys.executable, "-m", "model.batch_score",
        "--model", str(model), "--data", str(data), "--out", str(out), *words,
    ]  # fmt: skip


@pytest.fixture
def program() -> Program:
    """Run it to its end."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words), cwd=ROOT, env={**plain_environment(), **environment},
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parquet: 9,000 images in row groups of 300, some of which cannot be scored."""
    to = tmp_path_factory.mktemp("many") / "many.parquet"
    spoilt = {7: b"", 4000: b"no image", 4001: encoded(picture(1))[:70], 8999: bomb()}
    rows = [
        {"image": spoilt.get(at) if at in spoilt else encoded(picture(at)), "label": f"{at % 2}",
         "split": "test" if at % 5 == 0 else "train"}
        for at in range(9000)
    ]  # fmt: skip
    schema = arrow.schema(
        {"image": arrow.binary(), "label": arrow.string(), "split": arrow.string()}
    )
    parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), to, row_group_size=300)
    return to


@pytest.fixture
def alone(many: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copy(many, tmp_path / "alone.parquet"))


def told(out: Path | str) -> dict:
    """What ``scores.json`` says."""
    return json.loads(Path(out, "scores.json").read_text())


def rows_of(out: Path | str, folder: str = "scores") -> arrow.Table:
    """All rows of one of the two tables, as a reader finds them."""
    files = sorted(Path(out, folder).glob("*.parquet"))
    tables = [parquet.read_table(file).replace_schema_metadata(None) for file in files]
    return arrow.concat_tables(tables) if tables else arrow.table({"path": []})


def paths_of(out: Path | str) -> list[str]:
    """Of every row of both tables, sorted: each image once, if all is well."""
    both = (rows_of(out, folder)["path"].to_pylist() for folder in ("scores", "bad"))
    return sorted(path for each in both for path in each)
