"""
The memory of a search: an Optuna study in one SQLite file, so that a killed search goes on.

What is drawn next depends on the seed and on the trials that ended, not on how often the program
was started: a search that was killed makes the same trials as one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.tune.result import MEASURED
from model.tune.space import Between, OneOf, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

RANDOM_FIRST = 6  # trials that are drawn blindly, before the sampler has something to learn from
WHOLE_FIRST = 4  # trials that run to their end, before any is measured by the others
SPARED_SHARE = 0.3  # of the epochs, in which none is pruned: the learning rate still rises
MOST_DEATHS = 2  # of the process before a trial's first epoch ended: memory, mostly
TOLD = "told"  # noted of a trial that is made again: epochs that were told the time before
WAIT_FOR_FILE_S = 30


class BadStudy(ValueError):
    """The file of the study is damaged; the message names it and the way out."""


class Study:
    """Trials that ended, the one that runs, and those that wait to be made again."""

    def __init__(self, file: Path, space: Space, *, seed: int, epochs: int) -> None:
        import optuna
        from sqlalchemy.exc import DatabaseError

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = {name: _distribution(part) for name, part in space.items()}
        self._seed = seed
        try:
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{file}",
                engine_kwargs={"connect_args": {"timeout": WAIT_FOR_FILE_S}},
            )
            self._study = optuna.create_study(
                storage=storage,
                study_name="tune",
                load_if_exists=True,
                direction="minimize",
                pruner=optuna.pruners.MedianPruner(
                    n_startup_trials=WHOLE_FIRST,
                    n_warmup_steps=round(epochs * SPARED_SHARE) + 1,
                ),
            )
        except DatabaseError as error:
            raise BadStudy(
                f"{file} cannot be read: {error.orig}; remove it, and the search begins anew"
            ) from error

    def begin(self, first: Mapping[str, Any]) -> None:
        """
        Set trials aside that were running when their process died; begin with ``first`` if new.

        Args:
            first: values of some or all knobs: what one has without a search.
        """
        import optuna

        if not self._study.get_trials(deepcopy=False) and first:
            self._study.enqueue_trial(dict(first))
        for trial in self._in("RUNNING"):
            deaths = 0 if trial.intermediate_values else trial.user_attrs.get("deaths", 0) + 1
            if deaths < MOST_DEATHS:
                self._set_aside(trial, deaths)
            else:
                self._study.tell(trial.number, state=optuna.trial.TrialState.PRUNED)

    def next(self) -> Trial:
        """The next trial: one that waits to be made again, or one that the sampler draws."""
        import optuna

        made = np.random.SeedSequence((self._seed, len(self.ended())))
        self._study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=RANDOM_FIRST, seed=int(made.generate_state(1)[0])
        )
        return self._study.ask(self._space)

    def end(self, trial: Trial, why: str) -> None:
        """End ``trial``: by its best measure, or pruned if there is a reason ``why``."""
        import optuna

        if why:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, trial.user_attrs[MEASURED]["val_loss"])

    def set_aside(self, trial: Trial) -> None:
        """Make ``trial`` again later: it was interrupted."""
        found = next(each for each in self._in("RUNNING") if each.number == trial.number)
        self._set_aside(found, found.user_attrs.get("deaths", 0))

    def ended(self) -> list[FrozenTrial]:
        """Trials that count: complete or pruned, in the order in which they were made."""
        return self._in("COMPLETE", "PRUNED")

    def importances(self) -> dict[str, float]:
        """Share of each knob in what makes a good trial; they sum to 1."""
        import optuna

        return optuna.importance.get_param_importances(self._study)

    def _set_aside(self, trial: FrozenTrial, deaths: int) -> None:
        import optuna

        values = trial.params if trial.params.keys() == self._space.keys() else {}
        wanted = values or trial.system_attrs.get("fixed_params")
        waiting = [each.system_attrs.get("fixed_params") for each in self._in("WAITING")]
        if wanted and wanted not in waiting:  # else killed just here, the time before
            told = trial.user_attrs.get(MEASURED, {}).get("epochs", 0)
            self._study.enqueue_trial(wanted, user_attrs={"deaths": deaths, TOLD: told})
        self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def _in(self, *states: str) -> list[FrozenTrial]:
        import optuna

        wanted = [optuna.trial.TrialState[state] for state in states]
        return self._study.get_trials(deepcopy=False, states=wanted)


def _distribution(part: Between | OneOf) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(part, OneOf):
        return CategoricalDistribution(part.values)
    is_log = part.scale == "log"
    if isinstance(part.low, int) and isinstance(part.high, int):
        return IntDistribution(part.low, part.high, log=is_log)
    return FloatDistribution(part.low, part.high, log=is_log)
