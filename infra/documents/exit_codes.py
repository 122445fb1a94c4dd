"""docs/reference/exit-codes.md, from what each program says of itself."""

from __future__ import annotations

import re

from infra.documents.places import MADE, ROOT, table

PROGRAMS = {
    "`python -m flows …`": "flows/cli.py",
    "`python -m model.train`": "model/train.py",
    "`python -m model.tune`": "model/tune/__main__.py",
    "`python -m model.batch_score`": "model/batch_score/__main__.py",
    "`python -m model.serve`": "model/serve/__main__.py",
    "`python -m data_checks.program`": "data_checks/program.py",
    "`python -m model.bundle`": "model/bundle.py",
    "`make image`": "infra/build-image",
    "`make audit`": "infra/audit",
}
CODE = re.compile(r"(\d+) (.+)")

HEAD = f"""\
# Exit codes

{MADE}

What a script, or a pipeline, can go by. Why there are these:
[three kinds of failure](../architecture.md#three-kinds-of-failure).
"""


def exit_codes_page() -> str:
    """One table: a row a code, a column a program."""
    said = {program: exit_codes(file) for program, file in PROGRAMS.items()}
    codes = sorted({code for each in said.values() for code in each})
    rows = [(program, *(each.get(code, "") for code in codes)) for program, each in said.items()]
    return f"{HEAD}\n{table(('program', *map(str, codes)), rows)}\n"


def exit_codes(file: str) -> dict[int, str]:
    """
    The codes that a program names in its head.

    Raises:
        ValueError: it names none.
    """
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.search(r"Exit codes: (.+?)\.\n", text, re.DOTALL)
    if not found:
        raise ValueError(f"{file} does not say its exit codes")
    sentence = re.sub(r"\s*\n#?\s*", " ", found[1]).replace("``", "`")
    parts = [CODE.fullmatch(part.strip()) for part in sentence.split("·")]
    return {int(part[1]): part[2] for part in parts if part}
