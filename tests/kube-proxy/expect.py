# SPDX-License-Identifier: GPL-2.0-only
"""What Services and EndpointSlices promise, by the Kubernetes documentation (Service, Virtual IPs and Service Proxies,
Service Internal Traffic Policy, Topology Aware Routing, EndpointSlice conditions): which endpoints a client on or
beside this node is sent to, or how it is turned away. Nothing here looks at rules."""

import gzip
import ipaddress
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def read(kind):
    with gzip.open(os.path.join(HERE, kind + ".json.gz"), "rt", encoding="utf-8") as f:
        return json.load(f)["items"]


class Table:
    """The virtual services that kube-proxy programmed in IPVS mode, as ipvsadm saved them: which endpoints each has is
    its own word, as the mode differs from the documentation where a traffic policy is Local."""

    def __init__(self, variant):
        self.servers = {}
        protos = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}
        with gzip.open(os.path.join(HERE, variant, "ipvsadm-save.gz"), "rt", encoding="utf-8") as f:
            for line in f:
                words = line.split()
                key = (protos[words[1]], *self.endpoint(words[2]))
                servers = self.servers.setdefault(key, set())
                if words[0] == "-a":
                    servers.add(self.endpoint(words[4]))

    @staticmethod
    def endpoint(text):
        address, port = text.rsplit(":", 1)
        return str(ipaddress.ip_address(address.strip("[]"))), int(port)


class Proxy:
    """How kube-proxy ran: what of its own configuration changes the promise."""

    def __init__(self, name):
        version, self.mode = name.split("-", 1)
        self.version = tuple(int(x) for x in version[1:].split("."))
        self.nftables = self.mode.startswith("nftables")
        self.ipvs = Table(name) if self.mode == "ipvs" else None
        self.backend = "nft" if self.nftables else "legacy" if "legacy" in self.mode else "nf_tables"
        self.masquerade_all = "masquerade-all" in self.mode
        # --cluster-cidr names the pods' addresses; without, kube-proxy cannot tell a pod from an outside client
        self.cluster_cidrs = [] if "no-cluster-cidr" in self.mode else [
            ipaddress.ip_network("10.244.0.0/16"), ipaddress.ip_network("fd00:10:244::/56")]
        # NodePorts answer on every local address (iptables, 127.0.0.1 included where route_localnet is on), or on the
        # node's primary addresses (nftables)
        self.nodeport_any_address = not self.nftables
        # iptables mode refuses external addresses without endpoints on their way in and through, not the node's own
        # packets to them (KUBE-EXTERNAL-SERVICES is not called from OUTPUT): they leave by their route
        self.refuses_node_to_external = self.nftables


class Cluster:
    NODE, ZONE = "node-a", "zone-1"
    NODE_ADDRESSES = ("192.168.50.11", "fd50::11")

    def __init__(self, proxy):
        self.proxy = proxy
        self.services = {}
        for s in read("services"):
            self.services[s["metadata"]["namespace"] + "/" + s["metadata"]["name"]] = s
        self.slices = {}
        for s in read("endpointslices"):
            owner = s["metadata"]["namespace"] + "/" + s["metadata"]["labels"]["kubernetes.io/service-name"]
            self.slices.setdefault(owner, []).append(s)

    def proxied(self, name):
        """Does kube-proxy handle this service at all?"""
        s = self.services[name]
        return (s["spec"].get("type") != "ExternalName" and s["spec"].get("clusterIP") not in (None, "None", "") and
                "service.kubernetes.io/service-proxy-name" not in (s["metadata"].get("labels") or {}))

    def endpoints(self, name, port, family):
        """[(address, port, conditions, on this node, zones hinted)]"""
        out = {}
        for s in self.slices.get(name, []):
            if s["addressType"] != ("IPv6" if family == 6 else "IPv4"):
                continue
            for p in s.get("ports") or []:
                if (p.get("name") or "") != (port.get("name") or "") or p.get("protocol", "TCP") != port["protocol"]:
                    continue
                for e in s.get("endpoints") or []:
                    zones = [z["name"] for z in (e.get("hints") or {}).get("forZones") or []]
                    for a in e["addresses"]:
                        out[a, p["port"]] = (a, p["port"], e.get("conditions") or {},
                                             e.get("nodeName") == self.NODE, zones)
        return list(out.values())

    @staticmethod
    def _usable(endpoints):
        """Ready ones; if there is none, those that terminate and still serve."""
        ready = [e for e in endpoints if e[2].get("ready", True)]
        return ready or [e for e in endpoints if e[2].get("serving", e[2].get("ready", True)) and
                         e[2].get("terminating")]

    def _near(self, service, endpoints):
        """Topology aware routing: this zone's, if every endpoint carries hints and one is for this zone."""
        annotations = service["metadata"].get("annotations") or {}
        asked = (annotations.get("service.kubernetes.io/topology-mode", "").lower() == "auto" or
                 annotations.get("service.kubernetes.io/topology-aware-hints", "").lower() == "auto" or
                 ("trafficDistribution" in service["spec"] and self.proxy.version >= (1, 31)))
        if not asked or not endpoints or not all(e[4] for e in endpoints):
            return endpoints
        return [e for e in endpoints if self.ZONE in e[4]] or endpoints

    def ports(self, name):
        """Every (port object, kind, address, number) that a client may address."""
        s = self.services[name]
        spec = s["spec"]
        for port in spec.get("ports") or []:
            for a in spec.get("clusterIPs") or []:
                if a != "None":
                    yield port, "cluster", a, port["port"]
            for a in spec.get("externalIPs") or []:
                yield port, "external", a, port["port"]
            for i in (s.get("status", {}).get("loadBalancer") or {}).get("ingress") or []:
                kind = "load-balancer" if i.get("ipMode", "VIP") == "VIP" else "not-here"
                if "ip" in i:
                    yield port, kind, i["ip"], port["port"]
            if port.get("nodePort"):
                for a in self.NODE_ADDRESSES:
                    if self.has_family(spec, a):
                        yield port, "node-port", a, port["nodePort"]
                other = "node-port" if self.proxy.nodeport_any_address else "not-here"
                for a in ("10.244.1.1", "fd00:10:244:1::1", "127.0.0.1"):
                    if self.has_family(spec, a):
                        yield port, other, a, port["nodePort"]

    @staticmethod
    def has_family(spec, address):
        return ("IPv6" if ":" in address else "IPv4") in (spec.get("ipFamilies") or [])

    def is_pod(self, source):
        mine = ipaddress.ip_address(source)
        return any(mine in c for c in self.proxy.cluster_cidrs)

    def promise(self, name, port, kind, address, source, from_node):
        """("endpoints", {(address, port)}), ("reject",), ("drop",) or ("not-here",); and whether the client's address is hidden
        from the endpoint (None: not promised)."""
        s = self.services[name]
        spec = s["spec"]
        family = 6 if ":" in address else 4
        if self.proxy.ipvs:
            return self.virtual(spec, port, kind, address, source, from_node)
        if kind == "not-here" or not self.proxied(name):
            return ("not-here",), None
        every = self.endpoints(name, port, family)
        usable = self._near(s, self._usable(every))
        local = self._usable([e for e in every if e[3]])
        external = kind != "cluster"
        policy = spec.get("externalTrafficPolicy" if external else "internalTrafficPolicy", "Cluster")
        if not usable:
            quiet = external and kind != "node-port" and from_node and not self.proxy.refuses_node_to_external
            return ("not-here",) if quiet else ("reject",), None
        if kind == "load-balancer" and not self.in_ranges(spec, source):
            return ("drop",), None
        inside = self.is_pod(source) or from_node
        hidden = self.proxy.masquerade_all if not external else policy == "Cluster"
        if not external and not hidden and self.proxy.cluster_cidrs:
            hidden = not self.is_pod(source)
        if policy == "Local" and external and inside:
            # "traffic from inside the cluster to an external address uses Cluster policy"
            chosen, hidden = usable, None if from_node else False
        elif policy == "Local":
            chosen = local
            if not chosen:
                return ("drop",), None
        else:
            chosen = usable
        return ("endpoints", {(e[0], e[1]) for e in chosen}), hidden

    def virtual(self, spec, port, kind, address, source, from_node):
        """The same where IPVS balances."""
        servers = self.proxy.ipvs.servers.get((port["protocol"], address, port["nodePort" if kind == "node-port" else "port"]))
        if servers is None:
            return ("not-here",), None
        # a process of the node has the virtual address itself as its source
        if kind == "load-balancer" and spec.get("loadBalancerSourceRanges") and \
                (from_node or not self.in_ranges(spec, source)):
            return ("drop",), None
        if not servers:
            return ("reject",), None
        hidden = None if from_node else not self.is_pod(source) if kind == "cluster" else \
            spec.get("externalTrafficPolicy", "Cluster") == "Cluster"
        return ("endpoints", servers), hidden

    @staticmethod
    def in_ranges(spec, source):
        ranges = [ipaddress.ip_network(r) for r in spec.get("loadBalancerSourceRanges") or []]
        mine = ipaddress.ip_address(source)
        ranges = [r for r in ranges if r.version == mine.version]
        return not ranges or any(mine in r for r in ranges)
