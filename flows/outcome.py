"""
How a flow ends, as others see it: a refusal is an answer, not an accident.

States named "Refused" and "Unavailable" tell it apart from a bug, to people and to pipelines.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.states import Failed

from tasks.errors import Refused, Transient

P = ParamSpec("P")
R = TypeVar("R")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Name the final state after what ended the flow; callers see the error itself raised."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Refused as refused:
            return cast(R, Failed(name="Refused", message=str(refused), data=refused))
        except Transient as failed:
            return cast(R, Failed(name="Unavailable", message=str(failed), data=failed))

    return run
