"""
Images in Azure Container Registry: built once for the same inputs, deployed by digest.

A build is a ``taskRuns`` resource whose name is the digest of image and inputs. It is made by a
PUT: sent twice, or by two releases, it is one build. ``scheduleRun``, a POST that azure-core sends
again after a 503, would build twice (docs/adr/0009).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.backends.azure.containers.builds import Builds
from tasks.backends.azure.failures import told
from tasks.backends.azure.names import slug
from tasks.digests import digest_of, digest_of_file
from tasks.errors import Refused, Transient
from tasks.ports import Watch
from tasks.records import ModelVersion
from tasks.source import ROOT, commit_time, read_code, serving_code

if TYPE_CHECKING:
    from azure.containerregistry import ContainerRegistryClient

DOCKERFILE = ROOT / "infra" / "Dockerfile"
CONTEXT = ROOT / "infra" / "build-context"
PLATFORM = "linux/amd64"
PINNED = "image_digest"  # tag of a version that was promoted: this very image, never another


@dataclass(frozen=True)
class Image:
    """
    An image that the registry holds.

    Attributes:
        reference: by digest, as a container group asks for it.
    """

    reference: str
    digest: str


class Images:
    """
    Args:
        held: makes what tells of the registry, anew for each look: its SDK keeps a token for hours
            and does not renew it once it has ended.
        server: its host name.
        base: the image below, by digest.
    """

    def __init__(
        self, builds: Builds, held: Callable[[], ContainerRegistryClient], server: str, base: str
    ) -> None:
        self._builds, self._held, self._server, self._base = builds, held, server, base

    def known(self, version: ModelVersion) -> Image | None:
        """The image of that version: the one it was promoted with, or that of today's code."""
        from azure.core.exceptions import ResourceNotFoundError

        name, tag = self.name(version)
        pinned = version.tags.get(PINNED)
        with told(f"looking for {self._server}/{name}:{pinned or tag}"), self._held() as held:
            try:
                digest = str(
                    held.get_manifest_properties(name, pinned).digest if pinned
                    else held.get_tag_properties(name, tag).digest
                )  # fmt: skip
            except ResourceNotFoundError:
                return None
        return Image(f"{self._server}/{name}@{digest}", digest)

    def ensure(self, version: ModelVersion, watch: Watch) -> Image:
        """
        The image of that version; built if need be, once for all who ask.

        Raises:
            Transient: the registry could not build now.
            Refused: it may not, or what the build itself says of its base.
        """
        if found := self.known(version):
            return found
        name, tag = self.name(version)
        if pinned := version.tags.get(PINNED):
            registry = self._server.partition(".")[0]
            raise Refused(
                f"{self._server} does not hold {name}@{pinned}, which version {version.number} was "
                f"promoted with; bring it: az acr import --name {registry} --source "
                f"<the other registry>.azurecr.io/{name}@{pinned} --image {name}:{tag}"
            )
        self._builds.run(
            self.build_name(version),
            lambda folder: self._request(version, folder),
            watch,
            is_there=lambda: self.known(version) is not None,
        )
        built = self.known(version)
        if built is None:
            raise Transient(f"{self._server}/{name}:{tag} was built, yet is not there")
        watch(f"image {built.reference}")
        return built

    def name(self, version: ModelVersion) -> tuple[str, str]:
        """Repository, and a tag that is the digest of all that decides what is in the image."""
        recipe = (digest_of_file(DOCKERFILE), digest_of_file(CONTEXT))
        inputs = (version.digest, serving_code(), self._base, recipe)
        return f"mlops/{slug(version.name)}", digest_of(inputs)[:24]

    def build_name(self, version: ModelVersion) -> str:
        """Of the build of that image; in another repository it is another build."""
        return f"mlops-{digest_of(self.name(version))[:24]}"

    def _request(self, version: ModelVersion, place: Path) -> tuple[Path, dict[str, Any]]:
        """The archive of the context, and what to do with it."""
        name, tag = self.name(version)
        context = place / "context"
        python = _python_of(self._base)
        settings = {"PYTHON_VERSION": python, "PLATFORM": PLATFORM, "BIN": _programs()}
        done = subprocess.run(
            [CONTEXT, version.folder, context], env={**os.environ, **settings},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 3:
            raise Refused(done.stderr.strip())
        if done.returncode:
            raise RuntimeError(f"{CONTEXT.name} ended with {done.returncode}: {done.stderr}")
        archive = place / "context.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=3) as file:
            file.add(context, arcname=".", filter=_anonymous)
        code = read_code()
        revision = (code.commit or code.digest) + ("-dirty" if code.is_dirty else "")
        arguments = {
            "BASE": self._base, "BASE_DIGEST": self._base.rpartition("@")[2],
            "PYTHON_VERSION": python, "REVISION": revision, "CREATED": commit_time(),
            "MODEL_NAME": version.name, "MODEL_DIGEST": version.digest,
            "VERDICT": version.tags.get("verdict_key", ""),
        }  # fmt: skip
        return archive, {
            "type": "DockerBuildRequest", "imageNames": [f"{name}:{tag}"], "isPushEnabled": True,
            "dockerFilePath": "Dockerfile", "timeout": 1800,
            "platform": {"os": "Linux", "architecture": "amd64"},
            "arguments": [
                {"name": key, "value": value, "isSecret": False} for key, value in arguments.items()
            ],
        }  # fmt: skip


def _python_of(base: str) -> str:
    found = re.search(r"3\.1[1-3]", base)
    return found[0] if found else "3.11"


def _programs() -> str:
    """Folder of the Python that runs, and of uv beside it."""
    return str(Path(sys.executable).parent)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without times and owners: the same content is the same archive."""
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    return entry
