"""``python -m flows``: the command line."""

from __future__ import annotations

import signal

from flows.cli import main


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)  # as a cancelled job says it; like Ctrl-C
    raise SystemExit(main())
