""".github/workflows/environment.yml, really run, up to a verdict and to a cancelled job."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import yaml
from junitparser import Failure, JUnitXml

from tests.conftest import ROOT
from tests.flows.conftest import until
from tests.pipelines.github import Runner
from tests.pipelines.site import KEY, Site, served, states

pytestmark = pytest.mark.slow

FILE = ROOT / ".github" / "workflows" / "environment.yml"


@pytest.fixture(scope="module")
def there(site) -> Iterator[Site]:
    site.merged(1)
    with served(site):
        yield site


def runner(site: Site, asks: str, run_id: int) -> Runner:
    variables = site.group(MLOPS_DATA="az://images/light", APPROVAL_IN_PREFECT="true")
    known = {"vars": variables, "inputs": {"environment": "dev", "asks": asks}}
    return Runner(site, yaml.safe_load(FILE.read_text())["jobs"]["release"], known, run_id)


def test_a_job_deploys_flows_and_ends_as_its_run_ends(there):
    job = runner(there, "ends/here --set how=refused", 1)

    code = job.run()

    assert code == 3, job.text
    assert "release/dev" in job.text
    assert (there.azure / "worker" / "flows" / "release.py").is_file()  # what the worker has now
    assert job.summary.startswith("### ends/here: refused\n")
    assert "::error::ends/here: refused: accuracy 0.5 is below 0.6%0Alook at" in job.text
    (suite,) = JUnitXml.fromfile(str(job.folder / "temp" / "release" / "steps.xml"))
    assert [type(each) for each in list(suite)[1].result] == [Failure]
    assert job.masked == {KEY}
    assert KEY not in job.text


def test_a_job_that_is_cancelled_cancels_its_run(there):
    job = runner(there, "ends/here --set seconds=300", 2)
    codes: list[int] = []
    running = threading.Thread(target=lambda: codes.append(job.run()))
    running.start()
    until(lambda: "the run is Running" in job.text or bool(codes))

    job.cancel()
    running.join(60)

    assert codes == [130], job.text
    until(lambda: "CANCELLED" in states(there, "ends"), seconds=60)
