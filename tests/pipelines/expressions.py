"""
Conditions and values of Azure DevOps, such as ``and(succeeded(), eq(variables['a'], 'b'))``.

https://learn.microsoft.com/azure/devops/pipelines/process/expressions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SIGNS = re.compile(r"\s*(?:('(?:[^']|'')*')|(\w+)|([(),.\[\]]))")
STATUS = ("succeeded", "succeededOrFailed", "failed", "always", "canceled")
FUNCTIONS: dict[str, Callable[..., bool]] = {
    "and": lambda *each: all(map(is_true, each)),
    "or": lambda *each: any(map(is_true, each)),
    "not": lambda value: not is_true(value),
    "eq": lambda one, other: same(one, other),
    "ne": lambda one, other: not same(one, other),
    "in": lambda one, *others: any(same(one, other) for other in others),
}


class BadExpression(ValueError):
    """It cannot be read, or names what is not there."""


@dataclass(frozen=True)
class Call:
    """A function and what it is given."""

    function: str
    given: tuple[Any, ...]


@dataclass(frozen=True)
class Value:
    """Something named, such as ``("dependencies", "a", "outputs", "b.c")``."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """What an expression can see. ``status`` holds the answers of succeeded() and its like."""

    values: Mapping[str, Any]
    status: Mapping[str, bool] = field(default_factory=dict)


def parsed(text: str) -> Any:
    """
    Text as calls, values, and plain strings.

    Raises:
        BadExpression: it is none.
    """
    signs = list(_signs(text))
    found, rest = _expression(signs)
    if rest:
        raise BadExpression(f"{text!r}: what is {rest[0]!r}?")
    return found


def evaluated(expression: Any, known: Known) -> Any:
    """What it comes to; what is not there is empty, as there."""
    if isinstance(expression, Value):
        place: Any = known.values
        for name in expression.path:
            place = place.get(name, "") if isinstance(place, Mapping) else ""
        return place
    if not isinstance(expression, Call):
        return expression
    if expression.function in STATUS:
        return known.status[expression.function]
    return FUNCTIONS[expression.function](*(evaluated(each, known) for each in expression.given))


def parts(expression: Any) -> Iterator[Any]:
    """It, and all in it."""
    yield expression
    if isinstance(expression, Call):
        for each in expression.given:
            yield from parts(each)


def is_true(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() not in ("", "false", "0")


def same(one: Any, other: Any) -> bool:
    """Case does not count."""
    return str(one).lower() == str(other).lower()


def _signs(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        found = SIGNS.match(text, at)
        if not found:
            raise BadExpression(f"{text!r}: what is {text[at:]!r}?")
        yield found[0].strip()
        at = found.end()


def _expression(signs: list[str]) -> tuple[Any, list[str]]:
    if not signs:
        raise BadExpression("it ends too early")
    head, *rest = signs
    if head.startswith("'"):
        return head[1:-1].replace("''", "'"), rest
    if head.lower() in ("true", "false"):
        return head.lower() == "true", rest
    if head.isdigit():
        return head, rest
    if rest[:1] == ["("]:
        return _call(head, rest[1:])
    return _value(head, rest)


def _call(name: str, signs: list[str]) -> tuple[Call, list[str]]:
    if name not in (*FUNCTIONS, *STATUS):
        raise BadExpression(f"there is no function {name}")
    given = []
    while signs[:1] != [")"]:
        found, signs = _expression(signs)
        given.append(found)
        if signs[:1] == [","]:
            signs = signs[1:]
        elif signs[:1] != [")"]:
            raise BadExpression(f"{name}( is not closed")
    return Call(name, tuple(given)), signs[1:]


def _value(head: str, signs: list[str]) -> tuple[Value, list[str]]:
    path = [head]
    while signs[:1] in (["."], ["["]):
        if signs[0] == "." and len(signs) > 1:
            path.append(signs[1])
            signs = signs[2:]
        elif len(signs) > 2 and signs[2] == "]":
            path.append(signs[1].strip("'"))
            signs = signs[3:]
        else:
            raise BadExpression(f"{'.'.join(path)} is not ended")
    return Value(tuple(path)), signs
