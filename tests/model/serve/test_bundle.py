"""The service, from nothing but the files that an image gets."""

from __future__ import annotations

import httpx
import pyarrow.parquet as parquet

from model.bundle import write_code, write_served
from model.folder import ModelFolder


def test_a_bundle_answers_and_shows_its_page(boot, model_folder, tmp_path):
    served = write_served(ModelFolder.read(model_folder), tmp_path / "served")
    write_code(tmp_path / "code")
    row = parquet.read_table(model_folder / "replay.parquet").to_pylist()[0]

    url = boot(folder=served.path, code=tmp_path / "code").url
    with httpx.Client(base_url=url, trust_env=False) as ask:
        answer = ask.post("/score", content=row["image"], headers={"Content-Type": "image/png"})
        pages = [ask.get(page) for page in ("/", "/docs", "/openapi.json", "/examples")]

    assert answer.json()["model"]["digest"] == ModelFolder.read(model_folder).digest
    assert answer.json()["predictions"][0]["label"] == row["label"]
    assert [page.status_code for page in pages] == [200] * 4
    assert pages[-1].json()["examples"]
