"""Every command that a page shows exists, with the options that it shows."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclopts import App, CycloptsError

from infra.documents.places import ROOT
from model import network
from tests.docs.reading import commands

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ID = "00000000-0000-4000-8000-000000000000"  # where a page has <id>
NOT_OURS = {"venv", "pip", "pytest", "debugpy", "dotenv"}


@pytest.fixture(autouse=True)
def networks_of_the_pages(monkeypatch):
    """The pages show how to train a network that the reader writes."""
    for name in ("wide", "NAME"):
        monkeypatch.setitem(network.NETWORKS, name, network.baseline)


def shown(program: str) -> list[tuple[str, list[str]]]:
    return [(place, words) for place, words in commands() if Path(words[0]).name == program]


def by_cyclopts(app: App) -> Callable[[list[str]], None]:
    def parse(words: list[str]) -> None:
        app.parse_args(words, exit_on_error=False, print_error=False)

    return parse


def by_argparse(words: list[str]) -> None:
    """A sentence may name an option alone, without what it needs."""
    from model.serve.options import parser

    made = parser(None)
    if len(words) == 1 and words[0] in made._option_string_actions:
        return
    made.parse_args(words)


def parsers() -> dict[str, Callable[[list[str]], None]]:
    from flows.cli import app
    from model import train
    from model.batch_score import __main__ as batch_score
    from model.tune import __main__ as tune

    return {
        "flows": by_cyclopts(app),
        "model.train": by_cyclopts(train.app),
        "model.tune": by_cyclopts(tune.app),
        "model.batch_score": by_cyclopts(batch_score.app),
        "model.serve": by_argparse,
    }


def test_python_commands_are_understood():
    known, wrong = parsers(), []
    for place, words in shown("python"):
        if len(words) < 3 or words[1] != "-m":
            continue
        module, rest = words[2], written_out(words[3:])
        if module in known:
            if not rest or rest in (["--help"], ["COMMAND"]):
                continue
            try:
                known[module](rest)
            except (CycloptsError, SystemExit) as error:
                wrong.append(f"{place}: {error}")
        elif module not in NOT_OURS:
            wrong += [f"{place}: {lack}" for lack in lacking(module, rest)]

    assert wrong == []


def written_out(words: list[str]) -> list[str]:
    """An ellipsis stands for a value after an option, and for nothing elsewhere."""
    found: list[str] = []
    for word in words:
        if word != "…":
            found.append(word)
        elif found and found[-1].startswith("--"):
            found.append("az://container/path")
    return found


def lacking(module: str, words: list[str]) -> list[str]:
    """What a program of ours does not know: itself, or one of the options."""
    if importlib.util.find_spec(module) is None:
        return [f"no module {module}"]
    origin = Path(importlib.util.find_spec(module).origin)
    source = origin.with_name("__main__.py") if origin.name == "__init__.py" else origin
    text = source.read_text(encoding="utf-8")
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    return [f"{module} has no {option}" for option in options if f'"{option}"' not in text
            and option.removeprefix("--").replace("-", "_") not in text]  # fmt: skip


def test_make_commands_name_targets_and_variables_of_the_makefile():
    wrong = []
    for place, words in shown("make"):
        for word in words[1:]:
            name, is_variable, _ = word.partition("=")
            exists = f"$({name})" in MAKEFILE if is_variable else is_target(word)
            if not exists and word != "PYTHON" and not word.startswith("-"):
                wrong.append(f"{place}: {word}")

    assert wrong == []


def is_target(name: str) -> bool:
    return re.search(rf"^([\w./ -]* )?{re.escape(name)}( [\w./ -]*)?:", MAKEFILE, re.M) is not None


def test_scripts_that_are_named_exist():
    named = {
        (place, word)
        for place, words in commands()
        for word in words
        if re.match(r"(\./)?(infra|benchmarks|tests|docs)/[\w./-]+$", word)
        and "PLACEHOLDER" not in word
    }

    assert sorted(place for place, word in named if not (ROOT / word).exists()) == []


def test_prefect_commands_exist_with_their_options():
    from prefect.cli._app import _app

    wrong = []
    for place, words in shown("prefect"):
        rest = [ID if word == "PLACEHOLDER" else word for word in words[1:]
                if word != "--no-prompt"]  # of the program as a whole  # fmt: skip
        try:
            if rest:
                by_cyclopts(_app)(rest)
        except CycloptsError as error:
            wrong.append(f"{place}: {error}")

    assert wrong == []
