"""From the body of a request to the bytes of its images."""

from __future__ import annotations

import binascii
from typing import Any

import orjson

from model.serve.bounds import Bounds
from model.serve.exchange import JSON, Request
from model.serve.problems import Problem

EXAMPLE = 'send {"data": "<base64 image>"}, {"images": ["<base64 image>", …]}, or an image itself'


async def read_images(request: Request, bounds: Bounds) -> list[bytes]:
    """
    The images that a request brings, still encoded.

    Raises:
        Problem: 413 too much, 415 another content type, 422 not what the API takes.
    """
    kind = kind_of(request)
    return images_in(kind, await request.body(bounds), bounds)


def kind_of(request: Request) -> bytes:
    """The content type, without its parameters. Raises Problem: 415, it is none that we take."""
    kind = request.headers.get(b"content-type", b"")
    if kind != JSON:
        kind = kind.partition(b";")[0].strip().lower()
    if kind == JSON or kind.startswith(b"image/"):
        return kind
    said = kind.decode("latin-1") or "(none)"
    raise Problem(
        415,
        f"content type {said!r} is not taken; use application/json, image/png or image/jpeg: "
        f"{EXAMPLE}",
    )


def images_in(kind: bytes, body: bytes, bounds: Bounds) -> list[bytes]:
    """The images in a body of that content type. Raises Problem: 422, it is not what we take."""
    if kind == JSON:
        return [_decoded(text) for text in _texts(body, bounds)]
    if not body:
        raise Problem(422, f"the body is empty; {EXAMPLE}")
    return [body]


def _texts(body: bytes, bounds: Bounds) -> list[str]:
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"the body is no JSON ({error}); {EXAMPLE}") from None
    if not isinstance(value, dict) or ("data" in value) == ("images" in value):
        raise Problem(422, f"the JSON must be an object with either `data` or `images`; {EXAMPLE}")
    texts = [value["data"]] if "data" in value else value["images"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Problem(422, f"images are texts in base64; {EXAMPLE}")
    if not 1 <= len(texts) <= bounds.images:
        raise Problem(422, f"{len(texts)} images in one request; send 1 to {bounds.images}")
    return texts


def _decoded(text: str) -> bytes:
    if text.startswith("data:"):  # a data URL is fine too
        text = text.partition("base64,")[2]
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # also of signs outside of ASCII
        raise Problem(422, "an image is not base64; encode its bytes: base64 < image.png") from None
    if not data:
        raise Problem(422, f"an image is empty; {EXAMPLE}")
    return data
