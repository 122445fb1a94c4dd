"""A throw-away certificate authority: production host names, answered on this machine."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import trustme

HOSTS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "*.blob.core.windows.net",
    "adb-1234567890123456.7.azuredatabricks.net",
    "*.api.azureml.ms",
    "*.azurecr.io",
    "*.z01.azurefd.net",
    "*.experiments.azureml.net",
    "localhost",
    "127.0.0.1",
)


class Authority:
    """
    Certificates in ``folder``; made once, then kept.

    Attributes:
        bundle: what a client must trust: our authority, beside the ones that everybody trusts.
        certificate, key: of all stand-ins, as files in PEM.
    """

    def __init__(self, folder: Path) -> None:
        self.bundle = folder / "trusted.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        known = folder / "hosts.txt"
        if not known.exists() or known.read_text(encoding="ascii").split() != list(HOSTS):
            self._issue(folder)
            known.write_text("\n".join(HOSTS), encoding="ascii")

    def server_context(self) -> ssl.SSLContext:
        """For a server on this machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def _issue(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        issued = authority.issue_cert(*HOSTS)
        issued.private_key_pem.write_to_path(self.key)
        self.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        everybody = Path(certifi.where()).read_bytes()
        self.bundle.write_bytes(everybody + b"\n" + authority.cert_pem.bytes())
