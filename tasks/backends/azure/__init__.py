"""
Data in Blob Storage, training on Databricks, versions in Azure Machine Learning, services on Azure
Container Instances.
"""

from __future__ import annotations

from tasks.backends.azure.captured import GroupTraffic
from tasks.backends.azure.checker import DatabricksChecker
from tasks.backends.azure.clients import Clients
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.datasets import BlobDatasets
from tasks.backends.azure.endpoints import open_endpoints
from tasks.backends.azure.identity import require
from tasks.backends.azure.jobs import Jobs
from tasks.backends.azure.lake import Lake
from tasks.backends.azure.ledger import BlobLedger
from tasks.backends.azure.planner import AzurePlanner
from tasks.backends.azure.registry import AzureMlRegistry
from tasks.backends.azure.scorer import DatabricksScorer
from tasks.backends.azure.tracking import Tracking
from tasks.backends.azure.trainer import DatabricksTrainer
from tasks.backends.azure.volume import Volume
from tasks.backends.azure.wheel import Wheel
from tasks.ports import Backend
from tasks.state import home


def azure_backend(environment: str = "") -> Backend:
    """
    The parts that work in the cloud that the settings name.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: settings are missing or wrong, or no identity is accepted.
    """
    at = Clients.open(environment)
    serving = read_serving(environment)
    require(at.identity)
    names = ("azure", environment) if environment else ("azure",)
    state, lake = home() / "-".join(names), Lake(at.container)
    volume = Volume(at.databricks, at.settings.volume)
    jobs, wheel = Jobs(at.databricks, at.settings), Wheel(volume)
    trainer = DatabricksTrainer(jobs, volume, wheel, Tracking(at.settings), state)
    ledger = BlobLedger(lake, state)
    endpoints, plan, traffic = None, None, None
    if serving:
        endpoints, plan, groups = open_endpoints(at, serving, state)
        traffic = GroupTraffic(lake, groups, serving) if serving.capture_key else None
    return Backend(
        name=":".join(names),
        datasets=BlobDatasets(
            lake,
            state,
            at.settings.storage_account,
            environment,
            only_volumes=bool(at.settings.serverless),
            checker=DatabricksChecker(jobs, volume, wheel),
        ),
        trainer=trainer,
        registry=AzureMlRegistry(
            at.registry, lake, state, most=at.settings.versions, shared=at.shared
        ),
        ledger=ledger,
        endpoints=endpoints,
        overview=endpoints,
        traffic=traffic,
        scorer=DatabricksScorer(jobs, volume, wheel, at.settings, state),
        planner=AzurePlanner(at.settings, trainer, plan, ledger),
    )
