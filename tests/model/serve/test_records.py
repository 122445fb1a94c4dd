"""What a service keeps of its traffic: captured rows and the access log."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import httpx
import numpy as np
import pyarrow.parquet as parquet
import pytest

from model.serve import capture
from model.serve.capture import Capture, Sampling
from tests.conftest import ROOT, encoded, picture

PNG = {"Content-Type": "image/png"}


def test_a_sample_of_the_traffic_is_kept_as_parquet(boot, tmp_path):
    service = boot(
        "--name", "light", "--version", "3",
        "--capture", str(tmp_path), "--capture-share", "1", "--capture-images",
    )  # fmt: skip
    answers = [
        httpx.post(f"{service.url}/score", content=encoded(picture(n)), headers=PNG).json()
        for n in range(5)
    ]
    service.process.terminate()
    service.process.wait(20)

    rows = [
        row for file in tmp_path.glob("*.parquet") for row in parquet.read_table(file).to_pylist()
    ]
    assert [row["label"] for row in rows] == [a["predictions"][0]["label"] for a in answers]
    assert [row["image"] for row in rows] == [encoded(picture(n)) for n in range(5)]
    assert rows[0]["mean"] == pytest.approx(np.asarray(picture(0)).mean())
    assert sum(rows[0]["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert {row["model_version"] for row in rows} == {"3"}
    assert abs(rows[0]["time"] - time.time()) < 300


def kept(sampling: Sampling, times: int) -> Capture:
    made = Capture(sampling, {"name": "light"})
    image = np.zeros((1, 2, 2, 1), np.uint8)
    answer = [{"label": "dark", "probability": 0.9}]
    for _ in range(times):
        made.note("id", [b"x"], image, np.array([[0.9, 0.1]], np.float32), answer)
    made.close()
    return made


def test_image_bytes_are_kept_only_if_asked_for(tmp_path):
    kept(Sampling(tmp_path, share=1), times=1)

    (file,) = tmp_path.glob("*.parquet")
    assert parquet.read_table(file).to_pylist()[0]["image"] is None


def test_about_the_share_asked_for_is_kept(tmp_path):
    made = kept(Sampling(tmp_path, share=0.25), times=4000)

    assert 800 < made.fates["kept"] < 1200


def test_the_oldest_files_go_when_there_is_too_much(tmp_path):
    (tmp_path / "20200101T000000-1-000001.parquet").write_bytes(b"x" * 5000)

    kept(Sampling(tmp_path, share=1, most_bytes=1000), times=1)

    assert [file.name[:4] for file in tmp_path.glob("*.parquet")] != ["2020"]
    assert len(list(tmp_path.glob("*.parquet"))) == 1


def test_a_folder_that_cannot_be_written_costs_rows_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("in the way")

    made = kept(Sampling(tmp_path / "file" / "below", share=1), times=7)

    assert made.fates == {"dropped": 7}


def test_more_rows_than_may_wait_are_counted_as_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(capture, "MOST_WAITING", 10)

    made = kept(Sampling(tmp_path, share=1), times=25)

    assert made.fates == {"dropped": 15, "kept": 10}


def test_kept_images_are_bounded_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(capture, "MOST_WAITING_BYTES", 10)

    made = Capture(Sampling(tmp_path, share=1, has_images=True), {"name": "light"})
    answer = [{"label": "dark", "probability": 0.9}]
    for _ in range(5):
        made.note("id", [b"1234"], np.zeros((1, 2, 2, 1), np.uint8), np.ones((1, 2)), answer)
    made.close()

    assert made.fates == {"kept": 2, "dropped": 3}


def test_a_writer_that_panics_is_told_and_the_next_file_is_written(tmp_path, monkeypatch):
    class Panic(BaseException):
        """As arro3 raises on a full disk."""

    real, calls = capture._write_rows, []

    def panic_once(*given):
        calls.append(given)
        if len(calls) == 1:
            raise Panic
        real(*given)

    monkeypatch.setattr(capture, "_write_rows", panic_once)
    monkeypatch.setattr(capture, "ROWS_A_FILE", 2)
    made = Capture(Sampling(tmp_path, share=1), {"name": "light"})
    image, answer = np.zeros((1, 2, 2, 1), np.uint8), [{"label": "dark", "probability": 0.9}]
    for number in (2, 4):
        made.note("id", [b"x"], image, np.ones((1, 2)), answer)
        made.note("id", [b"x"], image, np.ones((1, 2)), answer)
        while made.fates.total() < number:
            time.sleep(0.02)
    made.close()

    assert made.fates == {"dropped": 2, "kept": 2}


def test_the_access_log_has_the_request_id_and_nothing_of_the_image(boot, tmp_path):
    file = tmp_path / "access.log"
    service = boot("--access-log", str(file))
    httpx.post(
        f"{service.url}/score", content=encoded(picture(1)), headers={**PNG, "X-Request-Id": "abc"}
    )
    httpx.get(f"{service.url}/nothing")
    service.process.terminate()
    service.process.wait(20)

    first, second = map(json.loads, file.read_text().splitlines())
    assert set(first) == {"time", "id", "method", "path", "status", "ms", "images"}
    assert (first["id"], first["status"], first["images"]) == ("abc", 200, 1)
    assert (second["path"], second["status"]) == ("other", 404)


def test_a_flood_is_logged_in_part_and_the_rest_is_counted(boot, tmp_path):
    file = tmp_path / "access.log"
    service = boot("--access-log", str(file))
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        for _ in range(600):
            client.get("/healthz")
    service.process.terminate()
    service.process.wait(20)

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    left_out = sum(line.get("left_out", 0) for line in lines)
    logged = sum("id" in line for line in lines)
    assert logged + left_out == 600
    assert 0 < logged < 600


def test_what_is_kept_can_be_fetched_by_a_key_that_opens_nothing_else(boot, tmp_path):
    keys, readers, folder = tmp_path / "keys", tmp_path / "readers", tmp_path / "kept"
    keys.write_text("the-key-of-a-caller")
    readers.write_text("the-key-of-the-monitor")
    folder.mkdir()
    name = "20260101T000000-1-000001.parquet"
    (folder / name).write_bytes(b"PAR1")
    (tmp_path / "outside.parquet").write_bytes(b"no")
    service = boot("--keys-file", str(keys), "--capture", str(folder),
                   "--capture-keys-file", str(readers))  # fmt: skip

    def get(path: str, key: str) -> httpx.Response:
        return httpx.get(f"{service.url}{path}", headers={"Authorization": f"Bearer {key}"})

    assert get("/captured", "the-key-of-the-monitor").json() == {"files": [name]}
    assert get(f"/captured/{name}", "the-key-of-the-monitor").content == b"PAR1"
    for path in ("/captured/none.parquet", "/captured/..%2Foutside.parquet", "/captured/a/b"):
        assert get(path, "the-key-of-the-monitor").status_code == 404
    for path in ("/captured", f"/captured/{name}"):
        assert get(path, "the-key-of-a-caller").status_code == 401
    assert get("/version", "the-key-of-the-monitor").status_code == 401


def test_without_such_a_key_it_cannot_be_fetched(boot, tmp_path):
    service = boot("--capture", str(tmp_path))

    assert httpx.get(f"{service.url}/captured").status_code == 404


def test_a_key_to_what_is_not_kept_is_a_mistake(model_folder, tmp_path):
    (tmp_path / "readers").write_text("the-key-of-the-monitor")

    done = subprocess.run(
        [sys.executable, "-m", "model.serve", "--model", str(model_folder),
         "--capture-keys-file", str(tmp_path / "readers")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "give --capture too" in done.stderr
