"""What an orchestrator asks: does it live, does it take requests, and is it about to end."""

from __future__ import annotations

from model.serve import problems
from model.serve.exchange import Answer, Request


class Drain:
    """Whether the service is about to end; shared by all that has to know."""

    is_on = False


class Readiness:
    """Health and readiness."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain

    async def health(self, _: Request, __: str) -> Answer:
        """The process lives."""
        return Answer.of({"status": "alive"})

    async def ready(self, _: Request, __: str) -> Answer:
        """It takes requests; not while it ends."""
        if self._drain.is_on:
            raise problems.overloaded("the service is about to end")
        return Answer.of({"status": "ready"})
