"""docs/reference/settings.md and .env.example, from the settings themselves."""

from __future__ import annotations

import argparse

from infra.documents.places import MADE, table
from infra.documents.settings import NEEDED, NONE, Setting, groups
from model.serve.options import parser

HEAD = f"""\
# Settings

{MADE}

Variables of the environment, or lines of a file `.env` in the folder where you work: [how to set
them](../bash-environment-variables.md). What is missing is named at once, with where to find it.
The options of commands are in [cli.txt](../cli.txt), the limits of the data checks in
[data checks](../checks.md), and what `make image` takes in [the container image](../image.md).
"""
SERVICE = """\
## The scoring service

`python -m model.serve` takes options, and no settings. What they do:
[the scoring service](../serving.md).
"""


def settings_page() -> str:
    """A table a group, and one of the options of the service."""
    parts = [HEAD]
    for group in groups():
        rows = [
            (f"`{each.name}`", each.meaning, _code(each.otherwise), _code(each.found_by))
            for each in group.settings
        ]
        columns = ("setting", "is", "if left out", "find it by")
        parts.append(f"## {group.heading}\n\n{group.text}\n\n{table(columns, rows)}\n")
    parts.append(f"{SERVICE}\n{table(('option', 'is', 'if left out'), _options())}\n")
    return "\n".join(parts)


def env_example() -> str:
    """A file to copy to ``.env``: every setting, each as a remark."""
    parts = [ENV_HEAD]
    for group in groups():
        parts.append(f"# ── {group.heading} " + "─" * (70 - len(group.heading)) + "\n")
        parts += [_line(each) for each in group.settings]
    return "\n".join(parts)


ENV_HEAD = """\
# Every setting. Written by `make docs` from the code; docs/reference/settings.md says the same.
#   cp .env.example .env       then take the # away from the lines that you need, and fill them in
#   . infra/export-env         what programs read from the environment alone gets there (bash)
# .env and .env.<environment> are not committed: git ignores them.
"""


def _line(setting: Setting) -> str:
    remark = f"# {setting.meaning}"
    if setting.found_by:
        remark += f" ({setting.found_by})"
    if setting.otherwise == NEEDED:
        return f"{remark} — {NEEDED}\n# {setting.name}=\n"
    is_value = setting.otherwise and " " not in setting.otherwise and setting.otherwise != NONE
    return f"{remark}\n# {setting.name}={setting.otherwise if is_value else ''}\n"


def _code(text: str) -> str:
    """What is to be typed, as code, up to a remark behind it; words as they are."""
    typed, sign, remark = text.partition("; ") if text.startswith("az ") else (text, "", "")
    is_typed = text.startswith(("az ", "docker ", "python ", "databricks ", "prefect "))
    is_value = (
        " " not in text and (not text.isalpha() or text.islower()) and text not in (NEEDED, NONE)
    )
    return f"`{typed}`{sign}{remark}" if text and (is_typed or is_value) else text


def _options() -> list[tuple[str, str, str]]:
    rows = []
    for action in parser(None)._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        said = (action.help or "").partition(" [%(default)")[0]
        rows.append((f"`{action.option_strings[0]}`", said, _otherwise(action)))
    return rows


def _otherwise(action: argparse.Action) -> str:
    if action.required:
        return NEEDED
    return "" if action.default in (None, [], False) else f"`{action.default}`"
