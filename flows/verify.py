"""verify: compute the digests of a release's evidence again."""

from __future__ import annotations

from pathlib import Path

import httpx

from flows import terminal
from model.folder import BadModelFolder, ModelFolder
from model.images import BadDataset, open_images
from tasks.backends.local.registry import MlflowRegistry
from tasks.backends.local.state import home, read_json
from tasks.digests import digest_of_file
from tasks.errors import Refused


def run_verify(release: str | None) -> int:
    """Print each digest as it is now beside what it was; refuse if one differs."""
    console = terminal.console()
    file = _file(release)
    evidence = read_json(file)
    if evidence is None:
        raise Refused(f"{file} is no evidence of a release")
    console.print(f"{file.name}: {evidence['kind']}, {evidence['outcome']} at {evidence['ended']}")
    wrong = []
    for what, digest in evidence["digests"].items():
        now = _digest(what)
        is_same = now == digest
        console.print(
            f"  {'[green]same   [/]' if is_same else '[red]DIFFERS[/]'} {what} {now[:12]}"
        )
        if not is_same:
            wrong.append(what)
    if wrong:
        raise Refused(f"{len(wrong)} digests differ from the evidence: {', '.join(wrong)}")
    return 0


def _file(release: str | None) -> Path:
    folder = home() / "evidence"
    if release is None:
        newest = sorted(folder.glob("*.json"))
        if not newest:
            raise Refused(f"there is no evidence in {folder}; `python -m flows` makes some")
        return newest[-1]
    for path in (Path(release), folder / release, folder / f"{release}.json"):
        if path.is_file():
            return path
    raise Refused(f"no evidence {release!r}; look into {folder}")


def _digest(what: str) -> str:
    """The digest of a thing named in the evidence, as it is now; or why there is none."""
    kind, _, name = what.partition(":")
    try:
        if kind == "dataset":
            return open_images(name).digest()
        if kind == "model":
            folder = ModelFolder.read(name)
            folder.verify()
            return folder.digest
        if kind == "version":
            model, _, number = name.rpartition("/")
            version = MlflowRegistry(home()).version(model, int(number))
            ModelFolder.read(version.folder).verify()
            return version.digest
        if kind == "endpoint":
            said = httpx.get(f"{name}/version", timeout=5, trust_env=False).json()
            return str(said["digest"])
        return digest_of_file(Path(what))
    except (BadDataset, BadModelFolder, Refused, OSError, httpx.HTTPError) as error:
        return f"(none: {error})"
