"""Every setting: what it is, what holds if it is left out, where to find it; from the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic_settings import BaseSettings

from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.settings import AzureSettings

NEEDED, NONE = "needed", "none"


@dataclass(frozen=True)
class Setting:
    """A variable of the environment: what it is, what holds if it is left out, where to find it."""

    name: str
    meaning: str
    otherwise: str = ""
    found_by: str = ""


@dataclass(frozen=True)
class Group:
    """Settings that are needed together."""

    heading: str
    text: str
    settings: tuple[Setting, ...]


EVERYWHERE = (
    Setting("MLOPS_HOME", "the state folder", ".mlops in the checkout"),
    Setting(
        "PREFECT_API_URL", "the Prefect server", "each command runs one of its own",
        "`make ui` prints it",
    ),
    Setting("PREFECT_API_KEY", "key of Prefect Cloud", NONE, "Prefect Cloud > API Keys"),
)  # fmt: skip
SET_UP = (
    Setting("MLOPS_DATA", "the images that dev and prod learn from: az://container/path", NONE),
    Setting(
        "MLOPS_WORKER_IMAGE", "image of the runs of the pool mlops-azure, by digest", NONE,
        "az acr manifest list-metadata",
    ),
    Setting(
        "MLOPS_WORKER_IDENTITY", "id of a user-assigned identity: who the flows are there", NONE,
        "az identity list --query '[].id'",
    ),
    Setting("MLOPS_NOTIFY", "block that tells people, such as slack-webhook/team",
            "the variable mlops_notify of Prefect", "prefect block ls"),
)  # fmt: skip
WHO = (
    Setting(
        "AZURE_TENANT_ID", "directory of the service principal", "",
        "az account show --query tenantId",
    ),
    Setting(
        "AZURE_CLIENT_ID", "the service principal, or a managed identity", "",
        "az ad sp list --display-name NAME",
    ),
    Setting(
        "AZURE_CLIENT_SECRET", "its secret, where there is nothing better", "",
        "az ad sp create-for-rbac",
    ),
)  # fmt: skip


def groups() -> tuple[Group, ...]:
    """All settings, in the order in which a newcomer meets them."""
    return (
        Group("Everywhere", "None is needed on a laptop. `.env` does not reach `MLOPS_HOME`: "
              "[export it](../bash-environment-variables.md).", EVERYWHERE),
        Group("Setting up Prefect", "For `python -m flows setup` ([what it "
              "does](../operating.md#setup)), which reads them from the environment alone: "
              "[export them](../bash-environment-variables.md).", SET_UP),
        Group("Azure", "For `--backend azure`: [releases to Azure](../azure.md).",
              _of(AzureSettings)),
        Group("Serving in Azure", "Asked for once `AZURE_CONTAINER_REGISTRY` is set.",
              _of(ServingSettings)),
        Group("Who you are, in Azure", "None is needed after `az login`, on a machine with a "
              "managed identity, or in a pipeline with workload identity. They are read from the "
              "environment alone: [export them](../bash-environment-variables.md).", WHO),
    )  # fmt: skip


def _of(kind: type[BaseSettings]) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            str(field.validation_alias), str(field.title or field.description),
            NEEDED if field.is_required() else _value(field.default), str(field.description or ""),
        )
        for field in kind.model_fields.values()
    )  # fmt: skip


def _value(default: Any) -> str:
    if default is None:
        return NONE
    if isinstance(default, tuple):
        return ",".join(_value(each) for each in default)
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
