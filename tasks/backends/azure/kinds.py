"""What the values of settings look like; one that does not is refused with an example."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _matching(pattern: str, example: str) -> AfterValidator:
    def judge(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{value!r} is not like {example}")
        return value

    return AfterValidator(judge)


Guid = Annotated[str, _matching(_GUID, "12345678-1234-1234-1234-123456789012")]
Host = Annotated[
    str,
    AfterValidator(lambda value: value.rstrip("/").removeprefix("https://")),
    _matching(r"[\w-]+(\.[\w-]+)+", "https://adb-1234567890123456.7.azuredatabricks.net"),
]
Volume = Annotated[
    str,
    AfterValidator(lambda value: value.rstrip("/")),
    _matching(r"/Volumes/[^/]+/[^/]+/[^/]+(/[^/]+)*", "/Volumes/main/mlops/files"),
]
Account = Annotated[str, _matching(r"[a-z0-9]{3,24}", "stmlops")]
Experiment = Annotated[str, _matching(r"(/[^/]+)+", "/Shared/fashion-mnist")]
