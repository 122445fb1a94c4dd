"""verify: compute the digests of a release's evidence again."""

from __future__ import annotations

from pathlib import Path

import httpx
from rich.text import Text

from flows import terminal
from flows.kept import newest_first, read_evidence
from model.folder import BadModelFolder, ModelFolder
from model.images import BadDataset, open_images, open_unlabelled
from tasks.backends.local.registry import MlflowRegistry
from tasks.digests import digest_of_file
from tasks.errors import Refused, Transient
from tasks.state import home


def run_verify(release: str | None, name: str | None = None) -> int:
    """Print each digest as it is now beside what it was; refuse if one differs, or none is."""
    console = terminal.console()
    file = _named(release) if release else _newest(name)
    evidence = read_evidence(file)
    if evidence is None:
        raise Refused(f"{file} is no evidence of a release")
    console.print(
        f"{file.name}: {evidence.kind}, {evidence.outcome} at {evidence.ended.isoformat()}",
    )
    if not evidence.digests:
        raise Refused(f"{file.name} has no digests: it ended before there was a thing to check")
    wrong = [what for what, digest in evidence.digests.items() if not _same(what, digest)]
    if wrong:
        raise Refused(f"{len(wrong)} digests differ from the evidence: {', '.join(wrong)}")
    return 0


def _same(what: str, digest: str) -> bool:
    """Say whether the digest of ``what`` is now as it was."""
    now = _digest(what)
    is_same = now == digest
    # A reason is told in full: it names what is to mend. Of a digest the beginning is enough.
    shown = now if now.startswith("(") else now[:12]
    was = "" if is_same else f", was {digest[:12]}"
    mark = ("same   ", "green") if is_same else ("DIFFERS", "red")
    terminal.console().print(Text.assemble("  ", mark, f" {what} {shown}{was}"), soft_wrap=True)
    return is_same


def _newest(name: str | None) -> Path:
    """The newest evidence that has digests; a release refused at once has none."""
    for file, evidence in newest_first(home()):
        if evidence.digests and name in (None, evidence.version[0]):
            return file
    which = f"of a version of {name}" if name else "with digests"
    folder = home() / "evidence"
    raise Refused(f"there is no evidence {which} in {folder}; `python -m flows` makes some")


def _named(release: str) -> Path:
    folder = home() / "evidence"
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
        if kind == "images":
            return open_unlabelled(name).digest()
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
            return _served(name)
        return digest_of_file(Path(what))
    except (
        BadDataset, BadModelFolder, Refused, Transient, OSError, httpx.HTTPError, httpx.InvalidURL,
    ) as error:  # fmt: skip
        return f"(none: {error})"


def _served(url: str) -> str:
    """The digest that the endpoint names; refused where another program answers."""
    try:
        said = httpx.get(f"{url}/version", timeout=5, trust_env=False).json()
        return str(said["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"what answers at {url} is no endpoint of ours") from error
