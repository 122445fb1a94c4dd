"""From one environment to another: the same model and image, the gates there, a person's word."""

from __future__ import annotations

import pytest

from tests.cloud.container_groups.groups import GROUPS
from tests.cloud.parts import reached
from tests.cloud.stand_in import PROD
from tests.cloud.subscription.arm import MODELS
from tests.flows.conftest import FAST, verdicts
from tests.infra.engine import require_tools

pytestmark = [pytest.mark.cloud, pytest.mark.image, pytest.mark.timeout(900)]
PROMOTE = ("promote", "--from", "dev", "--to", "prod", "--why", "better on boots")
APPROVED = (*PROMOTE, "--approved-by", "Ann")


@pytest.fixture
def environments(flows, pictures, tmp_path_factory):
    """What serves in dev, and an empty prod."""
    require_tools()
    with reached(tmp_path_factory.mktemp("cloud"), serves=True) as cloud:
        for file in sorted(pictures.rglob("*.png")):
            place = f"light/{file.relative_to(pictures).as_posix()}"
            cloud.put("images", place, file.read_bytes())
        (flows.root / ".env.dev").write_text("AZURE_RESOURCE_GROUP=rg-mlops\n")
        lines = "".join(f"{name}={value}\n" for name, value in PROD.items())
        (flows.root / ".env.prod").write_text(lines)
        yield cloud
    cloud.forget()


def test_what_serves_in_dev_serves_in_prod_and_nothing_is_trained_or_built(environments, flows):
    cloud = environments
    there = {**cloud.environment, **cloud.serving()}
    to_dev = ("release", "--backend", "azure:dev", "--data", "az://images/light", *FAST)

    early = flows(*APPROVED, "--name", "light", **there)
    released = flows(*to_dev, **there)
    nobody = flows(*PROMOTE, **there)
    nowhere = flows("promote", "--from", "dev", "--to", "nowhere", "--approved-by", "Ann", **there)
    done = flows(*APPROVED, **there)
    again = flows(*APPROVED, **there)

    assert early.returncode == 3
    assert "nothing serves as light in azure:dev" in early.stderr
    assert released.returncode == 0, released.stdout + released.stderr
    assert nobody.returncode == 2
    assert "a person's decision" in nobody.stderr
    assert nowhere.returncode == 3
    assert "there is no .env.nowhere here" in nowhere.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert again.returncode == 0, again.stdout + again.stderr
    gates = ("gate", "evaluate", "register", "deploy")
    assert verdicts(done.stdout) == dict.fromkeys(gates, "done")
    assert verdicts(again.stdout) == dict.fromkeys(gates, "skipped")
    assert len(cloud.runs.all()) == 1
    assert len(cloud.builds.runs()) == 1
    assert cloud.groups.live() == ["light-blue", "rg-prod.light-blue"]
    images = {image_of(cloud, place) for place in (GROUPS, GROUPS.replace("rg-mlops", "rg-prod"))}
    assert len(images) == 1
    models = MODELS.replace("rg-mlops", "rg-prod").replace("mlw-mlops", "mlw-prod")
    (version,) = cloud.arm.known.below(f"{models}/light/versions")
    tags = version["properties"]["tags"]
    assert tags["approved_by"] == "Ann"
    assert tags["approved_why"] == "better on boots"
    assert tags["promoted_from"] == "azure:dev version 1"
    assert images == {f"acrmlops.azurecr.io/mlops/light@{tags['image_digest']}"}
    status = flows("status", "--backend", "azure:prod", **there)
    assert status.returncode == 0, status.stdout + status.stderr
    kept = [cloud.get("prod", name).decode() for name in cloud.blobs("prod")
            if "evidence" in name and "promote" in name]  # fmt: skip
    assert len(kept) == 3
    assert sum('"approved_by": "Ann"' in each for each in kept) == 2


def image_of(cloud, place: str) -> str:
    (group,) = cloud.groups.known.below(place)
    return str(group["properties"]["containers"][0]["properties"]["image"])
