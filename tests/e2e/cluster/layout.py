"""Where things are inside one cluster's folder, ``<cache>/clusters/<name>``."""

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import folders
from tests.e2e.cluster.spec import checked_name


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one cluster. The folder exists as long as the cluster does."""

    root: Path

    @property
    def spec(self) -> Path:
        """What it was asked to be."""
        return self.root / "spec.json"

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.root / "log"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def control(self) -> Path:
        """The socket of process 1."""
        return self.root / "control.sock"

    @property
    def keeper(self) -> Path:
        """Locked for as long as the name is taken; once the cluster's processes run, it holds their pids."""
        return self.root / "keeper"

    @property
    def steps(self) -> Path:
        """What is up so far: one line each."""
        return self.root / "steps"

    @property
    def ready(self) -> Path:
        """There once all is up."""
        return self.root / "ready"

    @property
    def failure(self) -> Path:
        """Why it did not come up: one line."""
        return self.root / "failure"

    def program(self, name: str) -> str:
        """A binary: a link into the cache."""
        return str(self.root / "bin" / name)

    def kubectl(self) -> tuple[str, ...]:
        """Its words as admin. Its cache is by address, and that is every cluster's."""
        return (
            self.program("kubectl"),
            f"--kubeconfig={self.kubeconfig()}",
            f"--cache-dir={self.root}/kubectl",
        )

    def kubeconfig(self, user: str = "admin") -> Path:
        """Of one user, for use inside the cluster's network."""
        return self.root / "kubeconfig" / user

    def node(self, name: str) -> Path:
        """A node's own folder."""
        return self.root / "nodes" / name

    def files(self, node: str, path: str) -> Path:
        """What the node has at an absolute ``path``, seen from outside."""
        return self.node(node) / "files" / path.lstrip("/")


def layout(name: str) -> Layout:
    """The layout of the cluster of this name; :class:`ClusterError` if it can be none (``..`` for one)."""
    return Layout(folders.clusters() / checked_name(name))
