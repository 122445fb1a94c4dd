"""How the processes of a team find each other."""

from __future__ import annotations

import socket


def free_port(host: str) -> int:
    """A port on which nobody listens now; whoever is quicker may still take it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host.strip("[]"), 0))
        return int(found.getsockname()[1])


def neighbours(cluster: list[str], worker: int) -> tuple[int, int]:
    """
    Which of the workers on its machine a worker is, and how many these are.

    >>> neighbours(["10.0.0.1:5", "10.0.0.2:5", "10.0.0.1:6"], 2)
    (1, 2)
    """
    hosts = [each.rpartition(":")[0] for each in cluster]
    same = [at for at, host in enumerate(hosts) if host == hosts[worker]]
    return same.index(worker), len(same)
