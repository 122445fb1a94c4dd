"""Where control sockets lie: a Unix socket's path may have some 100 bytes, a state folder more."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def control_path(folder: Path) -> Path:
    """A short path for the control socket of the service in ``folder``, private to this user."""
    room = Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}"
    room.mkdir(mode=0o700, exist_ok=True)
    if room.stat().st_uid != os.getuid():
        raise PermissionError(f"{room} belongs to another user; set TMPDIR to a folder of yours")
    return room / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}.sock"
