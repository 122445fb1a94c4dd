"""What the values of settings look like; one that does not is refused with an example."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from tasks.backends.azure.environment import matching

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

Guid = Annotated[str, matching(_GUID, "12345678-1234-1234-1234-123456789012")]
Host = Annotated[
    str,
    AfterValidator(lambda value: value.rstrip("/").removeprefix("https://")),
    matching(r"[\w-]+(\.[\w-]+)+", "https://adb-1234567890123456.7.azuredatabricks.net"),
]
Volume = Annotated[
    str,
    AfterValidator(lambda value: value.rstrip("/")),
    matching(r"/Volumes/[^/]+/[^/]+/[^/]+(/[^/]+)*", "/Volumes/main/mlops/files"),
]
Account = Annotated[str, matching(r"[a-z0-9]{3,24}", "stmlops")]
Experiment = Annotated[str, matching(r"(/[^/]+)+", "/Shared/fashion-mnist")]
