"""The API server in a dozen lines of the standard library, for the cluster's own processes.

They start in a tenth of a second because they import nothing else. Tests use the Kubernetes client.
"""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import API_URL

_TIMEOUT_S = 10.0


class Api:
    """Requests as one user, from inside the cluster's network."""

    def __init__(self, at: Layout, user: str = "admin") -> None:
        config = json.loads(at.kubeconfig(user).read_text())
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._tls = ssl.create_default_context(cafile=str(at.pki / "ca.crt"))

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """The decoded answer; ``OSError`` (``urllib.error.HTTPError`` among them) where there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            API_URL + path, data, {**self._headers, "Content-Type": kind}, method=method
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._tls) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def ready(self) -> bool:
        """Whether ``/readyz`` says so."""
        try:
            return bool(self.call("GET", "/readyz") == "ok")
        except OSError:
            return False

    def serves(self, group: str, resource: str) -> bool:
        """Whether discovery lists it; a definition is Established a moment earlier."""
        try:
            found = self.call("GET", group)
        except OSError:
            return False
        return any(one["name"] == resource for one in found["resources"])

    def condition(self, path: str, kind: str) -> bool:
        """Whether the object at ``path`` has the condition ``kind`` with status True."""
        try:
            found = self.call("GET", path)
        except OSError:
            return False
        return any(c["type"] == kind and c["status"] == "True" for c in found["status"].get("conditions", ()))
