"""docs/reference/evidence.md, from the records themselves."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.evidence import Evidence
from flows.terminal import STEPS
from infra.documents.places import MADE, table
from model.batch_score.options import Scoring
from model.config import TrainConfig
from model.tune.space import Search
from tasks import approve, deploy, evaluate, gate, promote, register, score, train, tune, validate
from tasks.step import Skipped, Step

MODULES = (validate, gate, train, evaluate, approve, register, deploy, promote, tune, score)
HEAD = f"""\
# Evidence

{MADE}

Each release, promotion, rollback and batch scoring leaves one JSON file in `.mlops/evidence/` (in
Azure: in the state container), however it ends. It joins all that went in, all that was found, and
the digests to check it by:

```sh
python -m flows verify                 # the newest on this machine, not of Azure; or name a file
```

computes the digests again and compares. Times are UTC, digests SHA-256 in hexadecimal.
"""


def evidence_page() -> str:
    """The file, the step in it, and the record of each step."""
    parts = [HEAD, "## The file\n", _fields(Evidence), STEP]
    recorded = dict(sorted(_records(), key=lambda each: list(STEPS).index(each[0])))
    rows = [(f"`{name}`", STEPS[name], _link(kind)) for name, kind in recorded.items()]
    parts += [table(("`step`", "in the terminal", "`record`"), rows), "\n## The records\n"]
    for kind in _reached(recorded.values()):
        said = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
        parts.append(f"### {kind.__name__}\n\n{said.replace('``', '`')}\n\n{_fields(kind)}\n")
    return "\n".join(parts).rstrip() + "\n"


STEP = """
## A step

`steps` has an object for each step, in the order in which they ended: `step` (its name), `outcome`
(done, skipped, refused or failed), `seconds`, `why` (the reason of a refusal, a failure or a skip)
and `record`: what the step proved, `null` if it did not.
"""


def _records() -> Iterator[tuple[str, type]]:
    """Each step with the kind of record that it answers with."""
    for module in MODULES:
        for found in vars(module).values():
            if isinstance(found, Step):
                answer = typing.get_type_hints(found.fn)["return"]
                kinds = typing.get_args(answer) or (answer,)
                (kind,) = (k for k in kinds if typing.get_origin(k) is not Skipped)
                yield found.name, kind


def _reached(kinds: typing.Iterable[type]) -> list[type]:
    """These records and those within them, each once, those within after those around."""
    found: list[type] = []
    for kind in kinds:
        for each in (kind, *_reached(_within(kind))):
            if each not in found:
                found.append(each)
    return found


def _within(kind: type) -> list[type]:
    hints = typing.get_type_hints(kind)
    parts = (part for hint in hints.values() for part in (hint, *typing.get_args(hint)))
    return [part for part in parts if dataclasses.is_dataclass(part) and isinstance(part, type)]


def _fields(kind: type) -> str:
    hints = typing.get_type_hints(kind)
    rows = [(f"`{each.name}`", _named(hints[each.name])) for each in dataclasses.fields(kind)]
    return table(("field", "is"), rows)


def _named(hint: Any) -> str:
    """A type in words that JSON knows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in WORDS:
        return WORDS[hint]
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_named(each) for each in arguments)
    if origin in (list, tuple):
        kinds = dict.fromkeys(_named(each) for each in arguments if each is not Ellipsis)
        return "list of " + " and ".join(kinds)
    if origin is typing.Literal:
        return " or ".join(map(str, arguments))
    if origin is dict:
        return "object" if arguments[1] is Any else f"object of {_named(arguments[1])}"
    return _link(hint) if dataclasses.is_dataclass(hint) else getattr(hint, "__name__", str(hint))


def _link(kind: Any) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


WORDS: dict[Any, str] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null",
    Path: "path", Any: "any value", object: "any value",
    Scoring: "how images are scored: options of [`score`](../cli.txt)",
    Search: "what is searched: options of [`tune`](../cli.txt)",
    TrainConfig: "the knobs of training: options of [`release`](../cli.txt)",
}  # fmt: skip
