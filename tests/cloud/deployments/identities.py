"""Tokens for a managed identity, as a host gives them to what runs on it."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.cloud.deployments.estate import Estate
from tests.cloud.subscription.login import STORAGE, Login

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


class Identities:
    """
    An endpoint on the loopback address, as App Service describes it (2019-08-01).

    Attributes:
        environment: how azure-identity finds it.
    """

    def __init__(self, estate: Estate, login: Login) -> None:
        mark = secrets.token_urlsafe(16)

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

            def do_GET(self) -> None:
                query = {key: each[0] for key, each in parse_qs(urlsplit(self.path).query).items()}
                token = _token(estate, login, query)
                is_ours = self.headers.get("X-IDENTITY-HEADER") == mark
                status = 200 if is_ours and token else 400
                data = json.dumps(token if status == 200 else {"message": "no such identity"})
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data.encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_address[1]
        self.environment = {
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/msi/token", "IDENTITY_HEADER": mark,
        }  # fmt: skip

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _token(estate: Estate, login: Login, asked: dict[str, str]) -> dict[str, str] | None:
    """For the identity whose client id is asked for; there is no other."""
    found = next(
        (each["properties"] for each in estate.of_kind(IDENTITIES)
         if each["properties"]["clientId"] == asked.get("client_id")), None
    )  # fmt: skip
    if found is None:
        return None
    resource = asked["resource"]
    audience = STORAGE if "storage" in resource else resource.rstrip("/")
    return {
        "access_token": login.token(audience, principal=found["principalId"]),
        "expires_on": str(int(time.time()) + login.lifetime_s), "resource": resource,
        "token_type": "Bearer", "client_id": str(found["clientId"]),
    }  # fmt: skip
