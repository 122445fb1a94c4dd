"""Everything on this machine, in one folder of state (``.mlops/``, or ``MLOPS_HOME``)."""

from __future__ import annotations

from tasks.backends.local.datasets import FolderDatasets
from tasks.backends.local.endpoints import LoopbackEndpoints
from tasks.backends.local.ledger import FileLedger
from tasks.backends.local.registry import MlflowRegistry
from tasks.backends.local.scorer import ProcessScorer
from tasks.backends.local.traffic import FolderTraffic
from tasks.backends.local.trainer import ProcessTrainer
from tasks.backends.local.tuner import ProcessTuner
from tasks.ports import Backend
from tasks.state import home


def local_backend() -> Backend:
    """The parts that work on this machine's state folder."""
    state = home()
    registry = MlflowRegistry(state)
    return Backend(
        name="local",
        datasets=FolderDatasets(state),
        trainer=ProcessTrainer(state, tracking_uri=registry.uri),
        tuner=ProcessTuner(state, tracking_uri=registry.uri),
        scorer=ProcessScorer(state),
        registry=registry,
        endpoints=LoopbackEndpoints(state),
        traffic=FolderTraffic(state),
        ledger=FileLedger(state),
    )
