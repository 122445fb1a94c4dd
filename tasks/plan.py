"""plan: what a release would do, stage by stage. It asks, and changes nothing."""

from __future__ import annotations

from pathlib import Path

from model.config import TrainConfig
from tasks.evaluate import known_verdict
from tasks.foreseen import Foreseen, Stage
from tasks.gate import known_pass
from tasks.ports import Backend
from tasks.records import Candidate, CheckedDataset, GatePass, ModelVersion, Verdict
from tasks.rules import Rules
from tasks.source import read_code
from tasks.train import describe_job
from tasks.validate import known_checks

NOT_YET = "a candidate has to be trained first"


def foresee(
    on: Backend, data: str, name: str | None, config: TrainConfig, rules: Rules, deploy: bool
) -> Foreseen:
    """
    Look at what earlier releases left, by the same digests that a release would go by.

    Raises:
        Refused: the images cannot be read, there are not so many workers, or the backend cannot
            be asked.
    """
    code = read_code()
    dataset = on.datasets.identify(data, name)
    champion = on.registry.champion(dataset.name)
    key, checked, is_compared = known_checks(on, dataset, champion)
    passed = known_pass(on, code)
    job = describe_job(
        checked or CheckedDataset(dataset, key, Path(), checks=0),
        passed or GatePass(code, tests=0, seconds=0.0, report=Path()),
        config,
    )
    candidate = on.trainer.known(job)
    if not (checked and candidate):
        on.trainer.require(config.workers)
    verdict_key, verdict = known_verdict(on, candidate, champion, rules) if candidate else (
        None, None,
    )  # fmt: skip
    versions = on.registry.versions(dataset.name)
    mine = next((each for each in versions if candidate and each.digest == candidate.digest), None)
    number = mine.number if mine else max((each.number for each in versions), default=0) + 1
    stages = (
        _validate(dataset.images, checked),
        _gate(code, passed),
        _train(job.token, candidate),
        _evaluate(candidate, champion, verdict),
        _register(dataset.name, number, mine, candidate),
        _deploy(on, dataset.name, deploy, mine),
    )
    return Foreseen(
        stages, dataset, job, key, bool(checked), bool(passed), candidate, verdict_key,
        is_approved=bool(verdict and verdict.approved), version=number, is_registered=bool(mine),
        is_compared=is_compared,
    )  # fmt: skip


def _validate(images: int, checked: CheckedDataset | None) -> Stage:
    if checked:
        return Stage("validate", "skip", f"the {images:,} images and their checks are unchanged")
    return Stage("validate", "run", f"{images:,} images are to be checked")


def _gate(code: object, passed: GatePass | None) -> Stage:
    if passed:
        return Stage("gate", "skip", f"{passed.tests} tests passed on exactly this code")
    return Stage("gate", "run", f"the tests did not pass on {code} yet")


def _train(token: str, candidate: Candidate | None) -> Stage:
    if candidate:
        return Stage("train", "skip", f"a model of the same inputs exists (run {token[:8]})")
    return Stage("train", "run", f"run {token[:8]}")


def _evaluate(
    candidate: Candidate | None, champion: ModelVersion | None, verdict: Verdict | None
) -> Stage:
    if candidate is None:
        return Stage("evaluate", "depends", NOT_YET)
    if verdict is None:
        against = f"beside version {champion.number}" if champion else "alone"
        return Stage("evaluate", "run", f"candidate {candidate.digest[:12]} {against}")
    if verdict.approved:
        return Stage("evaluate", "skip", f"candidate {candidate.digest[:12]} was approved before")
    return Stage("evaluate", "refuse", verdict.reasons[0])


def _register(
    name: str, number: int, mine: ModelVersion | None, candidate: Candidate | None
) -> Stage:
    if mine:
        return Stage("register", "skip", f"these bytes are {name} version {number} already")
    if candidate:
        return Stage("register", "run", f"{name} version {number}")
    return Stage("register", "depends", f"{NOT_YET}; it would be {name} version {number}")


def _deploy(on: Backend, name: str, is_wanted: bool, mine: ModelVersion | None) -> Stage:
    if on.endpoints is None:
        return Stage("deploy", "skip", f"the {on.name} backend has no endpoint")
    if not is_wanted:
        return Stage("deploy", "skip", "not asked for")
    live = on.endpoints.live(name)
    if live and mine and live.digest == mine.digest:
        return Stage("deploy", "skip", f"version {mine.number} serves already at {live.url}")
    before = f"in place of version {live.version} at {live.url}" if live else "at a new address"
    return Stage("deploy", "run" if mine else "depends", before)
