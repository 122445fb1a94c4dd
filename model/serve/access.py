"""
The access log: one JSON object a line, with the request's id and nothing of its content.

Lines are collected and written twice a second, and only some in each second: a log must neither
slow a service that answers thousands of requests nor fill its disk. What was left out is counted.
"""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import sys
import time
from pathlib import Path

import orjson

LINES_A_SECOND = 100  # of answers, and as many again of problems
FILE_BYTES, FILES = 10_000_000, 3
FLUSH_S = 0.5


class AccessLog:
    """
    Args:
        file: to write to, rotated at ``FILE_BYTES``; standard output if there is none.
    """

    def __init__(self, file: Path | None = None) -> None:
        handler = (
            logging.handlers.RotatingFileHandler(
                file, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", delay=True
            )
            if file
            else logging.StreamHandler(sys.stdout)
        )
        self._handler: logging.Handler = handler
        self._lines: list[dict[str, object]] = []
        self._left_out = 0
        self._room = {True: 0.0, False: 0.0}
        self._is_due = False

    def note(
        self, request_id: str, method: str, path: str, status: int, seconds: float, images: int
    ) -> None:
        """Note a request that was answered."""
        if not self._is_due:
            self._begin()
        is_well = status < 400
        if self._room[is_well] < 1:
            self._left_out += 1
            return
        self._room[is_well] -= 1
        self._lines.append(
            {
                "time": time.time(), "id": request_id, "method": method, "path": path,
                "status": status, "ms": round(1000 * seconds, 3), "images": images,
            }
        )  # fmt: skip

    def flush(self) -> None:
        """Write what was collected."""
        self._is_due = False
        lines, self._lines = self._lines, []
        if self._left_out:
            lines.append({"time": time.time(), "left_out": self._left_out})
            self._left_out = 0
        text = "\n".join(orjson.dumps(_with_date(line)).decode() for line in lines)
        if text:
            self._handler.handle(logging.makeLogRecord({"msg": text}))

    def _begin(self) -> None:
        self._is_due = True
        self._room = {True: LINES_A_SECOND * FLUSH_S, False: LINES_A_SECOND * FLUSH_S}
        asyncio.get_running_loop().call_later(FLUSH_S, self.flush)


def _with_date(line: dict[str, object]) -> dict[str, object]:
    seconds = float(str(line["time"]))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return {**line, "time": f"{stamp}.{int(seconds % 1 * 1000):03d}Z"}
