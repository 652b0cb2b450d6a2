# SPDX-License-Identifier: GPL-2.0-only
"""Random virtual services, for a kernel that has IPVS: their addresses on kube-ipvs0 or elsewhere, schedulers, real servers, and
the switches that decide. They follow from the seed by dice of their own, so that the rules stay what they are without."""

import random

import lab
from words import ADDR, MARKS, PORTS, Dice
from world import REFUSED

# by turns, by hash and by weight; those that look at loads only where one packet is sent at a time
SCHEDULERS = ["rr", "rr", "rr", "wrr", "wrr", "sh", "sh -b sh-port", "sh -b sh-fallback,sh-port", "dh", "mh", "mh -b mh-port", "fo", "lblc"]
BY_LOAD = ["lc", "wlc", "sed", "nq", "ovf", "twos"]
SWITCHES = {"conntrack": (0.65, 1), "cache_bypass": (0.25, 1), "nat_icmp_send": (0.12, 1), "snat_reroute": (0.85, 1),
            "expire_nodest_conn": (0.5, 1), "expire_quiescent_template": (0.5, 1), "conn_reuse_mode": (0.7, 1), "sloppy_tcp": (0.2, 1)}


def available():
    """Asking for the family loads the module, as ipvsadm does."""
    return lab.subprocess.run(["modprobe", "-q", "ip_vs"], check=False, stderr=lab.subprocess.DEVNULL).returncode == 0


class Virtual:
    """lines: as ipvsadm --save prints them. met: what a packet meets them by."""

    OWN = {"ext": ("ext", "far"), "far": ("ext", "far")}

    def __init__(self, seed, v, serial):
        self.d, self.v = Dice(random.Random("ipvs %d" % seed)), v
        d = self.d
        # one packet at a time: what it leaves decides on the next
        self.serial = serial or d.chance(0.12)
        self.schedulers = SCHEDULERS + BY_LOAD * 2 if self.serial else SCHEDULERS
        self.held = sorted({ADDR[v][d.of(("vip", "vip", "lb", "nowhere"))] for _ in range(d.between(1, 4))})
        self.switches = {name: value if d.chance(p) else 0 for name, (p, value) in SWITCHES.items()}
        self.lines, self.met, used = [], [], set()
        for _ in range(d.between(1, 6)):
            key = self._key()
            if key not in used:
                used.add(key)
                self._service(key)

    def _at(self, address, port):
        return ("%s:%d" if self.v == 4 else "[%s]:%d") % (address, port)

    def _key(self):
        d = self.d
        if d.chance(0.15):
            return "-f %d%s" % (d.of([m for m in MARKS if m]), " -6" if self.v == 6 else "")
        name = d.weighted([(8, "vip"), (3, "lb"), (2, "node"), (1, "bridge"), (1, "nowhere"), (1, "ext"), (1, "pod2")])
        address, port, proto = ADDR[self.v][name], d.of(PORTS), d.of(["tcp", "tcp", "udp"])
        self.met.append((address, port, proto))
        return "-%s %s" % (proto[0], self._at(address, port))

    def aim(self, probe):
        """Every other packet at a virtual service."""
        if self.met and self.d.chance(0.6):
            address, port, proto = self.d.of(self.met)
            if probe.place == "node" or address not in [ADDR[self.v][n] for n in self.OWN.get(probe.place, (probe.place,))]:
                probe.dst, probe.dport, probe.proto = address, port, proto

    def _service(self, key):
        d, servers = self.d, set()
        scheduler = d.of(self.schedulers)
        if scheduler == "lblc" and not self.serial:     # nobody tells whom it remembers
            scheduler = "wrr"
        flags = " -s " + scheduler
        # of packets sent together the first makes the template that the others follow, whatever a hash says
        if d.chance(0.3 if self.serial else 0.15) and (self.serial or scheduler in ("rr", "wrr")):
            flags += " -p %d" % d.of([5, 600])
            if d.chance(0.3):
                flags += " -M " + ("255.255.255.0" if self.v == 4 else "64")
        if key[:2] == "-u" and d.chance(0.06):
            flags += " -o"
        self.lines.append("-A %s%s" % (key, flags))
        for _ in range(d.weighted([(1, 0), (4, 1), (5, 2), (3, 3)])):
            address, port, method = d.place(self.v), d.of(PORTS), d.weighted([(12, "-m"), (2, "-g"), (0.4, "-i")])
            server = self._at(address, port)
            # but with -m it has the service's own port
            if (address, port) in servers or (method != "-m" and any(address == a for a, _ in servers)):
                continue
            servers.update([(address, port)] if method == "-m" else [(address, p) for p in PORTS])
            self.lines.append("-a %s -r %s %s -w %d%s" % (
                key, server, method, d.of([1, 1, 1, 2, 3, 0]),
                " -x %d -y %d" % d.of([(1, 0), (2, 1), (3, 0), (4, 2)]) if self.serial and d.chance(0.15) else ""))

    def words(self):
        """What it is, for a reader."""
        yield from ("ipvsadm: " + line for line in self.lines)
        yield "on kube-ipvs0: %s; %s" % (" ".join(self.held), " ".join("%s=%d" % x for x in self.switches.items()))

    def load(self, world):
        """Into the node, in place of what was there; what ipvsadm does not take is left out."""
        with lab.inside(world.node):
            # the last device, by its number too: where a down device stands among the others nobody tells
            if "kube-ipvs0" not in world.links:
                lab.subprocess.run(["ip", "link", "add", "kube-ipvs0", "index", "200", "type", "dummy"], check=False, close_fds=False)
                world.links["kube-ipvs0"] = 200
            for args, text in ((["ipvsadm", "-C"], None), (["ipvsadm", "--set", "20", "20", "20"], None),
                               (["ip", "-batch", "-"], self._addresses())):
                lab.subprocess.run(args, input=text, text=True, check=False, capture_output=True, close_fds=False)
            done = lab.subprocess.run(["ipvsadm", "-R"], input="\n".join(self.lines) + "\n", text=True, check=False,
                                      capture_output=True, close_fds=False)
        for name, value in self.switches.items():
            world.sysctl("net/ipv4/vs/" + name, value)
        if done.stderr:
            REFUSED.append(("ipvsadm: " + "; ".join(self.lines), done.stderr))

    def _addresses(self):
        return "addr flush dev kube-ipvs0\n" + "".join(
            "addr add %s dev kube-ipvs0%s\n" % (a, " nodad" if ":" in a else "") for a in self.held)
