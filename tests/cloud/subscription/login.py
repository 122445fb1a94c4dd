"""Microsoft Entra: tokens for a client with the right secret, with audience and end."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import jwt

from tests.cloud.wire.authority import Authority
from tests.cloud.wire.record import Record
from tests.cloud.wire.site import Answer, Asked, Site

HOST = "https://login.microsoftonline.com"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
MANAGEMENT = "https://management.azure.com"
STORAGE = "https://storage.azure.com/"
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"  # Azure Databricks, the same in every tenant
LIFETIME_S = 3600


class Login:
    """
    Hands tokens out, and judges those that are shown.

    Attributes:
        client_secret: what a client must know.
        lifetime_s: of the tokens to come; a short one lets them expire in mid-run.
        asked: how many tokens were given.
    """

    def __init__(self, folder: Path, authority: Authority, record: Record) -> None:
        self.client_secret = _kept(folder / "client-secret")
        self._key = _kept(folder / "signing-key")
        self._record = record
        self.lifetime_s = LIFETIME_S
        self.asked = 0
        record.secrets.update({self.client_secret, self._key})
        self.site = Site("login", authority, record, _missing)
        self.site.route("GET", r"/(?P<tenant>[^/]+)/v2.0/.well-known/openid-configuration")(_openid)
        self.site.route("GET", r"/common/discovery/instance")(_instance)
        self.site.route("POST", r"/(?P<tenant>[^/]+)/oauth2/v2.0/token")(self._token)

    def refusal(self, token: str, audience: str) -> str | None:
        """Why this token does not open what ``audience`` guards; ``None`` if it does."""
        try:
            jwt.decode(token, self._key, algorithms=["HS256"], audience=audience)
        except jwt.ExpiredSignatureError:
            return "the token has expired"
        except jwt.InvalidAudienceError:
            return f"the token is for another audience than {audience}"
        except jwt.InvalidTokenError as error:
            return f"the token is invalid: {error}"
        return None

    def principal(self, token: str) -> str:
        """Whose token it is; it was judged before."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return str(claims["oid"])

    def token(self, audience: str, tenant: str = TENANT, *, principal: str = CLIENT) -> str:
        """A token for ``audience``, of the client or of another principal."""
        now = int(time.time())
        claims = {
            "aud": audience, "iss": f"https://sts.windows.net/{tenant}/", "tid": tenant,
            "oid": principal, "iat": now - 5, "nbf": now - 5, "exp": now + self.lifetime_s,
            "jti": secrets.token_hex(8),
        }  # fmt: skip
        made = jwt.encode(claims, self._key, algorithm="HS256")
        self._record.secrets.add(made)
        return made

    def _token(self, asked: Asked, tenant: str) -> Answer:
        given = asked.body or {}
        if given.get("client_id") != CLIENT:
            who = given.get("client_id")
            return _refused("unauthorized_client", f"AADSTS700016: Application with identifier "
                            f"'{who}' was not found in the directory.")  # fmt: skip
        if given.get("client_secret") != self.client_secret:
            return _refused("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        self.asked += 1
        resource = given["scope"].split("/.default")[0]
        audience = STORAGE if "storage" in resource else resource.rstrip("/")
        return Answer(body={"token_type": "Bearer", "expires_in": self.lifetime_s,
                            "ext_expires_in": self.lifetime_s,
                            "access_token": self.token(audience, tenant)})  # fmt: skip


def _refused(error: str, why: str) -> Answer:
    return Answer(401, {"error": error, "error_description": why})


def _openid(_: Asked, tenant: str) -> Answer:
    place = f"{HOST}/{tenant}"
    return Answer(body={"token_endpoint": f"{place}/oauth2/v2.0/token",
                        "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
                        "issuer": f"{place}/v2.0",
                        "jwks_uri": f"{place}/discovery/v2.0/keys"})  # fmt: skip


def _instance(_: Asked) -> Answer:
    names = ["login.microsoftonline.com"]
    return Answer(body={
        "tenant_discovery_endpoint": f"{HOST}/common/v2.0/.well-known/openid-configuration",
        "metadata": [{"preferred_network": names[0], "preferred_cache": "login.windows.net",
                      "aliases": names}]})  # fmt: skip


def _missing(asked: Asked) -> Answer:
    return Answer(404, {"error": "not_found", "error_description": asked.path})


def _kept(file: Path) -> str:
    """A secret of this stand-in: made once, the same when it starts again."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(36), encoding="ascii")
    return file.read_text(encoding="ascii")
