"""What the modules of ngine_io.cloudstack are asked to do: one entry per module, each standing on what those before it made."""
from dataclasses import dataclass, field

KEYS = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6yqYbjSJZ8F3T2n5VqZQ0bq3nJH7s2l0c4vYvQm3xk first@example.org",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtQ0bq3nJH7s2l0c4vYvQm3xkJ6yqYbjSJZ8F3T2n5V second@example.org",
]
PRIVATE = ["Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "PortForwarding", "NetworkACL", "Lb"]
SERVICES = ["Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "PortForwarding", "Firewall", "Lb"]


@dataclass
class Case:
    """`same` is what the module is given each time, with one of the others."""

    module: str
    same: dict
    create: dict
    change: dict = None
    delete: dict = field(default_factory=lambda: {"state": "absent"})
    # Where the answer to the creation is kept for later tasks.
    register: str = None
    # Tasks that follow the change, so that what stands on this finds it as it was; each is a module and its parameters.
    after: list = field(default_factory=list)
    before: list = field(default_factory=list)
    # Tasks between the creation and the change.
    between: list = field(default_factory=list)
    # Tasks before the deletion.
    ending: list = field(default_factory=list)
    # Whether the module changes nothing by nature.
    reads: bool = False
    # What cannot be told beforehand or asked for twice; the cells of the table then stay empty.
    without: tuple = ()


ZONE = {"zone": "ansible"}
WEB = {"vm": "web", **ZONE}

CASES = [
    Case("cs_configuration", {"name": "expunge.delay"}, {"value": "3600"}, {"value": "7200"}, delete=None),
    Case(
        "cs_region", {"id": 2}, {"name": "west", "endpoint": "http://west.example.org"},
        {"name": "far west", "endpoint": "http://west.example.org"}),
    Case(
        "cs_zone", {"name": "ansible", "network_type": "Advanced"},
        {"dns1": "192.0.2.53", "internal_dns1": "192.0.2.53"}, {"dns2": "192.0.2.54"}),
    Case(
        "cs_physical_network", {"name": "physical", **ZONE},
        {"isolation_method": "VLAN", "broadcast_domain_range": "ZONE"}, {"vlan": "100-200", "state": "enabled"},
        after=[("cs_physical_network", {
            "name": "physical", **ZONE, "nsps_enabled": ["virtualrouter", "vpcvirtualrouter"]})]),
    Case(
        "cs_traffic_type", {"physical_network": "physical", **ZONE}, {"traffic_type": "Public"},
        {"traffic_type": "Public", "kvm_networklabel": "cloudbr1"},
        {"traffic_type": "Public", "state": "absent"},
        after=[
            ("cs_traffic_type", {"physical_network": "physical", **ZONE, "traffic_type": kind})
            for kind in ("Guest", "Management")]),
    Case(
        "cs_pod", {"name": "pod", **ZONE},
        {"start_ip": "172.20.0.10", "end_ip": "172.20.0.100", "gateway": "172.20.0.1", "netmask": "255.255.255.0"},
        {"state": "disabled"}, after=[("cs_pod", {"name": "pod", **ZONE, "state": "enabled"})]),
    Case(
        "cs_cluster", {"name": "cluster", **ZONE},
        {"pod": "pod", "hypervisor": "Simulator", "cluster_type": "CloudManaged"}, {"state": "disabled"},
        after=[("cs_cluster", {"name": "cluster", **ZONE, "state": "enabled"})]),
    Case(
        "cs_host", {"name": "c0-h0", **ZONE},
        {"url": "http://sim/c0/h0", "pod": "pod", "cluster": "cluster", "hypervisor": "Simulator", "username": "root",
         "password": "password"},
        {"host_tags": ["fast", "near"]}),
    Case(
        "cs_storage_pool",
        {"name": "primary", **ZONE, "storage_url": "nfs://nas.example.org/ansible/primary", "pod": "pod",
         "cluster": "cluster", "scope": "cluster"}, {},
        {"storage_tags": ["fast"]}),
    Case(
        "cs_image_store", {"name": "secondary", **ZONE},
        {"url": "nfs://nas.example.org/ansible/secondary", "provider": "NFS"}),
    Case(
        "cs_vlan_ip_range",
        {"start_ip": "203.0.113.10", "end_ip": "203.0.113.100", "for_virtual_network": True, **ZONE},
        {"gateway": "203.0.113.1", "netmask": "255.255.255.0", "vlan": "untagged"},
        after=[("cs_zone", {"name": "ansible", "network_type": "Advanced", "state": "enabled"})]),
    Case("cs_domain", {"path": "ansible"}, {}, {"network_domain": "ansible.example.org"}),
    Case(
        "cs_account", {"name": "anna", "domain": "ROOT/ansible"},
        {"username": "anna", "password": "secret", "first_name": "Anna", "last_name": "Able", "email": "anna@example.org"},
        {"state": "locked"}, after=[("cs_account", {"name": "anna", "domain": "ROOT/ansible", "state": "enabled"})]),
    Case(
        "cs_user", {"username": "bill", "domain": "ROOT/ansible"},
        {"account": "anna", "password": "secret", "first_name": "Bill", "last_name": "Able", "email": "b@example.org"},
        {"account": "anna", "password": "secret", "first_name": "Bill", "last_name": "Able",
         "email": "bill@example.org"}),
    Case(
        "cs_resourcelimit", {"resource_type": "instance", "account": "anna", "domain": "ROOT/ansible"}, {"limit": 10},
        {"limit": 20}, delete=None),
    Case("cs_role", {"name": "readers"}, {"description": "May look"}, {"description": "May look at everything"}),
    Case(
        "cs_role_permission", {"role": "readers", "name": "list*"}, {"permission": "allow"},
        {"permission": "deny"}),
    Case(
        "cs_disk_offering", {"name": "tiny disk"}, {"display_text": "1 GiB", "disk_size": 1},
        {"display_text": "one GiB"}),
    Case(
        "cs_service_offering", {"name": "one core"},
        {"display_text": "1 core", "cpu_number": 1, "cpu_speed": 500, "memory": 256}, {"display_text": "one core"}),
    Case(
        "cs_network_offering", {"name": "customers"},
        {"display_text": "customers' networks", "guest_ip_type": "Isolated", "supported_services": SERVICES,
         "service_providers": [{"service": service, "provider": "virtualrouter"} for service in SERVICES],
         "state": "enabled"},
        {"display_text": "networks of customers"}),
    Case(
        "cs_vpc_offering", {"name": "private"},
        {"display_text": "private clouds", "supported_services": PRIVATE,
         "service_providers": [{"service": service, "provider": "VpcVirtualRouter"} for service in PRIVATE],
         "state": "enabled"},
        {"display_text": "clouds of one's own", "supported_services": PRIVATE}),
    Case("cs_sshkeypair", {"name": "login"}, {"public_key": KEYS[0]}, {"public_key": KEYS[1]}),
    Case("cs_affinitygroup", {"name": "apart"}, {"affinity_type": "host anti-affinity", "description": "apart"}),
    Case("cs_instancegroup", {"name": "front"}, {}),
    Case("cs_securitygroup", {"name": "web"}, {"description": "web servers"}),
    Case(
        "cs_securitygroup_rule", {"security_group": "web", "protocol": "tcp", "start_port": 80, "end_port": 81},
        {"cidr": "10.0.0.0/8"}, delete={"cidr": "10.0.0.0/8", "state": "absent"}),
    Case(
        "cs_network", {"name": "front", **ZONE}, {"network_offering": "customers", "display_text": "front"},
        {"network_offering": "customers", "display_text": "front network"},
        after=[("cs_network", {
            "name": "back", **ZONE, "network_offering": "customers", "gateway": "10.2.2.1",
            "netmask": "255.255.255.0"})],
        ending=[("cs_network", {"name": "back", **ZONE, "state": "absent"})]),
    Case(
        "cs_template", {"name": "image", **ZONE},
        {"url": "http://example.org/image.qcow2", "format": "QCOW2", "hypervisor": "Simulator",
         "os_type": "Other Linux (64-bit)", "display_text": "image", "password_enabled": True},
        {"display_text": "an image"}),
    Case(
        "cs_iso", {"name": "tools", **ZONE, "os_type": "Other Linux (64-bit)"},
        {"url": "http://example.org/tools.iso", "display_text": "tools"},
        {"display_text": "tools of ours"}),
    Case(
        "cs_instance", {"name": "web", **ZONE},
        {"template": "image", "template_filter": "self", "service_offering": "one core", "network": "front",
         "ssh_key": "login", "affinity_groups": ["apart"], "group": "front", "state": "started"},
        {"display_name": "Web", "tags": [{"key": "owner", "value": "web team"}]},
        delete={"state": "expunged"}),
    Case("cs_instance_info", {"name": "web"}, {}, delete=None, reads=True),
    Case("cs_zone_info", {"name": "ansible"}, {}, delete=None, reads=True),
    Case(
        "cs_instance_nic", {**WEB, "network": "back"}, {}, {"ip_address": "10.2.2.77"},
        between=[("cs_instance", {"name": "web", **ZONE, "state": "stopped"})],
        after=[("cs_instance", {"name": "web", **ZONE, "state": "started"})]),
    Case(
        "cs_instance_nic_secondaryip", {**WEB, "network": "front", "vm_guest_ip": "10.1.1.200"}, {}),
    Case("cs_vmsnapshot", {"name": "before", **WEB}, {"description": "before the change"}),
    Case(
        "cs_volume", {"name": "data", **ZONE}, {"disk_offering": "tiny disk"},
        {"vm": "web", "state": "attached"}, delete={"state": "absent", "force": True}),
    Case("cs_snapshot_policy", {"volume": "data", "vm": "web"}, {"schedule": "00:1", "max_snaps": 3},
         {"schedule": "30:2", "max_snaps": 3}),
    Case(
        "cs_ip_address", {"network": "front", **ZONE, "tags": [{"key": "for", "value": "web"}]}, {},
        register="address"),
    Case(
        "cs_firewall", {"ip_address": "{{ address.ip_address }}", "start_port": 80, "end_port": 80, **ZONE},
        {"cidr": "10.0.0.0/8"}, delete={"cidr": "10.0.0.0/8", "state": "absent"}),
    Case(
        "cs_portforward",
        {"ip_address": "{{ address.ip_address }}", "public_port": 22, "private_port": 22, **ZONE}, {"vm": "web"},
        {"vm": "web", "private_port": 2222}),
    Case(
        "cs_loadbalancer_rule", {"name": "front", "ip_address": "{{ address.ip_address }}", **ZONE},
        {"algorithm": "roundrobin", "public_port": 80, "private_port": 8080},
        {"algorithm": "leastconn", "public_port": 80, "private_port": 8080}),
    Case(
        "cs_loadbalancer_rule_member",
        {"name": "front", "ip_address": "{{ address.ip_address }}", "vms": ["web"], **ZONE}, {}),
    Case(
        "cs_staticnat", {"ip_address": "{{ other.ip_address }}", **ZONE}, {"vm": "web"},
        before=[("cs_ip_address", {
            "network": "front", **ZONE, "tags": [{"key": "for", "value": "nat"}], "register": "other"})]),
    Case(
        "cs_router", {"name": "{{ router.stdout }}"}, {"state": "stopped"}, {"state": "started"},
        before=[("ansible.builtin.command", {
            "cmd": "{{ ansible_python_interpreter }} -c \"import cs; print(cs.CloudStack(**cs.read_config())"
                   ".listRouters(listall=True)['router'][0]['name'])\"", "register": "router"})]),
    Case(
        "cs_instance_password_reset", {"vm": "web", **ZONE}, {}, delete=None, without=("repeat", "check"),
        before=[("cs_instance", {"name": "web", **ZONE, "state": "stopped"})]),
    Case(
        "cs_vpc", {"name": "private", **ZONE},
        {"cidr": "10.9.0.0/16", "vpc_offering": "private", "display_text": "private"},
        {"cidr": "10.9.0.0/16", "display_text": "private cloud"}),
    Case("cs_network_acl", {"name": "web only", "vpc": "private", **ZONE}, {"description": "web"}),
    Case(
        "cs_network_acl_rule", {"network_acl": "web only", "vpc": "private", "rule_position": 1, **ZONE},
        {"cidr": "10.0.0.0/8", "start_port": 80, "end_port": 80},
        {"cidr": "10.0.0.0/8", "start_port": 443, "end_port": 443}),
    Case("cs_vpn_gateway", {"vpc": "private", **ZONE}, {}),
    Case(
        "cs_vpn_customer_gateway", {"name": "branch"},
        {"cidr": "10.77.0.0/16", "esp_policy": "aes128-sha1", "ike_policy": "aes128-sha1;modp2048",
         "gateway": "203.0.113.9", "ipsec_psk": "a-shared-key"},
        {"cidr": "10.77.0.0/16", "esp_policy": "aes256-sha1", "ike_policy": "aes128-sha1;modp2048",
         "gateway": "203.0.113.9", "ipsec_psk": "a-shared-key"}),
    Case("cs_vpn_connection", {"vpn_customer_gateway": "branch", "vpc": "private", **ZONE}, {"passive": True}),
    Case("cs_project", {"name": "project"}, {"display_text": "a project"}, {"display_text": "our project"}),
]

# What stands in a zone that is there already, quick enough for every run.
CORE = {
    "cs_domain", "cs_account", "cs_role", "cs_service_offering", "cs_sshkeypair", "cs_securitygroup",
    "cs_securitygroup_rule",
}
