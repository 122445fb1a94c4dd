"""A small service for container groups, with the SDKs of Azure to build it and to run it."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from azure.containerregistry import ContainerRegistryClient
from azure.identity import EnvironmentCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient, models
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.storage.blob import BlobClient

from tests.cloud.container_groups.permissions import IDENTITY
from tests.cloud.container_registry.task_runs import REGISTRY, SERVER
from tests.cloud.stand_in import StandIn
from tests.cloud.subscription.arm import GROUP, REGION, SUBSCRIPTION

SERVICE = """
import http.server, json, os, pathlib, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sick = False
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global sick
        if self.path == "/die":
            os._exit(3)
        sick = sick or self.path == "/sicken"
        secret = pathlib.Path("/run/secrets/keys")
        told = {"mark": os.environ.get("MARK"), "uid": os.getuid(),
                "secure": len(os.environ.get("TOKEN", "")),
                "file": len(secret.read_bytes()) if secret.exists() else 0}
        body = json.dumps(told).encode()
        self.send_response(500 if sick and self.path == "/healthz" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
print("serving", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Echo).serve_forever()
"""
DOCKERFILE = """
ARG BASE
FROM ${BASE}
ARG MARK
ARG TOKEN=none
RUN echo "building $MARK with $TOKEN"
COPY echo.py /echo.py
ENV MARK=${MARK}
USER 65532:65532
CMD ["python3", "/echo.py"]
"""


@dataclass
class Azure:
    """The clients, and what they are asked for here."""

    cloud: StandIn
    who: EnvironmentCredential = field(default_factory=EnvironmentCredential)

    def __post_init__(self) -> None:
        self.tasks = ContainerRegistryTasksMgmtClient(self.who, SUBSCRIPTION, polling_interval=0.2)
        self.held = ContainerRegistryClient(f"https://{SERVER}", self.who)
        self.instances = ContainerInstanceManagementClient(
            self.who, SUBSCRIPTION, polling_interval=0.2
        )
        self.groups = self.instances.container_groups

    def upload(self) -> str:
        """The context of the service; where it is."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name, text in (("echo.py", SERVICE), ("Dockerfile", DOCKERFILE)):
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        source = self.tasks.registries.get_build_source_upload_url(GROUP, REGISTRY)
        BlobClient.from_blob_url(str(source.upload_url)).upload_blob(stream.getvalue())
        return str(source.relative_path)

    def request(self, mark: str) -> dict[str, Any]:
        """What builds the service; its tag is ``mark``."""
        arguments = [("BASE", self.cloud.base_image(), False), ("MARK", mark, False),
                     ("TOKEN", "a-secret-argument", True)]  # fmt: skip
        return {
            "type": "DockerBuildRequest", "imageNames": [f"test/echo:{mark}"],
            "isPushEnabled": True, "dockerFilePath": "Dockerfile",
            "sourceLocation": self.upload(), "platform": {"os": "Linux", "architecture": "amd64"},
            "timeout": 600, "arguments": [
                {"name": name, "value": value, "isSecret": secret}
                for name, value, secret in arguments
            ],
        }  # fmt: skip

    def begin(self, name: str, request: dict[str, Any], force: str = "1") -> Any:
        """A task run."""
        asked = {"properties": {"runRequest": request, "forceUpdateTag": force}}
        return self.tasks.task_runs.begin_create(GROUP, REGISTRY, name, asked)

    def log(self, run: str) -> str:
        """Of a build."""
        link = self.tasks.runs.get_log_sas_url(GROUP, REGISTRY, run).log_link
        return BlobClient.from_blob_url(str(link)).download_blob().readall().decode()

    def built(self, mark: str) -> str:
        """The service's image, by digest."""
        done = self.begin(f"echo-{mark}", self.request(mark)).result()
        return f"{SERVER}/test/echo@{done.properties.run_result.properties.output_images[0].digest}"

    def group(self, name: str, image: str, **changes: Any) -> models.ContainerGroup:
        """What a group shall be."""
        container: dict[str, Any] = {
            "name": "echo", "image": image, "ports": [models.ContainerPort(port=8000)],
            "resources": models.ResourceRequirements(
                requests=models.ResourceRequests(cpu=0.5, memory_in_gb=0.25)
            ),
            "readiness_probe": probe("/readyz", failures=1),
        }  # fmt: skip
        asked: dict[str, Any] = {"restart_policy": "Always"}
        for key, value in changes.items():
            (container if hasattr(models.Container(**container), key) else asked)[key] = value
        return models.ContainerGroup(
            location=asked.pop("location", REGION), os_type="Linux", sku="Standard",
            containers=[models.Container(**container)], tags={"of": "a test"},
            identity=models.ContainerGroupIdentity(
                type="UserAssigned",
                user_assigned_identities={IDENTITY: models.UserAssignedIdentities()},
            ),
            image_registry_credentials=[
                models.ImageRegistryCredential(server=SERVER, identity=IDENTITY)
            ],
            ip_address=models.IpAddress(
                type="Public", ports=[models.Port(protocol="TCP", port=8000)], dns_name_label=name
            ),
            **asked,
        )  # fmt: skip

    def put(self, name: str, image: str, **changes: Any) -> Any:
        """Make a group, and wait until Azure says that it is."""
        wanted = self.group(name, image, **changes)
        return self.groups.begin_create_or_update(GROUP, name, wanted).result()

    def view(self, name: str) -> Any:
        """How the container of a group is."""
        return self.groups.get(GROUP, name).containers[0].instance_view


def probe(path: str, *, failures: int) -> models.ContainerProbe:
    web = models.ContainerHttpGet(path=path, port=8000, scheme="http")
    return models.ContainerProbe(
        http_get=web, initial_delay_seconds=1, period_seconds=1, timeout_seconds=3,
        failure_threshold=failures,
    )  # fmt: skip


def url(name: str, path: str = "/") -> str:
    """As the world knows a group."""
    return f"http://{name}.{REGION}.azurecontainer.io:8000{path}"


def answer(name: str, path: str = "/") -> dict[str, Any]:
    """What a group answers, once it does."""
    wait_until(lambda: httpx.get(url(name)).status_code == 200)
    return dict(httpx.get(url(name, path), timeout=10).json())


def wait_until(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.2)
