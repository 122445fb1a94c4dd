"""
Captured traffic over HTTP, for a service whose disk nobody else can read: a list, and each file.

A key of its own opens it (``Doors``): who may ask for answers need not see what others asked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from model.serve.exchange import Answer, Request
from model.serve.problems import Problem

PATH = "/captured"
PARQUET = b"application/vnd.apache.parquet"
SAFE_NAME = re.compile(r"^[A-Za-z0-9-]+\.parquet$")
Handler = Callable[[Request, str], Awaitable[Answer]]


class Captured:
    """
    Args:
        folder: where the service writes its sample; files there are whole and never change.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def handlers(self) -> dict[str, dict[str, Handler]]:
        """Path and method of each; what ends with a slash has all paths below it."""
        return {PATH: {"GET": self._list}, f"{PATH}/": {"GET": self._file}}

    async def _list(self, _: Request, __: str) -> Answer:
        return Answer.of({"files": sorted(file.name for file in self._folder.glob("*.parquet"))})

    async def _file(self, request: Request, _: str) -> Answer:
        name = request.path.removeprefix(f"{PATH}/")
        if SAFE_NAME.match(name):
            try:
                return Answer(await asyncio.to_thread((self._folder / name).read_bytes), PARQUET)
            except FileNotFoundError:
                pass  # the oldest ones go
        raise Problem(404, f"there is no such file; {PATH} lists those there are")
