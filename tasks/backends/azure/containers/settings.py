"""How versions serve in Azure: settings of their own, needed where ``deploy`` is."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from tasks.backends.azure.environment import FromHere, matching, read

SHORTEST_KEY = 16  # signs; a key that can be guessed is none
MOST_CPU, MOST_GB = 4.0, 16.0  # of one group, in most regions


def _parted(value: object) -> object:
    return tuple(e.strip() for e in value.split(",") if e.strip()) if isinstance(value, str) else (
        value
    )  # fmt: skip


def _long(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not keys or any(len(key.get_secret_value()) < SHORTEST_KEY for key in keys):
        raise ValueError(f"each key needs {SHORTEST_KEY} signs or more")
    return keys


def _long_one(key: SecretStr) -> SecretStr:
    return _long((key,))[0]


def _rising(shares: tuple[float, ...]) -> tuple[float, ...]:
    if list(shares) != sorted(set(shares)) or not all(0 < share < 100 for share in shares):
        raise ValueError("take rising percentages between 0 and 100, such as 10,50")
    return shares


class ServingSettings(FromHere):
    """The only secrets among them are the keys of those who ask, and of the monitor."""

    registry: Annotated[str, matching(r"[a-zA-Z0-9]{5,50}", "acrmlops")] = Field(
        validation_alias="AZURE_CONTAINER_REGISTRY",
        title="registry of images; without it versions are registered only",
        description="az acr list --query '[].name'",
    )
    registry_group: str | None = Field(
        None,
        validation_alias="MLOPS_REGISTRY_GROUP",
        title="resource group of the registry, if it is another one than the groups'",
        description="az acr list --query '[].resourceGroup'",
    )
    base: Annotated[
        str, matching(r"\S+@sha256:[0-9a-f]{64}", "python:3.12-slim-bookworm@sha256:<64 signs>")
    ] = Field(
        validation_alias="MLOPS_BASE_IMAGE",
        title="a slim image with Python 3.11 to 3.13, by digest: what the service stands on",
        description="docker buildx imagetools inspect python:3.12-slim-bookworm",
    )
    region: Annotated[str, matching(r"[a-z0-9]+", "westeurope")] = Field(
        validation_alias="AZURE_LOCATION",
        title="region of the container groups",
        description="az account list-locations --query '[].name'",
    )
    identity: Annotated[
        str,
        matching(
            r"/subscriptions/[^/]+/resource[gG]roups/[^/]+/providers/Microsoft\.ManagedIdentity"
            r"/userAssignedIdentities/[^/]+",
            "/subscriptions/…/userAssignedIdentities/id-mlops",
        ),
    ] = Field(
        validation_alias="MLOPS_ENDPOINT_IDENTITY",
        title="id of a user-assigned identity that may pull from the registry",
        description="az identity list --query '[].id'",
    )
    keys: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(_parted), AfterValidator(_long)
    ] = Field(
        validation_alias="MLOPS_ENDPOINT_KEYS",
        title="what those who ask must show, any of them; several with commas",
        description="python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    )
    cpu: float = Field(
        1.0,
        gt=0,
        le=MOST_CPU,
        validation_alias="MLOPS_ENDPOINT_CPU",
        title="cores of a group",
        description=f"up to {MOST_CPU:g}",
    )
    memory_gb: float = Field(
        1.0,
        ge=0.5,
        le=MOST_GB,
        validation_alias="MLOPS_ENDPOINT_MEMORY_GB",
        title="memory of a group, GB",
        description=f"0.5 to {MOST_GB:g}",
    )
    latency_s: float = Field(
        0.5,
        gt=0,
        validation_alias="MLOPS_ENDPOINT_LATENCY_S",
        title="seconds within which half of the answers must come",
        description="a version that is slower is taken back",
    )
    bake_s: float = Field(
        60.0,
        ge=0,
        validation_alias="MLOPS_BAKE_S",
        title="seconds that each share of the traffic is watched",
        description="0 watches nothing",
    )
    spread_s: float = Field(
        1200.0,
        ge=0,
        validation_alias="MLOPS_SPREAD_S",
        title="seconds that Front Door may take to change everywhere",
        description="so long the former group runs on; then the next command, or sweep, stops it",
    )
    canary: Annotated[
        tuple[float, ...], NoDecode, BeforeValidator(_parted), AfterValidator(_rising)
    ] = Field(
        (10.0, 50.0),
        validation_alias="MLOPS_CANARY",
        title="percentages of the traffic that a new version gets first",
        description="rising, with commas, such as 10,50; then all of it",
    )
    capture_key: Annotated[SecretStr, AfterValidator(_long_one)] | None = Field(
        None,
        validation_alias="MLOPS_CAPTURE_KEY",
        title="by which the monitor fetches the traffic that the service kept; without it none is",
        description="python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    )
    capture_share: float = Field(
        0.1,
        gt=0,
        le=1,
        validation_alias="MLOPS_CAPTURE_SHARE",
        title="share of the images whose answers are kept for the monitor",
        description="above 0, up to 1",
    )
    front_door: str | None = Field(
        None,
        validation_alias="AZURE_FRONT_DOOR_PROFILE",
        title="Standard or Premium profile: gives each model one address for good",
        description="az afd profile list; without it the address changes with each version",
    )
    front_door_id: (
        Annotated[
            str,
            matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "the frontDoorId of a profile"),
        ]
        | None
    ) = Field(
        None,
        validation_alias="AZURE_FRONT_DOOR_ID",
        title="its frontDoorId: the groups then answer only what comes through it",
        description="az afd profile show --query frontDoorId",
    )
    logs_workspace: str | None = Field(
        None,
        validation_alias="AZURE_LOG_ANALYTICS_WORKSPACE_ID",
        title="where the containers' logs go as well",
        description="az monitor log-analytics workspace list --query '[].customerId'",
    )
    logs_key: SecretStr | None = Field(
        None,
        validation_alias="AZURE_LOG_ANALYTICS_KEY",
        title="key of that workspace",
        description="az monitor log-analytics workspace get-shared-keys",
    )


def read_serving(environment: str = "") -> ServingSettings | None:
    """
    The settings; ``None`` where no registry is named: versions are then registered only.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: some are missing or cannot be; every one is named, with where to find it.
    """
    asked = read(_Asked, environment)
    return read(ServingSettings, environment) if asked.registry else None


class _Asked(FromHere):
    registry: str | None = Field(
        None, validation_alias="AZURE_CONTAINER_REGISTRY", description="its name"
    )
