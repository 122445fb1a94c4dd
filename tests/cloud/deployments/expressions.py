"""
Expressions of templates: read, and worked out for real.

Grammar: learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions. What is
not known is refused as Resource Manager refuses it, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Call = Callable[[str, list["Later"]], Any]  # name of a function, its arguments
Later = Callable[[], Any]  # an argument that is worked out only if it is asked for

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_]\w*)"
                    r"|(?P<sign>[()\[\],.]))")  # fmt: skip


class Wrong(Exception):
    """
    A template, or what it asks for, is refused.

    Attributes:
        code: in the words of Resource Manager.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def worked_out(value: Any, call: Call) -> Any:
    """``value`` with every expression in it, in keys as well, replaced by what it stands for."""
    if isinstance(value, dict):
        return {worked_out(key, call): worked_out(each, call) for key, each in value.items()}
    if isinstance(value, list):
        return [worked_out(each, call) for each in value]
    if not isinstance(value, str) or not value.startswith("[") or not value.endswith("]"):
        return value
    if value.startswith("[["):
        return value[1:]
    return _Reader(value[1:-1], call).whole()


class _Reader:
    """One expression, read from left to right; what it means is known only when it is asked for."""

    def __init__(self, text: str, call: Call) -> None:
        self._text, self._call = text, call
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise self._refusal(f"nothing is meant by {text[at:].strip()[:20]!r}")
            self._tokens.append((str(found.lastgroup), found[0].strip()))
            at = found.end()

    def whole(self) -> Any:
        """What the expression stands for."""
        later = self._value()
        if self._tokens:
            raise self._refusal(f"{self._tokens[0][1]!r} is too much")
        return later()

    def _value(self) -> Later:
        kind, word = self._take()
        if kind == "text":
            text = word[1:-1].replace("''", "'")
            return lambda: text
        if kind == "number":
            number = int(word)
            return lambda: number
        if kind != "name":
            raise self._refusal(f"{word!r} stands where a value should")
        self._take("(")
        arguments: list[Later] = []
        while not self._is_next(")"):
            if arguments:
                self._take(",")
            arguments.append(self._value())
        self._take(")")
        return self._parts(lambda: self._call(word, arguments))

    def _parts(self, whole: Later) -> Later:
        while self._is_next(".") or self._is_next("["):
            if self._take()[1] == ".":
                name = self._take()[1]
                whole = _part(whole, lambda name=name: name)  # type: ignore[misc]
            else:
                whole = _part(whole, self._value())
                self._take("]")
        return whole

    def _take(self, wanted: str = "") -> tuple[str, str]:
        if not self._tokens or (wanted and self._tokens[0][1] != wanted):
            found = self._tokens[0][1] if self._tokens else "its end"
            raise self._refusal(f"{found!r} stands where {wanted or 'more'!r} should")
        return self._tokens.pop(0)

    def _is_next(self, sign: str) -> bool:
        return bool(self._tokens) and self._tokens[0] == ("sign", sign)

    def _refusal(self, why: str) -> Wrong:
        return Wrong("InvalidTemplate", f"unable to read the expression '{self._text}': {why}")


def _part(whole: Later, key: Later) -> Later:
    def later() -> Any:
        found, wanted = whole(), key()
        if isinstance(found, dict):
            names = {name.lower(): name for name in found}  # case counts for nothing in Azure
            if str(wanted).lower() in names:
                return found[names[str(wanted).lower()]]
        elif isinstance(found, list) and isinstance(wanted, int) and 0 <= wanted < len(found):
            return found[wanted]
        raise Wrong("InvalidTemplate", f"the language expression property '{wanted}' doesn't exist")

    return later
