"""
All that an agent runs of the flows, with the packages of infra/requirements/pipeline.txt alone.

``python -m tests.pipelines.light``: whatever else is installed here cannot be imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.metadata
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

POOLS = ("mlops-dev", "mlops-prod")


class Barred(importlib.abc.MetaPathFinder):
    """Finds nothing of what is not on the list, and says so."""

    def __init__(self, allowed: set[str]) -> None:
        owners = importlib.metadata.packages_distributions()
        self._barred = {
            name for name, places in owners.items()
            if not any(named(each) in allowed for each in places)
        }  # fmt: skip

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        if name.partition(".")[0] in self._barred:
            raise ModuleNotFoundError(f"{name} is not installed on an agent", name=name)


def named(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def main() -> None:
    text = (ROOT / "infra" / "requirements" / "pipeline.txt").read_text()
    allowed = {named(each) for each in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    sys.meta_path.insert(0, Barred(allowed))
    os.environ["MLOPS_DATA"] = "az://images/shoes"
    from flows import followed, setup, trigger
    from flows.deployments import read_wanted

    wanted = [each for each in read_wanted() if each.pool in POOLS and not each.lacks]
    print(trigger.__name__, setup.__name__, followed.__name__, *(each.name for each in wanted))
    print(sum(len(each.fields) for each in wanted))


if __name__ == "__main__":
    main()
