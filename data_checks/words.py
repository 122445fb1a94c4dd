"""What the words of ``python -m data_checks.program`` mean."""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_checks.counts import Reference
from data_checks.limits import BadLimits, Limits


class BadWord(ValueError):
    """An option that cannot be meant; the message says why."""


class _Nothing(Exception):
    """What is never raised."""


def opener_of(words: str) -> tuple[Callable[[str], Any], type[Exception]]:
    """
    The function that opens data sets, and what it raises for what is none.

    Raises:
        BadWord: there is no such function.
    """
    name, _, function = words.partition(":")
    try:
        module = importlib.import_module(name)
        return getattr(module, function), getattr(module, "BadDataset", _Nothing)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadWord(
            f"--opened-by {words}: {error}; name a module and a function, as in "
            "model.images:open_images"
        ) from error


def limits_of(words: str | None, uri: str) -> Limits:
    """
    The limits in ``words``: JSON, or a file of JSON or TOML; without them, those beside ``uri``.

    Raises:
        BadLimits: they cannot be meant.
        BadWord: there is no such file.
    """
    if words is None:
        return Limits.beside(uri)
    if words.lstrip().startswith("{"):
        return Limits.of(_parsed(json.loads, words, "--limits"), "--limits")
    text = _text(words, "--limits")
    parse = tomllib.loads if words.endswith(".toml") else json.loads
    return Limits.of(_parsed(parse, text, words), words)


def reference_of(file: Path) -> Reference:
    """The distribution in a report, or alone. Raises BadWord: there is none."""
    text = _text(str(file), "--reference")
    try:
        found = json.loads(text)
        return Reference.of_json(found.get("reference", found))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadWord(f"--reference {file} is no report of checks: {error!r}") from error


def _text(file: str, option: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadWord(f"{option} {file} cannot be read: {error}") from error


def _parsed(parse: Callable[[str], Any], text: str, origin: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise BadLimits(f"{origin}: {error}") from error
