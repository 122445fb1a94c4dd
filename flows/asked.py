"""What a pipeline asks of a deployment: the parameters, and the key of having asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flows.cli import UsageError


def parameters_of(settings: tuple[str, ...]) -> dict[str, Any]:
    """
    Settings as the parameters of a flow.

    Raises:
        UsageError: one is no setting.

    >>> parameters_of(("data=az://x/y", "config.epochs=3", "deploy=false"))
    {'data': 'az://x/y', 'config': {'epochs': 3}, 'deploy': False}
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"--set {setting!r} is no setting; write NAME=VALUE, or "
                             "PART.NAME=VALUE for a knob, such as config.epochs=3")  # fmt: skip
        *parts, last = name.split(".")
        place = found
        for part in parts:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {setting!r}: {part} was given a value before")
        place[last] = _value(text)
    return found


def key_of(build: str, deployment: str, parameters: Mapping[str, Any]) -> str:
    """One for what this build asks of this deployment; another question has another."""
    asked = json.dumps(parameters, sort_keys=True)
    return f"{build}/{deployment}/{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)  # NaN is no JSON
    except ValueError:
        return text
