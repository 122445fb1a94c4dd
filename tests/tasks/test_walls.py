"""Every module of tasks/ stands behind the walls of pyproject.toml: a new one is not forgotten."""

from __future__ import annotations

import tomllib

import pytest

from tests.conftest import ROOT

CONTRACTS = {
    each["name"]: each
    for each in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}
LAYERS, SDKS = (
    next(each for name, each in CONTRACTS.items() if name.startswith(start))
    for start in ("The house", "Cloud SDKs")
)
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in (ROOT / "tasks").rglob("*.py")
    if "backends" not in file.parts and file.stem != "__init__"
)


@pytest.mark.parametrize("module", MODULES)
def test_it_has_a_layer_and_knows_no_cloud(module):
    assert module in {name.strip() for layer in LAYERS["layers"] for name in layer.split("|")}
    assert module in SDKS["source_modules"]
