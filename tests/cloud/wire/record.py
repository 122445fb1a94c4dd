"""Every exchange with a stand-in, one JSON line each; secrets are struck out before writing."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

UNTOLD = {"authorization", "x-databricks-azure-sp-management-token"}


class Record:
    """
    The exchanges in ``file``; a stand-in that starts again goes on writing there.

    Attributes:
        secrets: every credential that was handed out; none of them may appear anywhere.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.secrets: set[str] = set()
        file.parent.mkdir(parents=True, exist_ok=True)

    def note(
        self,
        site: str,
        method: str,
        url: str,
        request: tuple[dict[str, str], Any],
        response: tuple[int | None, dict[str, str], Any],
    ) -> None:
        """Write one exchange; ``response`` without a status is a connection that was dropped."""
        headers, asked = request
        status, sent, answered = response
        line = json.dumps(
            {
                "time": time.time(), "site": site, "method": method, "url": url,
                "headers": {k: v for k, v in headers.items() if k.lower() not in UNTOLD},
                "request": asked, "status": status, "sent": sent, "response": answered,
            }
        )  # fmt: skip
        with self._lock:
            for secret in tuple(self.secrets):  # more may come in meanwhile
                line = line.replace(secret, "***")
            with self._file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def said(self) -> int:
        """How much was said until now, as ``exchanges`` takes it."""
        return self._file.stat().st_size if self._file.exists() else 0

    def exchanges(self, site: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """All that was said, or what was said with one stand-in, or since then."""
        if not self._file.exists():
            return []
        with self._lock:
            lines = self._file.read_bytes()[since:].decode("utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [each for each in found if site in (None, each["site"])]
