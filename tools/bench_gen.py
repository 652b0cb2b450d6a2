#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rules as kube-proxy writes them for N services of 5 endpoints, every 50th with a NodePort.

usage: bench_gen.py iptables|nftables N     iptables: for iptables-restore; nftables: for nft -f

Service I is big/svc-I:http at 10.97.X.Y:80; two of its five endpoints are on this node. Chain names are
made as kube-proxy makes them: base32 of a SHA-256 of the service's name. Left out: the two nfacct matches of
kube-proxy 1.31 and later, which would need their counters to be made first.
"""
import base64
import hashlib
import sys

POD_CIDR = "10.244.0.0/16"
NODE_IP = {"ip": "192.168.50.11", "ip6": "fd50::11"}
ENDPOINTS = 5


def b32(text, length):
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


def address(base, i):
    return f"10.{base + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"


class Service:
    def __init__(self, i):
        self.name = f"big/svc-{i:05d}"
        self.ip = address(97, i)
        self.node_port = 30000 + i // 50 if i % 50 == 0 else None
        # kube-proxy sorts endpoints as strings; the first and fourth are this node's pods
        pods = [address(128, i * ENDPOINTS + k) for k in range(ENDPOINTS)]
        self.local = [pods[0], pods[3]]
        self.endpoints = sorted(pods)
        self.spn = self.name + ":http"
        self.hash16 = b32(self.spn + "tcp", 16)
        self.chain = f"{b32(self.name + '/tcp/http', 8)}-{self.name}/tcp/http"

    def sep(self, pod):
        return "KUBE-SEP-" + b32(f"{self.spn}tcp{pod}:8080", 16)


# -- iptables mode ---------------------------------------------------------------------------------

FILTER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -j KUBE-FIREWALL
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-PROXY-CANARY - [0:0]
COMMIT
"""

NAT_CHAINS = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SERVICES - [0:0]
"""

NAT_RULES = """-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
"""

NODEPORTS_LAST = (
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n"
)


def comment(text):
    return f'-m comment --comment "{text}"'


def iptables(services, out):
    out(FILTER)
    out(NAT_CHAINS)
    for s in services:
        out(f":KUBE-SVC-{s.hash16} - [0:0]\n")
        if s.node_port:
            out(f":KUBE-EXT-{s.hash16} - [0:0]\n")
        for pod in s.endpoints:
            out(f":{s.sep(pod)} - [0:0]\n")
    out(NAT_RULES)
    for s in services:
        svc, cluster_ip = f"KUBE-SVC-{s.hash16}", comment(f"{s.spn} cluster IP")
        out(f"-A KUBE-SERVICES -d {s.ip}/32 -p tcp {cluster_ip} -m tcp --dport 80 -j {svc}\n")
        if s.node_port:
            ext = f"KUBE-EXT-{s.hash16}"
            out(f"-A KUBE-NODEPORTS -p tcp {comment(s.spn)} -m tcp --dport {s.node_port} -j {ext}\n")
            out(f"-A {ext} {comment(f'masquerade traffic for {s.spn} external destinations')} -j KUBE-MARK-MASQ\n")
            out(f"-A {ext} -j {svc}\n")
        out(f"-A {svc} ! -s {POD_CIDR} -d {s.ip}/32 -p tcp {cluster_ip} -m tcp --dport 80 -j KUBE-MARK-MASQ\n")
        for k, pod in enumerate(s.endpoints):
            left = ENDPOINTS - k
            chance = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
            out(f"-A {svc} {comment(f'{s.spn} -> {pod}:8080')}{chance} -j {s.sep(pod)}\n")
            out(f"-A {s.sep(pod)} -s {pod}/32 {comment(s.spn)} -j KUBE-MARK-MASQ\n")
            out(f"-A {s.sep(pod)} -p tcp {comment(s.spn)} -m tcp -j DNAT --to-destination {pod}:8080\n")
    out(NODEPORTS_LAST)
    out("COMMIT\n")


# -- nftables mode, the shape of kube-proxy 1.36 ---------------------------------------------------

NFT_CHAINS = """
	chain nodeport-endpoints-check {
		FAM daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
	}
	chain service-endpoints-check {
		FAM daddr . meta l4proto . th dport vmap @no-endpoint-services
	}
	chain firewall-check {
		FAM daddr . meta l4proto . th dport vmap @firewall-ips
	}
	chain reject-chain {
		comment "helper for @no-endpoint-services / @no-endpoint-nodeports"
		reject
	}
	chain cluster-ips-check {
		FAM daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
		FAM daddr SERVICE_CIDR drop comment "Drop traffic to unallocated ClusterIPs"
	}
	chain services {
		FAM daddr @cluster-ips FAM saddr != CLUSTER_CIDR meta mark set meta mark | 0x00004000 comment "masquerade clusterIP traffic from outside cluster"
		FAM daddr . meta l4proto . th dport vmap @service-ips
		FAM daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
	}
	chain masquerading {
		meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random
		ct status dnat FAM saddr . FAM daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
	}
	chain filter-prerouting-pre-dnat {
		type filter hook prerouting priority -110; policy accept;
		ct state new jump firewall-check
	}
	chain filter-output-pre-dnat {
		type filter hook output priority -110; policy accept;
		ct state new jump firewall-check
	}
	chain filter-input {
		type filter hook input priority 0; policy accept;
		ct state new jump nodeport-endpoints-check
		ct state new jump service-endpoints-check
	}
	chain filter-forward {
		type filter hook forward priority 0; policy accept;
		ct state new jump service-endpoints-check
		ct state new jump cluster-ips-check
	}
	chain filter-output {
		type filter hook output priority 0; policy accept;
		ct state new jump service-endpoints-check
		ct state new jump cluster-ips-check
	}
	chain nat-prerouting {
		type nat hook prerouting priority -100; policy accept;
		jump services
	}
	chain nat-output {
		type nat hook output priority -100; policy accept;
		jump services
	}
	chain nat-postrouting {
		type nat hook postrouting priority 100; policy accept;
		jump masquerading
	}
"""


def nft_set(out, kind, name, key, words, elements):
    out(f'\t{kind} {name} {{\n\t\ttype {key}\n\t\tcomment "{words}"\n')
    if elements:
        out("\t\telements = { " + ",\n\t\t\t".join(elements) + " }\n")
    out("\t}\n")


def nft_table(family, services, out):
    addr = "ipv4_addr" if family == "ip" else "ipv6_addr"
    verdict_map = f"{addr} . inet_proto . inet_service : verdict"
    node_ports = [s for s in services if s.node_port]
    out(f'table {family} kube-proxy {{\n\tcomment "rules for kube-proxy"\n')
    nft_set(out, "set", "hairpin-connections", f"{addr} . {addr} . inet_proto . inet_service",
            "service hairpin connections", [f"{p} . {p} . tcp . 8080" for s in services for p in s.local])
    nft_set(out, "set", "cluster-ips", addr, "Active ClusterIPs", [s.ip for s in services])
    nft_set(out, "set", "nodeport-ips", addr, "IPs that accept NodePort traffic", [NODE_IP[family]])
    nft_set(out, "map", "no-endpoint-services", verdict_map,
            "vmap to drop or reject packets to services with no endpoints", [])
    nft_set(out, "map", "no-endpoint-nodeports", "inet_proto . inet_service : verdict",
            "vmap to drop or reject packets to service nodeports with no endpoints", [])
    nft_set(out, "map", "firewall-ips", verdict_map,
            "destinations that are subject to LoadBalancerSourceRanges", [])
    for s in services:
        ways = ", ".join(f"{k} : {pod} . 8080" for k, pod in enumerate(s.endpoints))
        out(f"\tchain service-{s.chain} {{\n"
            f"\t\tmeta l4proto tcp dnat ip to numgen random mod {ENDPOINTS} map {{ {ways} }}\n\t}}\n")
        if s.node_port:
            out(f'\tchain external-{s.chain} {{\n\t\tmeta mark set meta mark | 0x00004000 comment "masquerade"\n'
                f"\t\tgoto service-{s.chain}\n\t}}\n")
    nft_set(out, "map", "service-ips", verdict_map, "ClusterIP, ExternalIP and LoadBalancer IP traffic",
            [f"{s.ip} . tcp . 80 : goto service-{s.chain}" for s in services])
    nft_set(out, "map", "service-nodeports", "inet_proto . inet_service : verdict", "NodePort traffic",
            [f"tcp . {s.node_port} : goto external-{s.chain}" for s in node_ports])
    cluster, service = (POD_CIDR, "10.96.0.0/12") if family == "ip" else ("fd00:10:244::/56", "fd00:10:96::/112")
    out(NFT_CHAINS.replace("FAM", family).replace("SERVICE_CIDR", service).replace("CLUSTER_CIDR", cluster))
    out("}\n")


def nftables(services, out):
    nft_table("ip", services, out)
    nft_table("ip6", [], out)


def main():
    forms = {"iptables": iptables, "nftables": nftables}
    if len(sys.argv) != 3 or sys.argv[1] not in forms or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    services = [Service(i) for i in range(int(sys.argv[2]))]
    # the order of a Go map: none, but the same at each run
    services.sort(key=lambda s: s.hash16)
    forms[sys.argv[1]](services, sys.stdout.write)


if __name__ == "__main__":
    main()
