"""Stages, jobs, conditions and variables lead somewhere; and what does not is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pipelines.definition import BadTemplate, read
from tests.pipelines.expressions import BadExpression, Known, evaluated, parsed
from tests.pipelines.graph import faults
from tests.pipelines.settings import settings

GROUPS = {name: set(settings()) for name in ("mlops-dev", "mlops-prod")}
SCRIPTS = ("worker-image", "infrastructure")


def found_in(root: Path) -> list[str]:
    texts = {f"infra/pipelines/{name}": (ROOT / "infra" / "pipelines" / name).read_text()
             for name in SCRIPTS}  # fmt: skip
    return faults(read(root / "azure-pipelines.yml"), GROUPS, texts)


def test_nothing_is_wrong_with_ours():
    assert found_in(ROOT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("after: dev", "after: deva", "stage prod follows deva, which is not there"),
        ("dependsOn: [begin, wait]\n", "dependsOn: [begin, weit]\n", "job verdict follows weit"),
        ("dependsOn: look", "dependsOn: verdict", "jobs wait for each other: "),
        ("outputs['worker.image']", "outputs['wrker.image']", "outputs.wrker.image is not there"),
        ("dependencies.look", "dependencies.wait", "wait.outputs.worker.image is not there"),
        ("condition: canceled()", "condition: cancelled()", "there is no function cancelled"),
        ("condition: canceled()", "condition: and(canceled()", "and( is not closed"),
        ("pool: server", "pool: {vmImage: x}\n        dependsOn: wait", "jobs wait for each other"),
        ("- task: Delay@1", "- task: Bash@3", "no agent runs Bash"),
        ("$(KEY_VAULT)", "$(VAULT)", "nobody sets $(VAULT)"),
        ("$(image)", "$(imago)", "nobody sets $(imago)"),
        ("$(prefect-api-key)", "$(prefect-key)", "nobody sets $(prefect-key)"),
        ("group: mlops-", "group: ml-", "there is no variable group ml-dev"),
        ("- checkout: self\n            fetch", "- checkout: none\n            fetch",
         "before the code"),
        ('$BUILD_BUILDNUMBER"', '$(Build.SourceVersionMessage)"', "as somebody wrote it"),
        ("exec .venv/bin/python -m flows trigger $(asks) --attach",
         ".venv/bin/python -m flows trigger $(asks) --attach", "write exec"),
        ("--attach --minutes 50", "--attach --minutes 57", "before --minutes 57"),
        ("--attach --minutes 50", "--attach", "write --minutes"),
        ("- bash: exec .venv/bin/python -m flows trigger $(asks) --cancel",
         "- task: AzureCLI@2\n            inputs: {inlineScript: exec flows trigger --cancel}",
         "AzureCLI does not tell"),
        ("name: worker\n", "name: a\n          - {bash: x, name: a}\n          - bash: y\n",
         "two steps are a"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(tmp_path, right, wrong, said):
    (tmp_path / "infra").mkdir()
    shutil.copytree(ROOT / "infra" / "pipelines", tmp_path / "infra" / "pipelines")
    shutil.copy(ROOT / "azure-pipelines.yml", tmp_path)
    changed = 0
    for file in tmp_path.rglob("*.yml"):
        text = file.read_text()
        changed += text.count(right)
        file.write_text(text.replace(right, wrong))
    assert changed

    assert [each for each in found_in(tmp_path) if said in each], found_in(tmp_path)


def test_a_template_gets_what_it_asks_for(tmp_path):
    file = ROOT / "infra" / "pipelines" / "environment.yml"

    with pytest.raises(BadTemplate, match="has to be given after"):
        read(file, environment="dev")
    with pytest.raises(BadTemplate, match="takes no more"):
        read(file, environment="dev", after="check", asks="release/dev", minutes=1, more="x")
    with pytest.raises(BadTemplate, match="minutes is no number: 'soon'"):
        read(file, environment="dev", after="check", asks="release/dev", minutes="soon")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eq(variables['Build.Reason'], 'pullrequest')", True),
        ("and(succeeded(), ne(variables.a, 'it''s'))", False),
        ("or(failed(), in(dependencies.a.result, 'Skipped', 'Succeeded'))", True),
        ("not(variables['nothing'])", True),
        ("dependencies.a.outputs['step.name']", "7"),
    ],
)
def test_expressions_come_to_what_azure_devops_makes_of_them(text, value):
    seen = {
        "variables": {"Build.Reason": "PullRequest", "a": "It's"},
        "dependencies": {"a": {"result": "succeeded", "outputs": {"step.name": "7"}}},
    }
    known = Known(seen, {"succeeded": True, "failed": False})  # fmt: skip

    assert evaluated(parsed(text), known) == value


@pytest.mark.parametrize(
    "text", ["", "eq(", "eq('a', 'b'", "eq('a' 'b')", "xor(a, b)", "a.", "a b"]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(BadExpression):
        parsed(text)
