"""doctor: is this machine fit for it? Each finding with its cure."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from rich.text import Text

from flows import terminal
from flows.running import require_backend
from tasks import backends
from tasks.errors import Refused, Transient
from tasks.findings import Finding

LEAST_FREE_BYTES = 2_000_000_000
PYTHONS = ((3, 11), (3, 13))
CHECKOUT = Path(__file__).resolve().parent.parent


def run_doctor(backend: str = "local") -> int:
    """Print every finding; exit code 4 if one is not well."""
    require_backend(backend)
    console = terminal.console()
    console.print("looking (the Prefect API and MLflow take some seconds) …")
    findings = [check() for check in CHECKS]
    name, environment = backends.parted(backend)
    if name == "azure":
        findings += _cloud(environment)
    for finding in findings:
        mark = ("well", "green") if finding.is_well else ("ILL ", "red")
        console.print(Text.assemble(mark, f"  {finding.name:<16} {finding.found}"))
        if not finding.is_well:
            console.print(f"      cure: {finding.cure}")
    return 0 if all(finding.is_well for finding in findings) else 4


def _python() -> Finding:
    here = sys.version_info[:2]
    return Finding(
        "Python", PYTHONS[0] <= here <= PYTHONS[1], sys.version.split()[0],
        "make .venv with Python 3.11, 3.12 or 3.13: make clean, then make PYTHON=python3.12 run",
    )  # fmt: skip


def _packages() -> Finding:
    """Are the installed versions those of the lock file?"""
    wrong, count = [], 0
    for line in (CHECKOUT / "infra/requirements/app.txt").read_text(encoding="utf-8").splitlines():
        if "==" not in line or line.startswith((" ", "#")):
            continue
        name, _, rest = line.partition("==")
        version, _, marker = rest.rstrip(" \\").partition(" ; ")
        if marker and not _applies(marker):
            continue
        count += 1
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version.strip():
            wrong.append(f"{name} {installed} (locked: {version.strip()})")
    found = ", ".join(wrong[:5]) if wrong else f"{count} as locked"
    return Finding("packages", not wrong, found, "make clean, then make run")


def _applies(marker: str) -> bool:
    from packaging.markers import Marker

    return Marker(marker).evaluate()


def _disk() -> Finding:
    from tasks.state import home

    free = shutil.disk_usage(home()).free
    return Finding(
        "disk", free > LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB free",
        f"free {LEAST_FREE_BYTES / 1e9:g} GB, or set MLOPS_HOME to a folder on another disk",
    )  # fmt: skip


def _state() -> Finding:
    from tasks.state import home

    try:
        return Finding("state folder", True, f"{home()} is writable")
    except Transient as error:
        return Finding("state folder", False, "not writable", str(error))


def _port() -> Finding:
    from tasks.backends.local.addresses import FIRST_PORT
    from tasks.backends.local.processes import who_holds

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", FIRST_PORT))
        except OSError:
            found = f"{FIRST_PORT}: held by {who_holds(FIRST_PORT)}"
            return Finding("port", True, f"{found}; a new endpoint takes the next free one")
    return Finding("port", True, f"{FIRST_PORT} is free")


def _spark() -> Finding:
    from model.spark_here import lacking

    why = lacking()
    if why.startswith("PySpark"):  # most people do without
        return Finding("Spark", True, f"{why}, if you want --workers 2 or --engine spark")
    return Finding("Spark", not why, "not complete" if why else "PySpark and Java are here", why)


def _prefect() -> Finding:
    import httpx

    from flows.server import prefect_api
    from tasks.state import home

    try:
        with prefect_api(home()) as url:
            version = httpx.get(f"{url}/admin/version", timeout=10, trust_env=False).json()
            return Finding("Prefect API", True, f"{url} answers (version {version})")
    except (Transient, httpx.HTTPError, OSError, ValueError) as error:
        cure = "start a server (make ui), or unset PREFECT_API_URL for an embedded one"
        return Finding("Prefect API", False, str(error), cure)


def _mlflow() -> Finding:
    from tasks.backends.local.registry import MlflowRegistry
    from tasks.state import home

    registry = MlflowRegistry(home())
    try:
        models = registry.names()
    except Transient as error:
        return Finding("MLflow database", False, "cannot be opened", str(error))
    return Finding("MLflow database", True, f"{registry.uri}: {len(models)} models")


def _cloud(environment: str) -> list[Finding]:
    try:
        return backends.examine(environment)
    except Refused as error:
        return [Finding("settings", False, "not complete", str(error))]


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python, _packages, _state, _disk, _port, _spark, _mlflow, _prefect,
)  # fmt: skip
