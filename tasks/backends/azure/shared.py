"""
A registry of Azure Machine Learning, which workspaces share: the champion is put there as well.

It keeps its number and its lineage, so ``azureml://registries/<registry>/models/<name>/versions/<n>``
is the same bytes as that version of the workspace, from every workspace that may read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tasks.backends.azure.failures import told
from tasks.errors import Refused
from tasks.records import ModelVersion

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

DIGEST = "model_digest"


class SharedRegistry:
    """
    Args:
        name: of the registry.
        client: for it; the SDK asks where the registry is when the client is made.
    """

    def __init__(self, name: str, client: Callable[[], MLClient]) -> None:
        self._name, self._client = name, client

    def look(self) -> str:
        """Is there such a registry, for whoever we are?"""
        with told(f"looking for registry {self._name}"):
            self._client()
        return f"registry {self._name}"

    def put(self, version: ModelVersion) -> None:
        """
        Put a version there, with its files; one that is there already is left as it is.

        Raises:
            Refused: the registry has other bytes under that name and number.
        """
        from azure.ai.ml.entities import Model

        where = f"registry {self._name}: {version.name} version {version.number}"
        with told(f"sharing by {where}"):
            models = self._client().models
            found = _found(models, version)
            if found is None:
                models.create_or_update(Model(
                    path=version.folder, name=version.name, version=str(version.number),
                    type="custom_model", tags=version.tags, properties={DIGEST: version.digest},
                    description=f"accuracy {version.tags.get('accuracy', 'unknown')}",
                ))  # fmt: skip
                return
        digest = (found.tags or {}).get(DIGEST, "none")
        if digest != version.digest:
            raise Refused(
                f"{where} is another model there (digest {digest[:12]}, not {version.digest[:12]}):"
                " another workspace shares under this name; release under another --name, or "
                "unset AZUREML_REGISTRY_NAME"
            )


def _found(models: Any, version: ModelVersion) -> Any:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return models.get(version.name, version=str(version.number))
    except ResourceNotFoundError:
        return None
