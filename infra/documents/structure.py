"""docs/project-structure.md, from the first line that each module says of itself."""

from __future__ import annotations

import ast
import subprocess
from pathlib import PurePosixPath

from infra.documents.places import MADE, ROOT, table

ROOMS = {
    "flows": "What runs, in which order. Sees everything, decides nothing.",
    "tasks": "One retryable step a file, and the ports that they speak to.",
    "tasks/backends": "Where the steps run: chosen here, and only here.",
    "tasks/backends/local": "This machine: processes, MLflow on SQLite, sockets.",
    "tasks/backends/azure": "Azure and Databricks: the same ports, and what they need.",
    "tasks/backends/azure/containers": "Serving in Azure: images, container groups, Front Door.",
    "data_checks": "Images in, a report out. The only place with Great Expectations.",
    "data_checks/drift": "Traffic beside the test images: has it drifted?",
    "data_checks/spark": "The same checks on a cluster: Spark's workers look, join and judge.",
    "model": "Images, network, training, evaluation, export. The only place with TensorFlow.",
    "model/batch_score": "Answers to any number of images, as a table.",
    "model/serve": "The scoring service. No TensorFlow, no framework.",
    "model/tune": "The search for training knobs.",
    "model/spread": "Training on several workers, by Apache Spark.",
}  # fmt: skip
FILES = {
    "Makefile": "one door for people and for CI: `make` alone lists the targets",
    "azure-pipelines.yml": "[what Azure DevOps does](pipelines.md)",
    "prefect.yaml": "the deployments: what Prefect runs, where, when",
    "pyproject.toml": "settings of ruff, mypy, pytest and import-linter; the layers",
    ".env.example": "every setting, to copy to `.env`",
    ".vscode/launch.json": "[what VS Code can start](vscode-launch-json.md)",
    "infra/": "locked requirements, container image, prices, audit, what makes these documents",
    "tests/": "the same tree; `contract/`: promises of every backend, `cloud/`: the stand-in cloud",
    "benchmarks/": "what it is measured against, and [the results](../benchmarks/results.md)",
    "docs/": "these documents; `adr/` has the decisions",
    "model/sample/": "the bundled images, and [where they come from](../model/sample/README.md)",
}  # fmt: skip
HEAD = f"""\
# Project structure

{MADE}

Five rooms with walls between them: [architecture](architecture.md) says which may use which, and
why. Here is every module, with the first line that it says of itself.
"""


def structure_page() -> str:
    """A table a folder of code, then what lies beside."""
    tracked = _tracked()
    parts = [HEAD]
    for room, text in ROOMS.items():
        modules = [path for path in tracked if str(path.parent) == room]
        rows = [(f"`{path.name}`", _first_line(path)) for path in modules if path.suffix == ".py"]
        parts.append(f"## {room}/\n\n{text}\n\n{table(('file', 'is'), rows)}\n")
    rows = [(f"`{name}`", text) for name, text in FILES.items()]
    parts.append(f"## Beside them\n\n{table(('what', 'is'), rows)}\n")
    return "\n".join(parts)


def _tracked() -> list[PurePosixPath]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *{room.partition("/")[0] for room in ROOMS}],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return sorted(
        PurePosixPath(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()
    )


def _first_line(path: PurePosixPath) -> str:
    said = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split()).replace("``", "`")
