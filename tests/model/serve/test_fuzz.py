"""Whatever arrives, the answer is one of those that the description lists, and never a 500."""

from __future__ import annotations

import base64
import subprocess
import sysconfig
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import encoded, picture

IMAGES = [
    encoded(picture(1)), encoded(picture(2, height=31, width=17, channels=3)),
    encoded(picture(3), "JPEG"), encoded(picture(4, channels=3), "JPEG"),
    encoded(picture(5), "GIF"), encoded(picture(6, channels=3), "WEBP"),
    encoded(picture(7), "TIFF"), encoded(picture(8), "BMP"),
]  # fmt: skip
RELAXED = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300
)
EXPECTED = {200, 413, 415, 422}


@st.composite
def spoiled(draw) -> bytes:
    """The bytes of an image, some changed, some cut out, some put in."""
    data = bytearray(draw(st.sampled_from(IMAGES)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(("change", "cut", "insert")))
        if kind == "change" and data:
            data[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[place : place + draw(st.integers(1, 40))]
        else:
            data[place:place] = draw(st.binary(min_size=1, max_size=40))
    return bytes(data)


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | spoiled().map(
    lambda data: base64.b64encode(data).decode()
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(("data", "images", "x")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(data=spoiled(), kind=st.sampled_from(("image/png", "image/jpeg", "image/x")))
@RELAXED
def test_spoiled_images_are_answered_or_refused(ask: httpx.Client, data, kind):
    answer = ask.post("/score", content=data, headers={"Content-Type": kind})

    assert answer.status_code in EXPECTED, answer.text


@given(value=JSON)
@RELAXED
def test_any_json_is_answered_or_refused(ask: httpx.Client, value):
    import json

    answer = ask.post("/score", content=json.dumps(value).encode(),
                      headers={"Content-Type": "application/json"})  # fmt: skip

    assert answer.status_code in EXPECTED, answer.text


@given(data=st.binary(max_size=300))
@RELAXED
def test_any_bytes_called_json_are_refused(ask: httpx.Client, data):
    answer = ask.post("/score", content=data, headers={"Content-Type": "application/json"})

    assert answer.status_code in EXPECTED - {200}, answer.text


@pytest.mark.parametrize("phases", ["examples,coverage,fuzzing"])
def test_the_service_does_what_its_description_says(service, tmp_path, phases):
    st_command = Path(sysconfig.get_path("scripts")) / "st"

    done = subprocess.run(
        [st_command, "run", f"{service.url}/openapi.json", "--checks", "all",
         # any text is valid for the schema, also one that is no image: 422
         "--exclude-checks", "unsupported_method,positive_data_acceptance",
         "--phases", phases, "--max-examples", "40", "--seed", "1"],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-4000:]
