"""
The command line. A command is imported when it is asked for, so help answers at once.

Exit codes: 0 done · 1 bug · 2 usage · 3 refused by a gate · 4 infrastructure failed after retries ·
130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

COMMANDS = {
    "release": "Validate images, test the code, train, evaluate, register and serve.",
    "plan": "Say what a release would do, reuse and cost; change nothing.",
    "tune": "Search for training knobs by validation images; say how to release the best.",
    "score": "Let a version answer any number of images; keep the answers as a table.",
    "rollback": "Let an earlier version serve again, after the same proof as any other.",
    "promote": "Let what serves in one Azure environment serve in another.",
    "trigger": "Start a deployment from a pipeline, follow it, and end as it ends.",
    "monitor": "Judge the traffic since last time; drift that lasts calls for a retraining.",
    "label": "Join true labels that came later with captured traffic.",
    "status": "Say what serves where, and the last releases.",
    "stop": "Stop the endpoint; its versions stay registered.",
    "setup": "Make all that Prefect needs on its server: pools, deployments, triggers, notices.",
    "doctor": "Check versions, port, disk, state folder, Prefect API and MLflow database.",
    "ui": "Start the Prefect server, a worker and the deployments on this machine.",
    "verify": "Compute the digests of a release's evidence again and compare.",
}

app = App(
    name="python -m flows",
    help="From a folder of images to a served model. With no command: release the bundled sample.",
    help_epilogue="Exit codes: 0 done, 1 bug, 2 usage, 3 refused, 4 infrastructure failed, "
    "130 interrupted.",
    help_format="plaintext",
    version=lambda: _version(),
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)
for name, text in COMMANDS.items():
    app.command(f"flows.commands:{name}", name=name, help=text)


class UsageError(Exception):
    """The command was asked for something that cannot be meant; exit code 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answer its exit code, with a message where we know what went wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0].startswith("-") and words[0] not in ("--help", "-h", "--version")):
        words.insert(0, "release")
    try:
        return int(app(words, exit_on_error=False, print_error=False) or 0)
    except CycloptsError as error:
        print(f"usage: {_complaint(error)}", file=sys.stderr)
        command = words[0] + " " if words[0] in COMMANDS else ""
        print(f"see: python -m flows {command}--help", file=sys.stderr)
        return 2
    except UsageError as error:
        print(f"usage: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the next run continues where this one stopped", file=sys.stderr)
        return 130
    except Exception as error:
        from tasks.errors import Refused, Transient

        if isinstance(error, Refused):
            print(f"refused: {error}", file=sys.stderr)
            return 3
        if full := _disk_is_full():
            print(f"failed: {full}", file=sys.stderr)
            return 4
        if isinstance(error, (Transient, OSError)):
            print(f"failed: {error}", file=sys.stderr)
            return 4
        raise


def _version() -> str:
    import tomllib

    from tasks.state import CHECKOUT

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']} {project['version']}"


def _disk_is_full() -> str | None:
    """Libraries wrap a full disk in errors of their own: asked of the disk, not of the error."""
    from tasks.errors import Transient
    from tasks.state import home, told_if_full

    try:
        return told_if_full(home())
    except Transient as cannot_write:
        return str(cannot_write)


def _complaint(error: CycloptsError) -> str:
    from pydantic import ValidationError

    from model.config import faults

    cause = error.__cause__
    return faults(cause) if isinstance(cause, ValidationError) else str(error)
