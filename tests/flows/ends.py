"""A deployment whose runs end as they are told: ``python -m tests.flows.ends NAME``."""

import sys
import time

from prefect import flow

from flows.outcome import explained
from tasks.errors import Refused, Transient
from tasks.step import Skipped, say, step

ERRORS = {
    "refused": Refused("accuracy 0.5 is below 0.6\nlook at the report"),
    "unavailable": Transient("the cluster did not answer"),
    "bug": ZeroDivisionError("division by zero"),
}


@step(name="look", timeout_s=600, retries=0)
def look(seconds: float) -> Skipped[str]:
    time.sleep(seconds)
    say("looked | twice\n::error::at ##vso[task.complete result=Failed]")
    return Skipped("record", "nothing changed")


@step(name="decide", timeout_s=60, retries=0)
def decide(how: str) -> str:
    if how in ERRORS:
        raise ERRORS[how]
    return how


@flow(name="ends", persist_result=False)
@explained
def ends(how: str = "well", seconds: float = 0.0) -> str:
    look(seconds)
    return decide(how)


if __name__ == "__main__":
    ends.serve(name=sys.argv[1])
