"""A deployment, made: each resource in its turn, those inside of it as well, then the outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cloud.deployments.estate import Estate
from tests.cloud.deployments.expressions import Wrong
from tests.cloud.deployments.places import Place
from tests.cloud.deployments.template import DEPLOYMENTS, Template, Wanted

LOGS = "Microsoft.OperationalInsights/workspaces"
HIDDEN = {"securestring", "secureobject"}
May = Callable[[str, str], bool]  # an action, and on what


def _anything(*_: str) -> bool:
    return True


class Runs:
    """Deployments into an estate."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.keys: dict[str, str] = {}  # what listKeys gave, by id

    def run(
        self, name: str, place: Place, properties: dict[str, Any], may: May = _anything
    ) -> dict[str, Any]:
        """
        Make all that a template wants.

        Args:
            properties: of the deployment: ``template``, ``parameters``, ``mode``.
            may: may whoever deploys do that, there?

        Returns:
            The properties as they are told afterwards; no secure parameter is among them.

        Raises:
            Wrong: something was refused; what was made before stays.
        """
        if properties.get("mode") != "Incremental":
            raise Wrong("InvalidTemplate", f"the mode {properties.get('mode')!r} is unknown here")
        here: dict[str, str] = {}  # name → id, of what this template makes
        given = self._given(properties.get("parameters") or {})
        document = properties["template"]
        template = Template(
            document, given, place, lambda asked, words: self._asked(here, asked, *words)
        )
        here |= {each.id.rpartition("/")[2]: each.id for each in template.resources}
        for each in template.ordered():
            if not may(f"{each.kind}/write", each.id):
                raise Wrong("AuthorizationFailed", "the client does not have authorization to "
                            f"perform action '{each.kind}/write' over scope '{each.id}'"
                            )  # fmt: skip
            self._make(template, each, may)
        told = {
            key: {"type": document["parameters"][key]["type"], **value}
            for key, value in given.items()
            if document["parameters"][key]["type"].lower() not in HIDDEN
        }
        whole = {"provisioningState": "Succeeded", "mode": "Incremental", "parameters": told,
                 "outputs": template.outputs()}  # fmt: skip
        self._estate.put(place.id_of(DEPLOYMENTS, [name]), {"properties": whole})
        return whole

    def _make(self, template: Template, wanted: Wanted, may: May) -> None:
        body = template.body_of(wanted)
        if wanted.kind != DEPLOYMENTS:
            self._estate.make(wanted.id, wanted.version, body, wanted.scope)
            return
        options = body["properties"].get("expressionEvaluationOptions", {})
        if options.get("scope") != "inner":
            raise Wrong("InvalidTemplate", "a deployment inside is worked out inside, here")
        group = wanted.id.split("/")[4]
        if group.lower() not in self._estate.places:
            raise Wrong("ResourceGroupNotFound", f"resource group '{group}' could not be found")
        place = self._estate.places[group.lower()]
        self.run(wanted.id.rpartition("/")[2], place, body["properties"], may)

    def _given(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Values; those that a vault holds are taken from there."""
        return {
            name: {"value": self._secret(each["reference"])} if "reference" in each else each
            for name, each in parameters.items()
        }

    def _secret(self, reference: dict[str, Any]) -> str:
        vault = self._estate.require(reference["keyVault"]["id"])
        if not vault["properties"].get("enabledForTemplateDeployment"):
            raise Wrong("KeyVaultParameterReferenceAuthorizationFailed", f"the vault "
                        f"'{vault['name']}' is not enabled for template deployments")  # fmt: skip
        found = self._estate.secrets.get((vault["id"].lower(), reference["secretName"]))
        if found is None:
            raise Wrong("KeyVaultParameterReferenceSecretRetrieveFailed", f"the secret "
                        f"'{reference['secretName']}' of vault '{vault['name']}' was not found"
                        )  # fmt: skip
        return found

    def _asked(self, here: dict[str, str], asked: str, name: str, version: str = "") -> Any:
        """``reference`` and ``listKeys``: of what is there, never of what is still to come."""
        identifier = name if name.startswith("/") else here.get(name, name)
        found = self._estate.require(identifier)
        if identifier == name and not version:
            raise Wrong("InvalidTemplate", f"an API version is needed to ask for '{name}'")
        if asked == "reference":
            return found["properties"]
        if found["type"] != LOGS:
            raise Wrong("InvalidTemplate", f"listKeys of '{found['type']}' is unknown here")
        return {"primarySharedKey": self.keys.setdefault(found["id"], f"key-of-{found['name']}")}
