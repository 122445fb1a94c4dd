"""From the body of a request to images, within limits."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from model.serve.problems import Problem

MOST_BODY_BYTES = 10_000_000
MOST_IMAGES = 64

EXAMPLE = 'send {"data": "<base64 image>"}, {"images": ["<base64 image>", …]}, or an image itself'


async def read_images(request: Request) -> list[bytes]:
    """
    The images that a request brings, still encoded.

    Raises:
        Problem: 413 too much, 415 another content type, 422 not what the API takes.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        body = await _body(request)
        if not body:
            raise Problem(422, f"the body is empty; {EXAMPLE}")
        return [body]
    if kind != "application/json":
        raise Problem(
            415,
            f"content type {kind or '(none)'!r} is not taken; use application/json, image/png "
            f"or image/jpeg: {EXAMPLE}",
        )
    return [_decoded(text) for text in _texts(await _body(request))]


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    too_much = Problem(
        413, f"the body is larger than {MOST_BODY_BYTES:,} bytes; send fewer or smaller images",
        {"Connection": "close"},
    )  # fmt: skip
    if declared.isdigit() and int(declared) > MOST_BODY_BYTES:
        raise too_much
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BODY_BYTES:
                raise too_much
    except ClientDisconnect:
        raise Problem(400, "the connection ended within the body") from None
    return bytes(body)


def _texts(body: bytes) -> list[str]:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is no JSON ({error}); {EXAMPLE}") from None
    if not isinstance(value, dict) or len(value.keys() & {"data", "images"}) != 1:
        raise Problem(422, f"the JSON must be an object with either `data` or `images`; {EXAMPLE}")
    texts = [value["data"]] if "data" in value else value["images"]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Problem(422, f"images are texts in base64; {EXAMPLE}")
    if not 1 <= len(texts) <= MOST_IMAGES:
        raise Problem(422, f"{len(texts)} images in one request; send 1 to {MOST_IMAGES}")
    return texts


def _decoded(text: str) -> bytes:
    _, _, payload = text.rpartition("base64,")  # a data URL is fine too
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "an image is not base64; encode its bytes: base64 < image.png") from None
    if not data:
        raise Problem(422, f"an image is empty; {EXAMPLE}")
    return data
