"""What a container group shall be: one container that serves one version."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tasks.backends.azure.containers.groups import CONTAINER, PORT
from tasks.backends.azure.containers.images import Image
from tasks.backends.azure.containers.settings import ServingSettings
from tasks.backends.azure.names import slug
from tasks.digests import digest_of
from tasks.records import ModelVersion

if TYPE_CHECKING:
    from azure.mgmt.containerinstance.models import ContainerGroup, ContainerProbe
    from pydantic import SecretStr

COLOURS = ("blue", "green")
KEYS = "/run/secrets"  # where the image looks for them
CAPTURED = "/captured"  # the only folder into which a service can write
ENDPOINT, VERSION, MODEL, SPEC = "mlops-endpoint", "mlops-version", "mlops-model", "mlops-spec"
EVIDENCE = "mlops-evidence"
FRONT_DOOR_MARK = "X-Azure-FDID"  # Front Door adds it, with its own id, and lets no other pass


def group_name(endpoint: str, colour: str) -> str:
    """Of one of the two groups of an endpoint."""
    return f"{slug(endpoint)}-{colour}"


def spec_digest(version: ModelVersion, image: Image, serving: ServingSettings) -> str:
    """Of all that decides what a group is; the keys count, and cannot be read out of it."""
    keys = digest_of([key.get_secret_value() for key in _secrets(serving)])
    return digest_of((
        version.name, version.number, image.digest, serving.cpu, serving.memory_gb,
        serving.region, serving.identity, serving.logs_workspace, serving.front_door_id, keys,
        serving.capture_key and serving.capture_share,
    ))[:32]  # fmt: skip


def group_of(
    version: ModelVersion, image: Image, serving: ServingSettings, colour: str, place: str
) -> ContainerGroup:
    """
    The group as Azure shall make it.

    Args:
        place: distinguishes our addresses from those of others in the region.
    """
    from azure.mgmt.containerinstance import models

    files = {"keys": "\n".join(key.get_secret_value() for key in serving.keys)}
    if serving.capture_key:
        files["readers"] = serving.capture_key.get_secret_value()
    server = image.reference.partition("/")[0]
    name = group_name(version.name, colour)
    logs = serving.logs_workspace and serving.logs_key and models.LogAnalytics(
        workspace_id=serving.logs_workspace, workspace_key=serving.logs_key.get_secret_value()
    )  # fmt: skip
    return models.ContainerGroup(
        location=serving.region,
        tags={
            ENDPOINT: version.name, VERSION: str(version.number), MODEL: version.digest,
            SPEC: spec_digest(version, image, serving),
            EVIDENCE: version.tags.get("verdict_key", ""),
        },
        os_type="Linux",
        sku="Standard",
        restart_policy="Always",
        identity=models.ContainerGroupIdentity(
            type="UserAssigned",
            user_assigned_identities={serving.identity: models.UserAssignedIdentities()},
        ),
        image_registry_credentials=[
            models.ImageRegistryCredential(server=server, identity=serving.identity)
        ],
        ip_address=models.IpAddress(
            type="Public", ports=[models.Port(protocol="TCP", port=PORT)],
            dns_name_label=f"{name}-{digest_of(place)[:8]}",
        ),
        volumes=[
            models.Volume(
                name="keys",
                secret={name: base64.b64encode(text.encode()).decode("ascii")
                        for name, text in files.items()},
            ),
            *([models.Volume(name="captured", empty_dir={})] if serving.capture_key else []),
        ],
        diagnostics=models.ContainerGroupDiagnostics(log_analytics=logs) if logs else None,
        containers=[
            models.Container(
                name=CONTAINER,
                image=image.reference,
                command=[
                    "python3", "-m", "model.serve", "--model", "/service/served",
                    "--host", "0.0.0.0", "--port", str(PORT),  # noqa: S104 (inside its group)
                    "--name", version.name, "--version", str(version.number),
                    "--keys-file", f"{KEYS}/keys", *_only_through(serving), *_captures(serving),
                ],
                ports=[models.ContainerPort(protocol="TCP", port=PORT)],
                resources=models.ResourceRequirements(
                    requests=models.ResourceRequests(
                        cpu=serving.cpu, memory_in_gb=serving.memory_gb
                    )
                ),
                volume_mounts=[
                    models.VolumeMount(name="keys", mount_path=KEYS, read_only=True),
                    *([models.VolumeMount(name="captured", mount_path=CAPTURED)]
                      if serving.capture_key else []),
                ],
                liveness_probe=_probe("/healthz", failures=3),
                readiness_probe=_probe("/readyz", failures=1),
            )
        ],
    )  # fmt: skip


def opening(serving: ServingSettings) -> dict[str, str]:
    """Headers with which a group lets us in, also past Front Door."""
    key = {"Authorization": f"Bearer {serving.keys[0].get_secret_value()}"}
    return key | ({FRONT_DOOR_MARK: serving.front_door_id} if serving.front_door_id else {})


def reading(serving: ServingSettings) -> dict[str, str]:
    """Headers with which a group shows what it captured, also past Front Door."""
    key = serving.capture_key.get_secret_value() if serving.capture_key else ""
    return {**opening(serving), "Authorization": f"Bearer {key}"}


def _secrets(serving: ServingSettings) -> list[SecretStr]:
    others = (serving.capture_key, serving.logs_key)
    return [*serving.keys, *(each for each in others if each)]


def _captures(serving: ServingSettings) -> tuple[str, ...]:
    if not serving.capture_key:
        return ()
    return ("--capture", CAPTURED, "--capture-share", f"{serving.capture_share:g}",
            "--capture-keys-file", f"{KEYS}/readers")  # fmt: skip


def _only_through(serving: ServingSettings) -> tuple[str, ...]:
    if not serving.front_door_id:
        return ()
    return "--only-with", f"{FRONT_DOOR_MARK}: {serving.front_door_id}"


def _probe(path: str, *, failures: int) -> ContainerProbe:
    from azure.mgmt.containerinstance import models

    return models.ContainerProbe(
        http_get=models.ContainerHttpGet(path=path, port=PORT, scheme="http"),
        initial_delay_seconds=2, period_seconds=5, timeout_seconds=3, failure_threshold=failures,
        success_threshold=1,
    )  # fmt: skip
