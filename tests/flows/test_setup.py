"""setup on a real server: all is there, twice changes nothing, a person's switches stay."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from flows.deployments import read_wanted
from tests.flows.pages import Pages

VOLATILE = {"last_polled", "status"}
TOUCHED = {"work_pools": {"updated"}}  # by each worker that comes and goes


def everything(pages: Pages) -> dict[str, Any]:
    """Every object that setup makes, with its id and the time of its last change."""
    found = {}
    for kind in ("deployments", "work_pools", "automations", "variables", "block_types"):
        for each in pages.ask("POST", f"/{kind}/filter", {}):
            passing = VOLATILE | TOUCHED.get(kind, set())
            steady = {key: value for key, value in each.items() if key not in passing}
            found[f"{kind}/{each['id']}"] = steady
    return found


def test_setup_twice_changes_nothing(pages):
    before = everything(pages)

    again = pages.checkout("setup", "--pool", "mlops")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "\n0 of " in again.stdout
    assert everything(pages) == before
    assert len(before) > 12


def test_setup_puts_right_what_was_changed_and_leaves_a_persons_switches(pages):
    sweep = pages.deployment("sweep/local")
    (schedule,) = sweep["schedules"]
    pages.ask("PATCH", f"/deployments/{sweep['id']}", {"description": "mine"})
    pages.ask("PATCH", f"/deployments/{sweep['id']}/schedules/{schedule['id']}", {"active": True})
    (drift,) = [each for each in pages.ask("POST", "/automations/filter", {})
                if each["name"] == "release/local: drift"]  # fmt: skip
    pages.ask("PATCH", f"/automations/{drift['id']}", {"enabled": False})
    try:
        done = pages.checkout("setup", "--pool", "mlops")
        after = pages.deployment("sweep/local")
        still = pages.ask("GET", f"/automations/{drift['id']}")
    finally:
        pages.ask("PATCH", f"/automations/{drift['id']}", {"enabled": True})
        for each in pages.deployment("sweep/local")["schedules"]:
            place = f"/deployments/{sweep['id']}/schedules/{each['id']}"
            pages.ask("PATCH", place, {"active": False})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed  deployment  sweep/local  (description)" in done.stdout
    assert "\n1 of " in done.stdout
    assert after["description"] == sweep["description"]
    assert after["schedules"][0]["active"]
    assert not still["enabled"]


@pytest.mark.endurance  # half a minute, and only our reading of prefect.yaml could break it
def test_prefects_own_deploy_makes_the_same(pages):
    found = pages.ask("POST", "/deployments/filter", {})
    names = [f"{each['entrypoint'].rpartition(':')[2]}/{each['name']}" for each in found
             if each["work_pool_name"] == "mlops"]  # fmt: skip
    words = [word for name in names for word in ("-n", name)]

    deployed = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *words],
        cwd=pages.checkout.root, env=pages.checkout.environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    done = pages.checkout("setup", "--pool", "mlops")

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert "\n0 of " in done.stdout, done.stdout
    assert len(names) > 3


def test_what_lacks_settings_is_left_out_and_told_and_made_once_they_are_there(pages):
    settings = {
        "AZURE_CONTAINER_REGISTRY": "acrmlops", "AZURE_RESOURCE_GROUP": "rg",
        "AZURE_SUBSCRIPTION_ID": "s", "MLOPS_DATA": "az://images/x",
        "MLOPS_WORKER_IDENTITY": "i", "MLOPS_WORKER_IMAGE": "acrmlops.azurecr.io/worker@sha256:0",
    }  # fmt: skip

    lacking = pages.checkout("setup")
    made = pages.checkout("setup", **settings)
    before = everything(pages)
    again = pages.checkout("setup", **settings)

    assert lacking.returncode == 0, lacking.stdout + lacking.stderr
    assert "release/prod  (not set: MLOPS_DATA)" in lacking.stdout
    assert "release/container  (not set: AZURE_CONTAINER_REGISTRY, AZURE_R" in lacking.stdout
    assert made.returncode == 0, made.stdout + made.stderr
    prod = pages.deployment("release/prod")
    assert prod["parameters"]["approval"] is True
    assert prod["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"
    container = pages.deployment("release/container")
    assert container["job_variables"]["image"] == settings["MLOPS_WORKER_IMAGE"]
    assert "\n0 of " in again.stdout
    assert everything(pages) == before


def test_the_form_says_what_each_parameter_means_and_offers_what_there_is(pages):
    for name in ("release/local", "tune/local", "score/local", "rollback/local", "sweep/local"):
        fields = pages.deployment(name)["parameter_openapi_schema"]["properties"]

        assert all(field.get("description") for field in fields.values()), name
        assert fields["backend"]["enum"] == ["local", "azure", "azure:dev", "azure:prod"]


def test_what_may_ask_a_person_or_run_long_has_no_limit_of_its_own():
    """Prefect takes the lease of such a limit from a paused run, and then ends the run for it."""
    limited = {each.name for each in read_wanted() if each.fields["concurrency_limit"]}

    assert {name.partition("/")[0] for name in limited} == {"monitor", "sweep"}
