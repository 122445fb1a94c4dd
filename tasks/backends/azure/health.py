"""Is the cloud fit for it: identity, reach, rights, versions. Each finding with its cure."""

from __future__ import annotations

import re
from collections.abc import Callable

from tasks.backends.azure.clients import Clients
from tasks.backends.azure.compute import ENVIRONMENT, described
from tasks.backends.azure.containers.health import serving_checks
from tasks.backends.azure.containers.settings import read_serving
from tasks.backends.azure.failures import told
from tasks.backends.azure.identity import DATABRICKS, STORAGE
from tasks.backends.azure.volume import Volume
from tasks.errors import Refused, Transient
from tasks.findings import Finding

ROLES = "give the identity the roles that docs/azure.md lists"
SCOPES = {
    "Resource Manager": "https://management.azure.com/.default",
    "Blob Storage": STORAGE,
    "Databricks": DATABRICKS,
}
PROBE = "doctor.txt"
# https://docs.databricks.com/release-notes/runtime: the least runtime with a Python that is locked.
LEAST_RUNTIME, PYTHON = 15, "3.11"


def examine_cloud(environment: str = "") -> list[Finding]:
    """
    All findings.

    Args:
        environment: the name of one, if there are several.

    Raises:
        Refused: settings are missing or wrong.
    """
    at = Clients.open(environment)
    checks: tuple[tuple[str, Callable[[Clients], str], str], ...] = (
        ("identity", _identity, "az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and "
                                "AZURE_CLIENT_SECRET"),
        ("Blob Storage", _storage, ROLES),
        ("Azure ML", _registry, "look at AZUREML_WORKSPACE_NAME; " + ROLES),
        ("Databricks", _databricks, "look at DATABRICKS_HOST; add the identity to the workspace"),
        ("volume", _volume, "look at MLOPS_VOLUME; give READ VOLUME and WRITE VOLUME on it"),
        ("compute", _compute, "look at DATABRICKS_CLUSTER_ID, or MLOPS_NODE_TYPE and "
                              "MLOPS_RUNTIME"),
        ("runtime", _runtime, f"set MLOPS_RUNTIME to {LEAST_RUNTIME}.4 or later"),
    )  # fmt: skip
    if serving := read_serving(environment):
        checks += serving_checks(serving)
    if at.settings.tracking:
        checks += (("MLflow", _tracking, "look at MLFLOW_TRACKING_URI; " + ROLES),)
    if shared := at.shared:
        checks += (("sharing", lambda _: shared.look(), "look at AZUREML_REGISTRY_NAME; " + ROLES),)
    return [_found(name, at, look, cure) for name, look, cure in checks]


def _found(name: str, at: Clients, look: Callable[[Clients], str], cure: str) -> Finding:
    try:
        return Finding(name, True, look(at))
    except (Refused, Transient) as error:
        return Finding(name, False, str(error), cure)


def _identity(at: Clients) -> str:
    for service, scope in SCOPES.items():
        with told(f"a token for {service}"):
            at.identity.get_token(scope)
    return "tokens for " + ", ".join(SCOPES)


def _storage(at: Clients) -> str:
    where = f"{at.settings.storage_account}/{at.settings.container}"
    with told(f"writing to {where}"):
        blob = at.container.upload_blob(PROBE, b"written by doctor", overwrite=True)
        blob.delete_blob()
    return f"{where} is writable"


def _registry(at: Clients) -> str:
    with told(f"looking at workspace {at.settings.workspace}"):
        found = at.registry.workspaces.get(at.settings.workspace)
    return f"workspace {found.name} in {found.location}"


def _databricks(at: Clients) -> str:
    with told(f"asking {at.settings.databricks_host}"):
        return f"{at.settings.databricks_host} knows {at.databricks.current_user.me().user_name}"


def _volume(at: Clients) -> str:
    volume = Volume(at.databricks, at.settings.volume)
    volume.put(b"written by doctor", PROBE)
    with told(f"deleting {volume.path(PROBE)}"):
        at.databricks.files.delete(volume.path(PROBE))
    return f"{at.settings.volume} is writable"


def _tracking(at: Clients) -> str:
    host = at.settings.databricks_host
    with told(f"asking MLflow of {host}"):
        next(iter(at.databricks.experiments.search_experiments(max_results=1)), None)
    return f"{host} has MLflow"


def _compute(at: Clients) -> str:
    given = at.settings
    if given.serverless:
        return described(given)
    if given.cluster:
        with told(f"looking at cluster {given.cluster}"):
            found = at.databricks.clusters.get(given.cluster)
        return f"cluster {found.cluster_name or given.cluster}"
    with told("listing node types and runtimes"):
        nodes = at.databricks.clusters.list_node_types().node_types or []
        runtimes = at.databricks.clusters.spark_versions().versions or []
    if given.node_type not in (each.node_type_id for each in nodes):
        raise Refused(f"the workspace has no node type {given.node_type}")
    if given.runtime not in (each.key for each in runtimes):
        raise Refused(f"the workspace has no runtime {given.runtime}")
    return f"{given.node_type} with runtime {given.runtime}"


def _runtime(at: Clients) -> str:
    """TensorFlow and the rest are installed as they are locked, for the Pythons of the lock."""
    version = at.settings.runtime
    if at.settings.serverless:
        return f"environment {ENVIRONMENT} of serverless compute has Python 3.12"
    if at.settings.cluster:
        with told(f"looking at cluster {at.settings.cluster}"):
            version = at.databricks.clusters.get(at.settings.cluster).spark_version or version
    major = re.match(r"\d+", version)
    if not major or int(major[0]) < LEAST_RUNTIME:
        raise Refused(f"runtime {version} has a Python older than {PYTHON}, for which nothing is "
                      "locked")  # fmt: skip
    return f"{version} has a Python for which TensorFlow and the rest are locked"
