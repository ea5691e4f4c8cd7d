"""apache-libcloud: every method of its CloudStack drivers for compute and for load balancers."""
import inspect

import pytest
from libcloud.compute.drivers.cloudstack import CloudStackNodeDriver
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider
from libcloud.loadbalancer.base import Algorithm, Member
from libcloud.loadbalancer.drivers.cloudstack import CloudStackLBDriver

from client_matrix import Matrix, Recorded, is_whole
from data_centre import DataCentre, bare_cloud

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6yqYbjSJZ8F3T2n5VqZQ0bq3nJH7s2l0c4vYvQm3xk somebody@example.org"
COMPUTE = Matrix("apache-libcloud: compute", "method", ["seen"])
BALANCERS = Matrix("apache-libcloud: load balancers", "method", ["seen"])


class Site:
    """A cloud with a zone, and libcloud's drivers for a customer in it."""

    def __init__(self, cloud, kind, net):
        self.centre = DataCentre(cloud, kind, net)
        self.customer = cloud.account()
        self.compute = Recorded(
            get_driver(Provider.CLOUDSTACK)(
                key=self.customer.key, secret=self.customer.secret, secure=False,
                url=f"http://127.0.0.1:{cloud.port}/client/api"),
            COMPUTE, "seen")
        self.balancers = Recorded(
            CloudStackLBDriver(
                self.customer.key, self.customer.secret, secure=False, host="127.0.0.1", path="/client/api",
                port=cloud.port),
            BALANCERS, "seen")
        self.location = next(one for one in self.compute.list_locations() if one.id == self.centre.zone)
        self.image = self.compute.list_images(location=self.location)[0]
        self.sizes = {size.name: size for size in self.compute.list_sizes()}

    def offering(self, name):
        return next(one for one in self.compute.ex_list_network_offerings() if one.name == name)


@pytest.fixture(scope="module")
def cloud():
    with bare_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def basic(cloud):
    return Site(cloud, "Basic", 8)


@pytest.fixture(scope="module")
def advanced(cloud):
    return Site(cloud, "Advanced", 2)


def test_security_groups_in_a_basic_zone(basic):
    compute = basic.compute
    assert compute.ex_create_security_group("web")["name"] == "web"
    group = compute.ex_authorize_security_group_ingress("web", "tcp", "10.0.0.0/8", 80, 90)
    rule = group["ingressrule"][0]
    assert (rule["startport"], rule["endport"], rule["cidr"]) == (80, 90, "10.0.0.0/8")
    ping = compute.ex_authorize_security_group_ingress("web", "icmp", "0.0.0.0/0")["ingressrule"][0]
    assert (ping["icmptype"], ping["icmpcode"]) == (-1, -1)
    node = compute.create_node(
        "grouped", basic.sizes["Tiny Instance"], basic.image, basic.location, ex_security_groups=["web"],
        ex_start_vm=True)
    assert node.state == NodeState.RUNNING and node.extra["security_group"] == ["web"]
    assert compute.destroy_node(node, ex_expunge=True)
    assert compute.ex_revoke_security_group_ingress(rule["ruleid"])
    assert {one["name"] for one in compute.ex_list_security_groups()} == {"default", "web"}
    assert compute.ex_delete_security_group("web")


def test_key_pairs_and_affinity_groups(advanced, tmp_path):
    compute = advanced.compute
    assert compute.create_key_pair("made").private_key.startswith("-----BEGIN")
    imported = compute.import_key_pair_from_string("imported", PUBLIC_KEY)
    assert compute.get_key_pair("imported").fingerprint == imported.fingerprint
    assert {pair.name for pair in compute.list_key_pairs()} == {"made", "imported"}
    for pair in compute.list_key_pairs():
        compute.delete_key_pair(pair)
    assert compute.ex_create_keypair("old")["privateKey"].startswith("-----BEGIN")
    compute.ex_import_keypair_from_string("text", PUBLIC_KEY)
    compute.ex_delete_keypair("text")
    (tmp_path / "key.pub").write_text(PUBLIC_KEY)
    assert compute.ex_import_keypair("file", str(tmp_path / "key.pub"))["keyFingerprint"] == imported.fingerprint
    assert {pair["name"] for pair in compute.ex_list_keypairs()} == {"old", "file"}
    for pair in compute.ex_list_keypairs():
        compute.ex_delete_keypair(pair["name"])
    assert compute.list_key_pairs() == []

    kind = next(one for one in compute.ex_list_affinity_group_types() if one.type == "host anti-affinity")
    group = compute.ex_create_affinity_group("apart", kind)
    assert [one.name for one in compute.ex_list_affinity_groups()] == ["apart"]
    assert compute.ex_delete_affinity_group(group)


@pytest.fixture(scope="module")
def network(advanced):
    compute = advanced.compute
    network = compute.ex_create_network(
        "front", "front", advanced.offering("DefaultIsolatedNetworkOfferingWithSourceNatService"), advanced.location)
    assert network.id in {one.id for one in compute.ex_list_networks()}
    return network


@pytest.fixture(scope="module")
def node(advanced, network):
    compute = advanced.compute
    pair = compute.create_key_pair("login")
    node = compute.create_node(
        "web", advanced.sizes["Tiny Instance"], advanced.image, advanced.location, networks=[network],
        ex_keyname=pair.name, ex_userdata="#!/bin/sh\necho hello", ex_displayname="Web", ex_start_vm=True)
    assert node.state == NodeState.RUNNING and node.name == "web" and node.private_ips[0].startswith("10.1.1.")
    return node


def test_a_node_from_start_to_restore(advanced, node):
    compute = advanced.compute
    assert [one.id for one in compute.list_nodes(location=advanced.location)] == [node.id]
    assert compute.ex_get_node(node.id).name == "web"
    assert compute.reboot_node(node)
    assert compute.ex_stop(node) == "Stopped"
    assert compute.ex_change_node_size(node, advanced.sizes["Small Instance"]) == advanced.sizes["Small Instance"].id
    group = compute.ex_create_affinity_group("near", compute.ex_list_affinity_group_types()[0])
    assert compute.ex_update_node_affinity_group(node, [group]).extra["affinity_group"] == [group.id]
    assert compute.ex_start(node) == "Running"
    assert compute.ex_restore(node, advanced.image) == advanced.image.id
    assert compute.ex_create_tags([node.id], "UserVm", {"owner": "web team", "tier": "front"})
    assert compute.ex_get_node(node.id).extra["tags"] == {"owner": "web team", "tier": "front"}
    assert compute.ex_delete_tags([node.id], "UserVm", ["tier"])
    assert compute.ex_get_node(node.id).extra["tags"] == {"owner": "web team"}


def test_volumes_snapshots_and_images(advanced, node):
    compute = advanced.compute
    volume = compute.create_volume(5, "data", advanced.location)
    assert compute.attach_volume(node, volume)
    assert volume.id in {one.id for one in compute.list_volumes(node)}
    shown = compute.ex_get_volume(volume.id)
    assert shown.extra["instance_id"] == node.id
    snapshot = compute.create_volume_snapshot(volume)
    assert [one.id for one in compute.list_snapshots()] == [snapshot.id]
    kind = next(one for one in compute.ex_list_os_types() if "Other Linux" in one["description"])
    image = compute.ex_create_snapshot_template(snapshot, "from-snapshot", kind["id"])
    assert image.name == "from-snapshot"
    assert image.id in {one.id for one in compute.list_images()}
    assert compute.destroy_volume_snapshot(snapshot)
    assert compute.detach_volume(volume)
    assert compute.destroy_volume(volume)
    iso = compute.ex_register_iso("tools", "http://example.org/tools.iso", advanced.location)
    assert iso["iso"][0]["name"] == "tools"
    assert compute.ex_list_disk_offerings()
    assert compute.ex_limits()["max_instances"] != 0
    assert compute.ex_list_projects() == []


def test_addresses_and_rules(advanced, network, node):
    compute = advanced.compute
    address = compute.ex_allocate_public_ip(network_id=network.id, location=advanced.location)
    assert address.id in {one.id for one in compute.ex_list_public_ips()}
    rule = compute.ex_create_firewall_rule(address, "0.0.0.0/0", "tcp", start_port=443, end_port=443)
    assert [one.id for one in compute.ex_list_firewall_rules()] == [rule.id]
    assert compute.ex_delete_firewall_rule(rule)
    rule = compute.ex_create_egress_firewall_rule(network.id, "10.1.1.0/24", "udp", start_port=53, end_port=53)
    assert [one.id for one in compute.ex_list_egress_firewall_rules()] == [rule.id]
    assert compute.ex_delete_egress_firewall_rule(rule)
    rule = compute.ex_create_port_forwarding_rule(node, address, 8080, 80, "TCP")
    found = compute.ex_list_port_forwarding_rules()
    assert [(one.id, one.public_port, one.private_port) for one in found] == [(rule.id, "80", "8080")]
    assert compute.ex_delete_port_forwarding_rule(node, rule)
    advanced.customer.enableStaticNat(ipaddressid=address.id, virtualmachineid=node.id)
    rule = compute.ex_create_ip_forwarding_rule(node, address, "TCP", 22)
    assert [one.id for one in compute.ex_list_ip_forwarding_rules()] == [rule.id]
    assert compute.ex_delete_ip_forwarding_rule(node, rule)
    advanced.customer.disableStaticNat(ipaddressid=address.id)
    assert compute.ex_release_public_ip(address)

    second = compute.ex_create_network(
        "back", "back", advanced.offering("DefaultIsolatedNetworkOfferingWithSourceNatService"), advanced.location,
        gateway="10.2.2.1", netmask="255.255.255.0")
    assert compute.ex_attach_nic_to_node(node, second)
    nics = {nic.network_id: nic for nic in compute.ex_list_nics(node)}
    assert nics[second.id].ip_address.startswith("10.2.2.") and not nics[second.id].is_default
    assert compute.ex_detach_nic_from_node(nics[second.id], node)
    assert compute.ex_delete_network(second)


def test_load_balancers(advanced, network, node):
    balancers = advanced.balancers
    balancer = balancers.create_balancer(
        "front", [Member(node.id, None, 8080)], port=80, private_port=8080, algorithm=Algorithm.ROUND_ROBIN,
        location=advanced.location, network_id=network.id)
    assert [one.id for one in balancers.list_balancers()] == [balancer.id]
    assert balancers.get_balancer(balancer.id).port in (80, "80")
    assert [one.id for one in balancers.balancer_list_members(balancer)] == [node.id]
    member = balancers.balancer_list_members(balancer)[0]
    assert balancers.balancer_detach_member(balancer, member)
    assert balancers.balancer_attach_member(balancer, member)
    assert balancers.list_protocols() == ["tcp"]
    balancers.destroy_balancer(balancer)
    assert balancers.list_balancers() == []


def test_private_clouds_and_their_vpns(advanced):
    compute = advanced.compute
    offering = next(one for one in compute.ex_list_vpc_offerings() if "Default VPC" in one.name)
    vpc = compute.ex_create_vpc("10.9.0.0/16", "private", "private", offering, advanced.location.id)
    assert [one.id for one in compute.ex_list_vpcs()] == [vpc.id]
    rules = compute.ex_create_network_acllist("web only", vpc.id, "web")
    item = compute.ex_create_network_acl("tcp", rules.id, "0.0.0.0/0", 80, 80, action="Allow", traffic_type="Ingress")
    assert rules.id in {one.id for one in compute.ex_list_network_acllists()}
    assert item.id in {one.id for one in compute.ex_list_network_acl()}
    tier = compute.ex_create_network(
        "tier", "tier", advanced.offering("DefaultIsolatedNetworkOfferingForVpcNetworks"), advanced.location,
        gateway="10.9.1.1", netmask="255.255.255.0", vpc_id=vpc.id)
    assert compute.ex_replace_network_acllist(rules.id, tier.id)
    gateway = compute.ex_create_vpn_gateway(vpc)
    remote = compute.ex_create_vpn_customer_gateway(
        "10.77.0.0/16", "aes128-sha1", "203.0.113.9", "aes128-sha1;modp2048", "a-shared-key", name="branch")
    connection = compute.ex_create_vpn_connection(remote, gateway, passive=True)
    assert [one.id for one in compute.ex_list_vpn_gateways()] == [gateway.id]
    assert [one.id for one in compute.ex_list_vpn_customer_gateways()] == [remote.id]
    assert [one.id for one in compute.ex_list_vpn_connections()] == [connection.id]
    assert compute.ex_delete_vpn_connection(connection)
    assert compute.ex_delete_vpn_customer_gateway(remote)
    assert compute.ex_delete_vpn_gateway(gateway)
    assert compute.ex_delete_network(tier)
    assert compute.ex_delete_vpc(vpc)


def test_routers(cloud, advanced, network, node):
    operator = Recorded(
        get_driver(Provider.CLOUDSTACK)(
            key=cloud.admin.key, secret=cloud.admin.secret, secure=False,
            url=f"http://127.0.0.1:{cloud.port}/client/api"),
        COMPUTE, "seen")
    vpc = cloud.admin.createVPC(
        name="routed", displaytext="routed", cidr="10.8.0.0/16", zoneid=advanced.centre.zone,
        vpcofferingid=cloud.admin.listVPCOfferings()["vpcoffering"][0]["id"])["vpc"]
    assert all(router.vpc_id == vpc["id"] for router in operator.ex_list_routers(vpc_id=vpc["id"]))
    cloud.admin.deleteVPC(id=vpc["id"])


def test_the_end_of_what_was_made(advanced, network, node):
    assert advanced.compute.destroy_node(node, ex_expunge=True)
    assert advanced.compute.ex_delete_network(network)
    assert advanced.compute.list_nodes() == []


def test_every_method_of_the_drivers_was_called(request):
    for matrix, driver in ((COMPUTE, CloudStackNodeDriver), (BALANCERS, CloudStackLBDriver)):
        methods = {
            name for name, value in vars(driver).items() if inspect.isfunction(value) and not name.startswith("_")}
        assert not is_whole(request) or methods <= set(matrix.rows), methods - set(matrix.rows)
        matrix.settle(whole=is_whole(request))
