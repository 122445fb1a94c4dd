"""The scoring API, asked over HTTP as an application would."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import httpx
import pyarrow.parquet as parquet
import pytest

from model.folder import ModelFolder
from tests.conftest import ROOT, bomb, damaged_avif, encoded, picture

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def known(model_folder):
    return parquet.read_table(model_folder / "replay.parquet").to_pylist()


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_every_way_to_send_an_image_gives_the_training_time_answer(ask, known, model_folder):
    labels = ModelFolder.read(model_folder).labels
    assert len(known) == 12
    for row in known:
        answers = [
            ask.post("/score", json={"data": text_of(row["image"])}),
            ask.post("/score", json={"data": f"data:image/png;base64,{text_of(row['image'])}"}),
            ask.post("/score", json={"images": [text_of(row["image"])]}),
            ask.post("/score", content=row["image"], headers=PNG),
        ]

        for answer in answers:
            (found,) = answer.json()["predictions"]
            expected = dict(zip(labels, row["probabilities"], strict=True))
            assert found["label"] == max(expected, key=expected.__getitem__)
            assert {top["label"]: top["probability"] for top in found["top"]} == pytest.approx(
                expected, abs=1e-5
            )


def test_a_batch_is_answered_in_order(ask, known):
    found = ask.post("/score", json={"images": [text_of(row["image"]) for row in known]}).json()

    assert [one["label"] for one in found["predictions"]] == [row["label"] for row in known]


def test_each_answer_says_which_model_gave_it(ask, known, model_folder):
    digest = ModelFolder.read(model_folder).digest

    answer = ask.post("/score", content=known[0]["image"], headers=PNG)

    assert answer.json()["model"] == {"name": "light", "version": "7", "digest": digest}
    assert answer.headers["X-Model-Version"] == "7"
    assert answer.headers["X-Model-Digest"] == digest


def test_another_size_or_format_is_answered(ask):
    image = picture(3, height=50, width=70, channels=3)

    answer = ask.post(
        "/score", content=encoded(image, "JPEG"), headers={"Content-Type": "image/jpeg"}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"content": b"no image", "headers": PNG}, 422, "not an image"),
        ({"content": b"", "headers": PNG}, 422, "empty"),
        ({"content": bomb(), "headers": PNG}, 422, "too large"),
        ({"content": encoded(picture(1))[:-40], "headers": PNG}, 422, "truncated"),
        ({"content": damaged_avif(), "headers": PNG}, 422, "damaged"),
        ({"content": encoded(picture(1, channels=3), "DDS"), "headers": PNG}, 422, "not an image"),
        ({"json": {"data": "not base64!"}}, 422, "not base64"),
        ({"json": {"data": ""}}, 422, "is empty"),
        ({"json": {"images": []}}, 422, "send 1 to 64"),
        ({"json": {"images": ["aGk="] * 65}}, 422, "65 images"),
        ({"json": {"images": [1]}}, 422, "base64"),
        ({"json": {"data": None}}, 422, "base64"),
        ({"json": {}}, 422, "`data` or `images`"),
        ({"json": {"data": "aGk=", "images": []}}, 422, "`data` or `images`"),
        ({"json": [1, 2]}, 422, "object"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 422, "no JSON"),
        (
            {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
            422,
            "no JSON",
        ),
        ({"content": b"x"}, 415, "content type"),
        ({"content": b"x" * 10_000_001, "headers": PNG}, 413, "larger than"),
    ],
)
def test_a_bad_request_is_a_problem_with_the_way_out(ask, sent, status, says):
    answer = ask.post("/score", **sent)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert answer.json()["status"] == status


def test_a_body_without_a_length_is_limited_too(ask):
    parts = (b"x" * 1_000_000 for _ in range(12))

    assert ask.post("/score", content=parts, headers=PNG).status_code == 413


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/score", 405), ("GET", "/x", 404)])
def test_an_unknown_path_or_method_is_a_problem(ask, method, path, status):
    answer = ask.request(method, path)

    assert answer.status_code == status
    assert "/docs" in answer.json()["detail"]


def test_a_request_keeps_its_id_if_it_is_harmless(ask):
    assert ask.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert ask.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"


def test_measures_tell_what_was_answered(ask, known):
    ask.post("/score", content=known[0]["image"], headers=PNG)

    found = ask.get("/metrics").text

    assert 'mlops_requests_total{path="/score",status="200"}' in found
    assert f'mlops_predictions_total{{label="{known[0]["label"]}"}}' in found


def test_the_description_is_true(ask):
    """Every path that it lists answers, as it says; every answer has the keys that it says."""
    described = ask.get("/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {
        "/score", "/healthz", "/readyz", "/version", "/metrics", "/examples", "/openapi.json",
        "/docs", "/", "/favicon.ico",
    }  # fmt: skip
    for path, methods in described["paths"].items():
        for method in methods:
            if path != "/score":
                answer = ask.request(method.upper(), path)
                kind = answer.headers["Content-Type"].partition(";")[0]
                assert str(answer.status_code) in methods[method]["responses"]
                assert kind in methods[method]["responses"]["200"]["content"]
    schemas = described["components"]["schemas"]
    answer = ask.post("/score", content=encoded(picture(1)), headers=PNG).json()
    assert set(answer) == set(schemas["Answer"]["properties"])
    assert set(answer["predictions"][0]) == set(schemas["Prediction"]["properties"])
    assert set(ask.post("/score").json()) == set(schemas["Problem"]["properties"])


def test_the_examples_of_the_description_are_answered(ask):
    schemas = ask.get("/openapi.json").json()["components"]["schemas"]

    for name in ("OneImage", "SeveralImages"):
        for example in schemas[name]["examples"]:
            assert ask.post("/score", json=example).status_code == 200


def test_the_page_needs_nothing_from_elsewhere(ask):
    page = ask.get("/").text

    assert "<title>" in page
    assert "//cdn" not in page
    assert "https://" not in page


def test_the_examples_are_test_images_with_their_labels(ask, known):
    found = ask.get("/examples").json()["examples"]

    assert [each["label"] for each in found] == ["bright", "dark"]
    assert {each["image"] for each in found} <= {text_of(row["image"]) for row in known}


def test_head_answers_as_get_without_a_body(ask):
    whole, head = ask.get("/version"), ask.head("/version")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_no_page_of_another_origin_may_ask_unless_it_is_named(ask, boot, known):
    origin = {"Origin": "https://app.example.org"}
    assert "Access-Control-Allow-Origin" not in ask.get("/version", headers=origin).headers
    assert ask.options("/score", headers=origin).status_code == 405

    url = boot("--allow-origin", "https://app.example.org").url
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as shared:
        before = shared.options("/score", headers=origin)
        asked = shared.post("/score", content=known[0]["image"], headers={**PNG, **origin})
        other = shared.get("/version", headers={"Origin": "https://evil.example.org"})

    assert before.status_code == 204
    assert "content-type" in before.headers["Access-Control-Allow-Headers"]
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Access-Control-Allow-Origin" not in other.headers


def test_keys_are_asked_for_and_any_of_them_is_valid(boot, tmp_path, known):
    (tmp_path / "keys").write_text("old-key\n# rotated on Monday\nnew-key\n", "utf-8-sig")
    url = boot("--keys-file", str(tmp_path / "keys")).url
    body = {"content": known[0]["image"], "timeout": 20, "trust_env": False}

    def status(**headers) -> int:
        return httpx.post(f"{url}/score", headers={**PNG, **headers}, **body).status_code

    assert status() == 401
    assert status(Authorization="Bearer wrong") == 401
    assert status(Authorization="old-key") == 401
    assert status(Authorization="Bearer old-key") == 200
    assert status(Authorization="Bearer new-key") == 200
    assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 401


def test_who_comes_past_the_gateway_is_sent_away(boot, tmp_path, known):
    (tmp_path / "keys").write_text("key")
    url = boot("--keys-file", str(tmp_path / "keys"), "--only-with", "X-Gate: ours").url
    key, body = {"Authorization": "Bearer key"}, {"content": known[0]["image"], "timeout": 20}

    def status(path="/score", **headers) -> int:
        sent = {**PNG, **key, **headers}
        return httpx.post(f"{url}{path}", headers=sent, trust_env=False, **body).status_code

    assert status() == 403
    assert status(**{"X-Gate": "theirs"}) == 403
    assert status(**{"x-gate": "ours"}) == 200
    assert status(**{"X-Gate": "ours", "Authorization": "Bearer wrong"}) == 401
    assert httpx.get(f"{url}/", trust_env=False).status_code == 403
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


def test_it_refuses_to_be_reached_from_outside_without_a_key(model_folder):
    done = serve("--model", str(model_folder), "--host", "0.0.0.0", "--port", "0")  # noqa: S104

    assert done.returncode == 2
    assert "--keys-file" in done.stderr


@pytest.mark.parametrize("text", [None, "", "# none yet\n\n"])
def test_a_file_without_keys_does_not_open_the_door(model_folder, tmp_path, text):
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)

    done = serve("--model", str(model_folder), "--port", "0", "--keys-file", str(file))

    assert done.returncode == 2
    assert str(file) in done.stderr


def test_half_a_model_folder_is_refused(tmp_path):
    done = serve("--model", str(tmp_path), "--port", "0")

    assert done.returncode == 3
    assert "manifest.json" in done.stderr


def test_a_port_that_is_taken_is_told(service, model_folder):
    port = service.url.rpartition(":")[2]

    done = serve("--model", str(model_folder), "--port", port)

    assert done.returncode == 4
    assert f"port {port}" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--port", "99999"], "99999 is not within 0 and 65535"),
        (["--port", "-1"], "-1 is not within 0 and 65535"),
        (["--control", "no/such/socket"], "there is no folder no/such"),
        (["--control", f"/{'x' * 200}"], "too long for a Unix socket"),
        (["--ready-file", "no/such/ready.json"], "there is no folder no/such"),
        (["--host", "::1"], "--host ::1 is no address to listen on"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_starts(model_folder, words, says):
    done = serve("--model", str(model_folder), *words)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_it_needs_neither_tensorflow_nor_prefect():
    code = (
        "import sys, model.serve.server, model.serve.app; "
        "print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], cwd=ROOT, capture_output=True, text=True
    )

    loaded = set(json.loads(done.stdout))
    heavy = {"tensorflow", "keras", "mlflow", "prefect", "pyarrow", "pandas", "pydantic", "PIL"}
    assert not loaded & heavy


def serve(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "model.serve", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
