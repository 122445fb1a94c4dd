"""What a release would ask of Azure and Databricks: the calls that change something, and costs."""

from __future__ import annotations

from collections.abc import Iterator

from data_checks.check import REPORT
from tasks.backends.azure.compute import described
from tasks.backends.azure.containers.foreseen import ServingPlan
from tasks.backends.azure.prices import Prices
from tasks.backends.azure.settings import AzureSettings
from tasks.backends.azure.trainer import DatabricksTrainer
from tasks.foreseen import Call, Cost, Foreseen
from tasks.ports import Ledger, checks_part, endpoint_part, is_awaited, release_part, training_part
from tasks.records import ModelVersion

ML = "Microsoft.MachineLearningServices"


class AzurePlanner:
    """Knows where the other parts write to; tests/flows/test_plan.py compares with a release."""

    def __init__(
        self,
        settings: AzureSettings,
        trainer: DatabricksTrainer,
        serving: ServingPlan | None,
        ledger: Ledger,
    ) -> None:
        self._settings, self._trainer = settings, trainer
        self._serving, self._ledger = serving, ledger

    def calls(self, foreseen: Foreseen) -> tuple[Call, ...]:
        """In the order of a release."""
        return tuple(self._calls(foreseen))

    def costs(self, foreseen: Foreseen) -> tuple[Cost, ...]:
        """Runs and serving; what is kept in blobs costs cents a year."""
        knobs, prices, runs = foreseen.job.config, Prices.read(), []
        images = foreseen.dataset.images
        if _is_checked_there(foreseen):
            runs.append(prices.checking(self._settings, images, knobs.workers))
        if foreseen.candidate is None:
            runs.append(prices.training(self._settings, images * knobs.epochs, knobs.workers))
        if self._serving is None or not _is_deployed(foreseen):
            return tuple(runs)
        return (*runs, *self._serving.costs(foreseen.dataset.name))

    def _calls(self, foreseen: Foreseen) -> Iterator[Call]:
        given, dataset = self._settings, foreseen.dataset
        blobs = f"https://{given.storage_account}.blob.core.windows.net/{given.container}"
        host = f"https://{given.databricks_host}/api"
        yield Call("PUT", f"{blobs}/locks/{release_part(dataset.name)}",
                   "a lease, so that no other release of it runs")  # fmt: skip
        if not foreseen.is_checked:
            yield Call("PUT", f"{blobs}/locks/{checks_part(foreseen.checks_key)}",
                       "a lease on them")  # fmt: skip
            yield Call("PUT", f"{blobs}/checks/{foreseen.checks_key}/*", "the report of the checks")
            yield Call("PUT", f"{blobs}/digests/*", "which digest this listing has")
            yield Call("PUT", f"{blobs}/ledger/validate/*", "that they passed")
        if _is_checked_there(foreseen):
            yield from self._wheel()
            if foreseen.is_compared:
                place = f"{given.volume}/checking/{foreseen.checks_key}/reference.json"
                yield Call("PUT", f"{host}/2.0/fs/files{place}", "what they are compared with")
            yield Call("POST", f"{host}/2.2/jobs/runs/submit",
                       f"a run that looks at the images on {self._compute(foreseen)}")  # fmt: skip
            yield Call("DELETE", f"{host}/2.0/fs/files{given.volume}/checks/{foreseen.checks_key}"
                       f"/{REPORT}", "in the volume, once it is kept in Blob Storage")  # fmt: skip
        if not foreseen.is_tested:
            code = foreseen.job.gate.code.digest
            yield Call("PUT", f"{blobs}/locks/gate/{code}", "a lease on the gate")
            yield Call("PUT", f"{blobs}/ledger/gate/{code}.json", "that the tests passed")
        if foreseen.candidate is None:
            yield Call("PUT", f"{blobs}/locks/{training_part(foreseen.job.token)}",
                       "a lease on the training")  # fmt: skip
        for number in self._trainer.lost(lambda token: self._is_awaited(token, foreseen)):
            yield Call("POST", f"{host}/2.2/jobs/runs/cancel", f"run {number}: no release waits "
                       "for it")  # fmt: skip
        if foreseen.candidate is None:
            if not _is_checked_there(foreseen):
                yield from self._wheel()
            yield Call("POST", f"{host}/2.2/jobs/runs/submit",
                       f"a run on {self._compute(foreseen)}")  # fmt: skip
            if given.tracking:
                yield Call("POST", f"{host}/2.0/mlflow/*", "by the run: its knobs and epochs")
                yield Call("PUT", f"{host}/2.0/fs/files/WorkspaceInternal/Mlflow/*",
                           "by the run: the files of the model")  # fmt: skip
        if not foreseen.is_approved:
            key = f"{foreseen.verdict_key}.json" if foreseen.verdict_key else "*"
            yield Call("PUT", f"{blobs}/ledger/evaluate/{key}", "the verdict")
        yield Call("PUT", f"{blobs}/locks/{endpoint_part(dataset.name)}",
                   "a lease, so that nobody else changes the endpoint")  # fmt: skip
        yield Call("PUT", f"{blobs}/locks/models/{dataset.name}", "a lease on the numbers")
        place = (f"subscriptions/{given.subscription}/resourceGroups/{given.resource_group}"
                 f"/providers/{ML}/workspaces/{given.workspace}")  # fmt: skip
        if not foreseen.is_registered:
            yield Call("PUT", "the workspace's own blob storage: LocalUpload/*", "the model folder")
            yield Call("PUT", f"https://management.azure.com/{place}/models/{dataset.name}/versions"
                       f"/{foreseen.version}", "the version, with its lineage as tags")  # fmt: skip
        if self._serving and _is_deployed(foreseen):
            yield from self._serving.calls(dataset.name, _version(foreseen))
            yield Call("PUT", f"https://management.azure.com/{place}/models/{dataset.name}/versions"
                       "/*", "who serves, and who served before")  # fmt: skip
        yield Call("PUT", f"{blobs}/ledger/evidence/*", "what the release found")

    def _wheel(self) -> Iterator[Call]:
        path, is_there = self._trainer.wheel.look()
        if not is_there:
            yield Call("PUT", f"https://{self._settings.databricks_host}/api/2.0/fs/files{path}",
                       "the wheel of this code")  # fmt: skip

    def _compute(self, foreseen: Foreseen) -> str:
        return described(self._settings, foreseen.job.config.workers)

    def _is_awaited(self, token: str, foreseen: Foreseen) -> bool:
        return token == foreseen.job.token or is_awaited(self._ledger, token)


def _is_checked_there(foreseen: Foreseen) -> bool:
    """Do several machines look at the images?"""
    return not foreseen.is_checked and foreseen.job.config.workers > 1


def _is_deployed(foreseen: Foreseen) -> bool:
    return any(
        stage.name == "deploy" and stage.would in ("run", "depends") for stage in foreseen.stages
    )


def _version(foreseen: Foreseen) -> ModelVersion | None:
    """What would be deployed, as far as it is known."""
    if foreseen.candidate is None:
        return None
    return ModelVersion(
        foreseen.dataset.name, foreseen.version, foreseen.candidate.digest,
        foreseen.candidate.folder,
    )  # fmt: skip
