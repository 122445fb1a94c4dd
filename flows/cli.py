"""
The command line. Nothing heavy is imported before a command needs it, so help answers at once.

Exit codes: 0 done · 1 bug · 2 usage · 3 refused by a gate · 4 infrastructure failed after retries ·
130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from model.config import TrainConfig
from tasks.rules import Rules

app = App(
    name="python -m flows",
    help="From a folder of images to a served model. With no command: release the bundled sample.",
    version_flags=[],
)
SAMPLE = "model/sample/fashion-mnist.parquet"
Name = Annotated[str | None, Parameter(name="--name")]
Flag = Annotated[bool, Parameter(negative="")]


@app.command
def release(
    *,
    data: Annotated[str, Parameter(name="--data")] = SAMPLE,
    name: Name = None,
    backend: str = "local",
    deploy: bool = True,
    force: Flag = False,
    port: int | None = None,
    quiet: Flag = False,
    rules: Annotated[Rules, Parameter(name="*")] = Rules(),  # noqa: B008 (frozen)
    config: Annotated[TrainConfig, Parameter(name="*")] = TrainConfig(),  # noqa: B008 (frozen)
) -> int:
    """
    Validate images, test the code, train, evaluate, register and serve: or refuse, and say why.

    Stages whose inputs did not change are skipped.

    Parameters
    ----------
    data
        Folder with a folder a class, Parquet file, IDX folder, or an fsspec URL of one.
    name
        Of model and endpoint; by default that of the data.
    backend
        Where to train, register and serve: local.
    deploy
        Serve the model when it is registered.
    force
        Run every stage again, changed or not.
    port
        Of the endpoint; by default the one it has, or the first free from 8000 on.
    quiet
        Print the result only.
    """
    from flows.commands import run_release

    return run_release(data, name, backend, config, rules, deploy, force, port, quiet)


@app.command
def rollback(*, name: Name = None, to: int | None = None, quiet: Flag = False) -> int:
    """
    Let an earlier version serve again, after the same proof as any other.

    Parameters
    ----------
    name
        Of model and endpoint; may be left out where there is one endpoint only.
    to
        Number of the version; by default the one that served before.
    quiet
        Print the result only.
    """
    from flows.commands import run_rollback

    return run_rollback(name, to, quiet)


@app.command
def status(*, repair: Flag = False) -> int:
    """
    Say what serves where, and the last releases.

    Parameters
    ----------
    repair
        Start an endpoint again whose service died, and end what a crash left behind.
    """
    from flows.status import run_status

    return run_status(repair)


@app.command
def stop(*, name: Name = None) -> int:
    """
    Stop the endpoint; its versions stay registered.

    Parameters
    ----------
    name
        Of the endpoint; all of them if left out.
    """
    from flows.status import run_stop

    return run_stop(name)


@app.command
def doctor() -> int:
    """Check this machine: versions, port, disk, state folder, Prefect API, MLflow database."""
    from flows.doctor import run_doctor

    return run_doctor()


@app.command
def verify(release: str | None = None, /) -> int:
    """
    Compute the digests of a release's evidence again and compare.

    Parameters
    ----------
    release
        Evidence file, or its name; by default the newest.
    """
    from flows.verify import run_verify

    return run_verify(release)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; answer its exit code, with a message where we know what went wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0].startswith("-") and words[0] not in ("--help", "-h")):
        words.insert(0, "release")
    try:
        return int(app(words, exit_on_error=False, print_error=True) or 0)
    except CycloptsError:
        return 2
    except KeyboardInterrupt:
        print("interrupted; the next run continues where this one stopped", file=sys.stderr)
        return 130
    except Exception as error:
        from tasks.errors import Refused, Transient

        if isinstance(error, Refused):
            print(f"refused: {error}", file=sys.stderr)
            return 3
        if isinstance(error, (Transient, OSError)):
            print(f"failed: {error}", file=sys.stderr)
            return 4
        raise
