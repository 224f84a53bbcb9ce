"""The cluster's programs: which upstream module each is built from, pinned by its ``go.mod`` and ``go.sum``.

A module's folder holds nothing but those pins and, where upstream has no fitting main package, a ``main.go``.
"""

from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent / "modules"
KUBERNETES = "v1.37.2"
KEDA = "v2.21.0"
_NO_COMMIT = "0" * 40


def _kube_stamps() -> str:
    """Version stamps; clients and the kubelet's skew check read them."""
    minor = KUBERNETES.split(".")[1]
    values = {
        "gitVersion": KUBERNETES,
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": _NO_COMMIT,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{name}={value}" for package in packages for name, value in values.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One binary. ``names`` are the programs in it: what argv[0] may be."""

    name: str
    module: str
    package: str = "."
    stamps: str = ""
    tags: str = ""
    names: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its pins are."""
        return MODULES / self.module


_KEDA = "github.com/kedacore/keda/v2"
_KEDA_STAMP = f"-X {_KEDA}/version.Version={KEDA.removeprefix('v')}"

KUBE = Program(
    name="kube",
    module="kube",
    stamps=_kube_stamps(),
    names=("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"),
)
"""Every Kubernetes program in one binary: they share most of their code, and it is linked once."""
ETCD = Program(name="etcd", module="etcd", package="go.etcd.io/etcd/server/v3")
COREDNS = Program(name="coredns", module="coredns")
PAUSE = Program(name="pause", module="pause")
KEDA_OPERATOR = Program(name="keda", module="keda", package=f"{_KEDA}/cmd/operator", stamps=_KEDA_STAMP)
KEDA_ADAPTER = Program(name="keda-adapter", module="keda", package=f"{_KEDA}/cmd/adapter", stamps=_KEDA_STAMP)
KEDA_WEBHOOKS = Program(
    name="keda-admission-webhooks", module="keda", package=f"{_KEDA}/cmd/webhooks", stamps=_KEDA_STAMP
)

BARE = (ETCD, KUBE)
KEDAS = (KEDA_OPERATOR, KEDA_ADAPTER, KEDA_WEBHOOKS)
NODES = (PAUSE, COREDNS)
ALL = (*BARE, *NODES, *KEDAS)
