"""Code in the documents parses, and runs where that is cheap."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib

import numpy as np
import pytest
import yaml
from dotenv import dotenv_values

from data_checks import expectations as ours
from data_checks.check import check_images
from data_checks.limits import Limits
from infra.documents.places import DOCS
from model import network
from model.images import open_images
from tests.docs.reading import SHELL, Block, blocks

BLOCKS = blocks()
OF = {language: [block for block in BLOCKS if block.language == language]
      for language in {block.language for block in BLOCKS}}  # fmt: skip
LANGUAGES = {"text", "python", "toml", "yaml", "json", "ini", *SHELL}


def the_block(page: str, language: str, at: int = 0) -> Block:
    found = [block for block in OF[language] if block.page == DOCS / page]
    return found[at]


def test_every_block_says_its_language():
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in SHELL], ids=str)
def test_shell_is_shell(block):
    text = re.sub(r"<[^<>|]*>", "PLACEHOLDER", block.text)

    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def parsed(text: str) -> object:
    """JSON, or some lines of an object: those that a file of parameters gets."""
    lines = text.strip()
    return json.loads(lines if lines[0] in "[{" else f"{{{lines.rstrip(',')}}}")


PARSERS = {
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "json": parsed,
}


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in PARSERS], ids=str)
def test_code_and_data_parse(block):
    PARSERS[block.language](block.text)


@pytest.mark.parametrize("block", OF["ini"], ids=str)
def test_settings_are_name_and_value(block, tmp_path):
    (tmp_path / ".env").write_text(block.text, encoding="utf-8")

    found = dotenv_values(tmp_path / ".env")

    assert found
    assert all(found.values())


def test_the_network_of_the_how_to_answers_probabilities():
    names = dict(vars(network))
    for at in range(2):
        exec(the_block("how-to/own-network.md", "python", at).text, names)  # noqa: S102 (ours)

    model = names["NETWORKS"]["wide"]((16, 16, 1), 3)
    answers = model.predict(np.zeros((2, 16, 16, 1), np.uint8), verbose=0)

    assert answers.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_the_check_of_the_how_to_is_judged(folder_of, tmp_path, monkeypatch):
    from great_expectations import expectations as gxe

    names = {**vars(ours), "between": gxe.ExpectColumnValuesToBeBetween}
    (added,) = eval(the_block("how-to/own-checks.md", "python").text, names)  # noqa: S307 (ours)
    before = ours.expectations
    monkeypatch.setattr("data_checks.judge.expectations", lambda *given: [*before(*given), added])
    images = open_images(str(folder_of(cat=16, dog=16)))

    report = check_images(images.chunks(), labels=images.labels, limits=Limits(), out=tmp_path)

    assert {check.name: check.passed for check in report.checks}["bright enough"]


@pytest.mark.parametrize("page", ["how-to/own-images.md", "checks.md"])
def test_limits_that_are_shown_are_limits(page):
    for block in OF["toml"]:
        if block.page == DOCS / page:
            Limits.model_validate(tomllib.loads(block.text))
