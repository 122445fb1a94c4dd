"""A refusal is an answer, not an accident: the flow ends in a state named "Refused"."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.states import Failed

from tasks.errors import Refused

P = ParamSpec("P")
R = TypeVar("R")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Turn a refusal inside the flow into its final state; callers see ``Refused`` raised."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Refused as refused:
            return cast(R, Failed(name="Refused", message=str(refused), data=refused))

    return run
