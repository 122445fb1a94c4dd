"""What people look at: the page, the API's description, and the model's example images."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from model.serve.exchange import HTML, Answer, Request

HERE = Path(__file__).parent
EXAMPLES = "examples.json"
NO_EXAMPLES = b'{"examples":[]}'

ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    b'<rect width="16" height="16" rx="4" fill="#2563eb"/>'
    b'<path d="M3 12l4-6 3 4 1.5-2L14 12z" fill="#fff"/></svg>'
)
Handler = Callable[[Request, str], Awaitable[Answer]]


class Pages:
    """
    Args:
        name, version: of the model, for the API's description.
        model: folder that may have ``examples.json``: test images with their labels.
    """

    def __init__(self, name: str, version: str, model: Path) -> None:
        self._name, self._version, self._model = name, version, model

    @property
    def handlers(self) -> dict[str, dict[str, Handler]]:
        """Path and method of each."""
        return {
            "/": {"GET": self._page},
            "/docs": {"GET": self._docs},
            "/openapi.json": {"GET": self._description},
            "/examples": {"GET": self._examples},
            "/favicon.ico": {"GET": self._icon},
        }

    async def _page(self, _: Request, __: str) -> Answer:
        return Answer((HERE / "page.html").read_bytes(), HTML)

    async def _docs(self, _: Request, __: str) -> Answer:
        return Answer((HERE / "docs.html").read_bytes(), HTML)

    async def _icon(self, _: Request, __: str) -> Answer:
        return Answer(ICON, b"image/svg+xml")

    async def _examples(self, _: Request, __: str) -> Answer:
        file = self._model / EXAMPLES
        return Answer(file.read_bytes() if file.is_file() else NO_EXAMPLES)

    async def _description(self, _: Request, __: str) -> Answer:
        described = json.loads((HERE / "openapi.json").read_text(encoding="utf-8"))
        described["info"]["version"] = self._version
        described["info"]["title"] = f"{self._name}: image classifier"
        return Answer.of(described)
