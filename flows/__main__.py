"""``python -m flows``: the command line."""

from __future__ import annotations

from flows.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
