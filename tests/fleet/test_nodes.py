"""GPUs and nodes: where a pod goes, what other tenants take, and that nothing is ever booked twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.errors import InputError
from simulations.fleet.nodes import Node, Nodes, first_nodes
from simulations.kernel import FAR_US
from tests.fleet.builders import a_scenario


def nodes_of(*nodes: Node, gpus_per_replica: int = 1) -> Nodes:
    return Nodes(up=list(nodes), gpus_per_node=8, gpus_per_replica=gpus_per_replica)


def test_a_pod_goes_where_the_weights_are_even_if_that_node_is_emptier() -> None:
    nodes = nodes_of(Node(serial=0, gpus=8, ours=5), Node(serial=1, gpus=8, weights_us=0))
    place = nodes.place(10)
    assert place is not None
    assert place.serial == 1


def test_weights_that_are_still_being_fetched_do_not_count() -> None:
    nodes = nodes_of(Node(serial=0, gpus=8), Node(serial=1, gpus=8, weights_us=11))
    place = nodes.place(10)
    assert place is not None
    assert place.serial == 0


def test_among_equals_the_fullest_node_is_filled_first_then_the_oldest() -> None:
    nodes = nodes_of(Node(serial=0, gpus=8), Node(serial=1, gpus=8, ours=2), Node(serial=2, gpus=8, ours=2))
    place = nodes.place(0)
    assert place is not None
    assert place.serial == 1


def test_a_replica_needs_all_its_gpus_on_one_node() -> None:
    nodes = nodes_of(Node(serial=0, gpus=4, ours=2), Node(serial=1, gpus=4, ours=2), gpus_per_replica=4)
    assert nodes.place(0) is None


def test_another_tenant_takes_what_is_free_and_the_rest_when_it_comes_free() -> None:
    node = Node(serial=0, gpus=4, ours=3)
    nodes = nodes_of(node)
    nodes.foreign_arrives(2)
    assert (node.foreign, nodes.owed, node.free) == (1, 1, 0)
    nodes.give_back(node, 5)
    assert (node.foreign, nodes.owed, node.free) == (2, 0, 0)
    nodes.foreign_leaves(2)
    assert (node.foreign, node.free) == (0, 2)


def test_another_tenant_never_takes_a_node_that_was_provisioned_for_us() -> None:
    nodes = nodes_of(Node(serial=0, gpus=8, provisioned=True))
    nodes.foreign_arrives(3)
    assert (nodes.up[0].foreign, nodes.owed) == (0, 3)


@given(
    steps=st.lists(st.sampled_from(["take", "give", "foreign", "leave"]), max_size=60),
    gpus_per_replica=st.integers(1, 3),
)
def test_no_gpu_is_ever_held_twice(steps: list[str], gpus_per_replica: int) -> None:
    nodes = nodes_of(*(Node(serial=n, gpus=4) for n in range(3)), gpus_per_replica=gpus_per_replica)
    held: list[Node] = []
    foreign = 0
    for t_us, step in enumerate(steps):
        if step == "take" and (place := nodes.place(t_us)) is not None:
            nodes.take(place)
            held.append(place)
        elif step == "give" and held:
            nodes.give_back(held.pop(), t_us)
        elif step == "foreign":
            nodes.foreign_arrives(2)
            foreign += 2
        elif step == "leave" and foreign:
            nodes.foreign_leaves(2)
            foreign -= 2
        assert all(node.free >= 0 and node.ours >= 0 and node.foreign >= 0 for node in nodes.up)
        assert sum(node.ours for node in nodes.up) == len(held) * gpus_per_replica
        assert sum(node.foreign for node in nodes.up) + nodes.owed == foreign


@pytest.mark.parametrize(
    ("cluster", "gpus_per_replica", "want"),
    [
        pytest.param({"max_replicas": 8}, 1, 1, id="eight replicas of one GPU fit one node of eight"),
        pytest.param({"max_replicas": 9}, 1, 2, id="nine need a second node"),
        pytest.param({"max_replicas": 3}, 4, 2, id="two replicas of four GPUs fit one node"),
        pytest.param({"max_replicas": 8, "nodes": 5}, 1, 5, id="a number that is given is taken"),
    ],
)
def test_how_many_nodes_a_fleet_has(cluster: dict[str, object], gpus_per_replica: int, want: int) -> None:
    assert len(first_nodes(a_scenario(cluster=cluster), gpus_per_replica).up) == want


def test_a_rolling_update_gets_room_for_its_surge() -> None:
    scenario = a_scenario(cluster={"max_replicas": 8}, changes=[{"at_s": 5, "engine": {"max_num_seqs": 64}}])  # type: ignore[arg-type]
    assert len(first_nodes(scenario, 1).up) == 2


def test_shares_of_nodes_that_hold_weights_and_image() -> None:
    scenario = a_scenario(cluster={"nodes": 4, "cached_fraction": 0.5, "image_cached_fraction": 0.75})
    nodes = first_nodes(scenario, 1)
    assert [node.weights_us for node in nodes.up] == [0, 0, FAR_US, FAR_US]
    assert [node.image_us for node in nodes.up] == [0, 0, 0, FAR_US]


@pytest.mark.parametrize(
    ("cluster", "gpus_per_replica", "message"),
    [
        pytest.param(
            {"gpus_per_node": 2},
            4,
            "cluster.gpus_per_node: 2 GPUs cannot hold a replica of 4",
            id="no node fits",
        ),
        pytest.param(
            {"nodes": 1, "gpus_per_node": 1, "min_replicas": 2},
            1,
            "cluster.nodes: 1 nodes have room for 1 replicas, not for 2; lower cluster.min_replicas to 1",
            id="the first replicas do not fit",
        ),
    ],
)
def test_a_fleet_that_cannot_be(cluster: dict[str, object], gpus_per_replica: int, message: str) -> None:
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        first_nodes(a_scenario(cluster=cluster), gpus_per_replica)
