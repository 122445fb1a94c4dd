"""azure-pipelines.yml, really run: from a merge to deployed flows, a release and its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.flows.conftest import until
from tests.pipelines.definition import read
from tests.pipelines.job import Work
from tests.pipelines.service import Build, Service
from tests.pipelines.site import KEY, Site, served, states, worker

pytestmark = pytest.mark.slow

MAIN = ROOT / "azure-pipelines.yml"
STAGE = ROOT / "infra" / "pipelines" / "environment.yml"
INSTALLED = {"sudo apt-get update -q\n": "", "sudo apt-get install": "echo installing"}


@pytest.fixture(scope="module")
def workers(site) -> Iterator[Site]:
    with worker(site, "mlops-dev"), worker(site, "mlops-prod"):
        yield site
    site.stop()


def service(site: Site, pictures: Path, **instead: str) -> Service:
    groups = {
        "mlops-dev": site.group(MLOPS_DATA=str(pictures)),
        "mlops-prod": site.group(MLOPS_DATA=str(pictures), APPROVAL_IN_PREFECT="false"),
    }
    return Service(read(MAIN, model="light", minutes=1), site.machine(**instead), groups)


def test_a_pull_request_is_checked_and_nothing_else(site, pictures):
    number = site.merged(1)
    build = Build(1, number, "refs/pull/7/merge", "PullRequest")
    devops = service(site, pictures, **INSTALLED, **{"make check": "make --silent test"})

    ran = devops.run(build)

    assert set(ran) == {"check.check"}
    check = ran["check.check"]
    assert check.result == "Succeeded", check.text + str(check.errors)
    assert check.suites["make check"].tests == 2
    assert {"flows", "tasks", "model", "data_checks"} <= set(check.coverage)
    assert check.coverage["model"] > 0
    assert devops.approvals == []


def test_a_merge_is_released_to_dev_and_prod_is_refused_with_the_reason(workers, pictures):
    """Here nobody has an account of Azure, so that prod cannot be."""
    site, commit = workers, workers.merged(2)
    devops = service(site, pictures)

    ran = devops.run(Build(2, commit), before=("check",))

    begun, told = ran["dev.begin"], ran["dev.verdict"]
    assert ran["dev.look"].result == "Succeeded", ran["dev.look"].text
    assert begun.result == "Succeeded", begun.text
    assert "started release/dev" in begun.text
    assert told.result == "Succeeded", told.text
    assert "found release/dev" in told.text
    assert "3 gate tests passed" in told.text  # the gate of the code that was merged
    suite = told.suites["dev release"]
    assert (suite.failures, suite.errors) == (0, 0)
    assert {case.name.split()[0] for case in suite} >= {"validate", "train", "deploy"}
    assert told.pages[0].startswith("### release/dev: done")
    assert f"]({site.url.removesuffix('/api')}/runs/flow-run/" in told.pages[0]

    refused = ran["prod.verdict"]
    assert ran["prod.begin"].result == "Succeeded", ran["prod.begin"].text
    assert refused.result == "Failed"
    assert "promote/prod: refused: there is no .env.dev here" in refused.errors[0]
    assert refused.suites["prod release"].errors + refused.suites["prod release"].failures == 1
    assert devops.approvals == ["mlops-dev", "mlops-prod"]
    assert ran["prod.stop"].result == "Skipped"
    everything = "\n".join(each.text for each in ran.values())
    assert KEY not in everything
    assert not list(site.place.rglob("hacked"))


def stage_of(site: Site, asks: str) -> Service:
    pipeline = read(STAGE, environment="dev", after="check", asks=asks, minutes=1)
    return Service(pipeline, site.machine(), {"mlops-dev": site.group(MLOPS_DATA="x")})


def test_a_verdict_that_is_cancelled_cancels_the_release(workers):
    """The agent tells the task, and the task tells the shell, and nobody else."""
    asks = "ends/here --set seconds=300"
    with served(workers):
        devops = stage_of(workers, asks)
        devops.during["dev.verdict"] = cancelled_once_it_runs
        ran = devops.stage(devops.pipeline.stage("dev"), Build(3, workers.merged(3)))

        assert ran["begin"].result == "Succeeded", ran["begin"].text
        assert ran["verdict"].result == "Canceled", ran["verdict"].text
        assert "this job is cancelled: cancelling the run" in ran["verdict"].text
        assert ran["stop"].result == "Succeeded", ran["stop"].text
        until(lambda: states(workers, "ends") == ["CANCELLED"], seconds=60)


def cancelled_once_it_runs(work: Work) -> None:
    until(lambda: "the run is Running" in work.ran.text)
    work.cancel()
