"""
``python -m tests.cloud [COMMAND …]``: a shell, or one command, in which the azure backend works.

Nothing leaves this machine. The state stays in ``.mlops/cloud`` until ``--forget``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from tasks.state import CHECKOUT, home
from tests.cloud.stand_in import IMAGES, StandIn
from tests.infra.engine import lacking

SAMPLE = CHECKOUT / "model" / "sample" / "fashion-mnist.parquet"


def main() -> int:
    """Start the stand-in, run the command, end the stand-in; the command's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud", description=__doc__)
    parser.add_argument("--forget", action="store_true", help="begin with an empty cloud")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="[a shell]")
    given = parser.parse_args()
    folder = home() / "cloud"
    if given.forget:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
    with StandIn(folder) as cloud:
        cloud.put(IMAGES, SAMPLE.name, SAMPLE.read_bytes())
        serving = _serving(cloud)
        words = given.command or [os.environ.get("SHELL", "/bin/sh")]
        if not given.command:
            more = ", a registry, container groups and Front Door" if serving else ""
            print(f"A cloud on this machine: storage account {cloud.storage.account} with the "
                  f"container {IMAGES}, an Azure ML workspace, a Databricks workspace{more}.\n"
                  f"Try: python -m flows release --backend azure --data az://{IMAGES}/{SAMPLE.name}\n"
                  "It ends with this shell.")  # fmt: skip
        environment = {**os.environ, **cloud.environment, **serving}
        return subprocess.run(words, env=environment, check=False).returncode


def _serving(cloud: StandIn) -> dict[str, str]:
    """Settings with which releases deploy as well, where containers can run."""
    if why := lacking():
        print(f"Releases will register, and deploy nothing: {why}", file=sys.stderr)
        return {}
    print("making what containers stand on (a minute, once)", file=sys.stderr)
    return cloud.serving()


if __name__ == "__main__":
    sys.exit(main())
