"""Who is who: one CA, the servers' certificates, and a token and kubeconfig for each client."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.cluster.spec import API_SERVICE_IP, API_URL, CONTROL_IP, NodeNet

_API_NAMES = (
    CONTROL_IP,
    "127.0.0.1",
    API_SERVICE_IP,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
)
_KEDA_NAMES = (
    CONTROL_IP,
    *(f"keda-{part}.keda.svc" for part in ("operator", "metrics-apiserver", "admission-webhooks")),
)


@dataclass(frozen=True, slots=True)
class User:
    """A client of the API server; ``file`` is its kubeconfig's stem."""

    file: str
    name: str
    groups: tuple[str, ...] = ()


def users(links: Sequence[NodeNet]) -> list[User]:
    """Everybody who talks to the API server with a token of the token file."""
    return [
        User("admin", "admin", ("system:masters",)),
        # Its controllers act as itself: forty service accounts and tokens would cost six seconds a start.
        User("kube-controller-manager", "system:kube-controller-manager", ("system:masters",)),
        User("kube-scheduler", "system:kube-scheduler"),
        User("kube-proxy", "system:kube-proxy"),
        *(User(link.name, f"system:node:{link.name}", ("system:nodes",)) for link in links),
    ]


def write_pki(folder: Path, links: Sequence[NodeNet]) -> None:
    """Certificates into ``folder/pki``, kubeconfigs into ``folder/kubeconfig``."""
    pki, configs = folder / "pki", folder / "kubeconfig"
    pki.mkdir()
    configs.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(pki / "ca.crt"))
    authority.private_key_pem.write_to_path(str(pki / "ca.key"))
    _leaf(pki / "apiserver", authority.issue_cert(*_API_NAMES, common_name="kube-apiserver"))
    # Each has a name among its alternative ones: an empty list would be marked critical, which Go refuses.
    kubelet_client = authority.issue_cert(
        "kube-apiserver", common_name="kube-apiserver", organization_name="system:masters"
    )
    _leaf(pki / "kubelet-client", kubelet_client)
    _leaf(pki / "front-proxy", authority.issue_cert("front-proxy", common_name="front-proxy"))
    for link in links:
        _leaf(pki / link.name, authority.issue_cert(link.ip, link.name))
    keda = pki / "keda"
    keda.mkdir()
    authority.cert_pem.write_to_path(str(keda / "ca.crt"))
    _leaf(keda / "tls", authority.issue_cert(*_KEDA_NAMES, common_name="keda"))
    _service_account_key(pki)
    _tokens(pki, configs, users(links))


def _leaf(stem: Path, leaf: trustme.LeafCert) -> None:
    stem.with_name(f"{stem.name}.crt").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(stem.with_name(f"{stem.name}.key")))


def _service_account_key(pki: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (pki / "sa.key").write_bytes(private)
    (pki / "sa.pub").write_bytes(public)


def _tokens(pki: Path, configs: Path, clients: Sequence[User]) -> None:
    rows = []
    for user in clients:
        token = secrets.token_hex(16)
        rows.append(f'{token},{user.name},{user.name},"{",".join(user.groups)}"\n')
        config = json.dumps(kubeconfig(API_URL, pki / "ca.crt", token), indent=1)
        (configs / user.file).write_text(config)
    (pki / "tokens.csv").write_text("".join(rows))


def kubeconfig(url: str, ca: Path, token: str) -> dict[str, object]:
    """A kubeconfig (JSON is YAML)."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def token_of(kubeconfig_file: Path) -> str:
    """The token in a kubeconfig that :func:`write_pki` wrote."""
    token: str = json.loads(kubeconfig_file.read_text())["users"][0]["user"]["token"]
    return token
