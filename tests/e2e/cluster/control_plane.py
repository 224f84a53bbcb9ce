"""The control plane's programs and their flags: etcd, API server, controllers, scheduler."""

from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import API_PORT, CONTROL_IP, SERVICES, Spec
from tests.e2e.cluster.supervise import Process

_ISSUER = "https://kubernetes.default.svc"


def etcd(at: Layout) -> Process:
    """One member; a test cluster does not outlive a power cut, so it need not wait for the disk."""
    data = f"--data-dir={at.root / 'etcd'}"
    argv = (at.program("etcd"), data, "--unsafe-no-fsync", "--log-level=warn")
    return Process(name="etcd", argv=argv)


def api_server(spec: Spec, at: Layout) -> Process:
    """With RBAC, the Node authorizer, and the aggregation layer that KEDA's metrics API needs."""
    pki = at.pki
    flags = (
        "--etcd-servers=http://127.0.0.1:2379",
        f"--bind-address={CONTROL_IP}",
        f"--advertise-address={CONTROL_IP}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={pki}/tokens.csv",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki}/kubelet-client.crt",
        f"--kubelet-client-key={pki}/kubelet-client.key",
        # No kube-proxy beside the control plane: aggregated APIs and webhooks are dialled at their endpoints.
        "--enable-aggregator-routing=true",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy.crt",
        f"--proxy-client-key-file={pki}/front-proxy.key",
    )
    return _kube("kube-apiserver", flags, spec, at)


def controllers(spec: Spec, at: Layout) -> Process:
    """The controller manager, the HPA controller among them."""
    flags: tuple[str, ...] = (
        f"--kubeconfig={at.kubeconfig('kube-controller-manager')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        f"--service-account-private-key-file={at.pki}/sa.key",
        f"--root-ca-file={at.pki}/ca.crt",
        f"--cluster-signing-cert-file={at.pki}/ca.crt",
        f"--cluster-signing-key-file={at.pki}/ca.key",
        f"--horizontal-pod-autoscaler-sync-period={spec.hpa_sync_s}s",
    )
    if spec.fake_nodes:  # nobody renews the leases of nodes that are not there
        flags += ("--controllers=*,-node-lifecycle-controller",)
    return _kube("kube-controller-manager", flags, spec, at)


def scheduler(spec: Spec, at: Layout) -> Process:
    """The scheduler."""
    config = f"--kubeconfig={at.kubeconfig('kube-scheduler')}"
    return _kube("kube-scheduler", (config, "--bind-address=127.0.0.1", "--leader-elect=false"), spec, at)


def _kube(name: str, flags: tuple[str, ...], spec: Spec, at: Layout) -> Process:
    argv = (at.program(name), *flags, *spec.flags.get(name, ()))
    return Process(name=name, argv=argv)
