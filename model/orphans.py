"""No process is left behind by the one that started it, however that ends."""

from __future__ import annotations

import ctypes
import signal
import sys
from typing import Final

DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG


def die_with_parent() -> None:
    """
    Let the system kill this process when the thread that started it is no more, where it can.

    Beside a thread that watches, for that does not run while something waits with the interpreter's
    lock held. Linux alone has it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
