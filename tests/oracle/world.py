# SPDX-License-Identifier: GPL-2.0-only
"""The lab of the oracle: one node with its neighbours, servers everywhere, and a loader for rulesets."""

import os
import re
import selectors
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "netns")]
import lab  # noqa: E402
from iptables import CHAINS  # noqa: E402
from iptables_more import KINDS  # noqa: E402
from words import ADDR, OPEN, PORTS, SPORT_LONG, TPROXY  # noqa: E402

ANSWERS = 500       # within a batch: where servers answer each other, that ends
PLACES = ("node", "ext", "pod1", "pod2", "pod3")
OWN = {"node": ("node", "bridge"), "ext": ("ext", "far"), "pod1": ("pod1",), "pod2": ("pod2",), "pod3": ("pod3",)}
# what each tool is called as, and in which order they are fed
FEED = {"ipset": ["ipset", "-exist", "restore"], "nft": ["nft", "-f", "-"]}
ORDER = ["ipset", "iptables-nft-restore", "ip6tables-nft-restore", "iptables-legacy-restore", "ip6tables-legacy-restore",
         "nft"]

NEIGH = """
n() { ip -n "$LAB-$1" neigh replace "$2" dev "$3" lladdr "$(ip -n "$LAB-$4" -br link show dev "$5" | awk '{ print $3 }')" nud permanent; }
for a in 192.0.2.1 fd02::1; do n node $a eth0 ext eth0; done
for a in 192.0.2.10 fd02::10; do n ext $a eth0 node eth0; done
for a in 10.244.0.2 fd44::2; do n node $a cni0 pod1 eth0; n pod2 $a eth0 pod1 eth0; done
for a in 10.244.0.3 fd44::3; do n node $a cni0 pod2 eth0; n pod1 $a eth0 pod2 eth0; done
for a in 10.244.0.1 fd44::1; do n pod1 $a eth0 node cni0; n pod2 $a eth0 node cni0; done
for a in 10.244.9.9 fd44:9::9; do n node $a veth3 pod3 eth0; done
for a in 169.254.1.1 fe80::1; do n pod3 $a eth0 node veth3; done
for p in ext pod1 pod2 pod3; do
    ip netns exec "$LAB-$p" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
done
for p in node ext pod1 pod2 pod3; do
    ip netns exec "$LAB-$p" sysctl -qw net.ipv4.tcp_synack_retries=0 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
        net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096
    # nothing is sent a second time while it is waited for
    ip netns exec "$LAB-$p" sysctl -qw net.ipv4.tcp_rto_min_us=5000000 2>/dev/null
    ip netns exec "$LAB-$p" sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000 2>/dev/null
done
# what tproxy marks is for a socket here
for f in -4 -6; do
    ip -n "$LAB-node" $f rule add fwmark 0x77/0xff lookup 100
    ip -n "$LAB-node" $f route add local default dev lo table 100
done
for i in $(seq 60); do
    [ -z "$(ip -n "$LAB-node" -6 route show fd44::/64)" ] || break
    sleep 0.05
done
"""

BEGIN = """
    chain seen { meta nftrace set 1 accept; }
    chain wanted {
        tcp flags & (fin|rst) == 0 tcp flags & syn == syn goto seen
        meta l4proto { udp, sctp } goto seen
        icmp type { echo-request, echo-reply, destination-unreachable, time-exceeded } goto seen
        icmpv6 type { echo-request, echo-reply, destination-unreachable, time-exceeded } goto seen
        tcp flags & rst == rst tcp sport < 20000 goto seen
        tcp flags & (rst|ack) == ack th sport >= %d goto seen
        tcp flags & (rst|ack) == ack th dport >= %d goto seen
        drop
    }
""" % (SPORT_LONG, SPORT_LONG)
TAP = """table inet trace-tap {""" + BEGIN + """
    chain pre { type filter hook prerouting priority -1000; jump wanted; }
    chain out { type filter hook output priority -1000; jump wanted; }
    chain pre_end { type filter hook prerouting priority 1000; }
    chain in_end { type filter hook input priority 1000; }
    chain fwd_end { type filter hook forward priority 1000; }
    chain out_end { type filter hook output priority 1000; }
    chain post_end { type filter hook postrouting priority 1000; }
}
"""
# conntrack works only where a rule asks for it
TRACK = "add chain inet trace-tap track\nadd rule inet trace-tap track ct state new continue\n"
# the connection's mark, shown as the packet's
CTMARK = "add chain inet trace-tap ct_end { type filter hook postrouting priority 1001; }\n" \
         "add rule inet trace-tap ct_end meta mark set ct mark\n"
# families below IP, where a ruleset has them: the packet is traced from there on
_HOOKS = (("pre", "prerouting"), ("in", "input"), ("fwd", "forward"), ("out", "output"), ("post", "postrouting"))
BELOW = {
    "bridge": "table bridge trace-tap {\n" + "".join(
        "    chain %s { type filter hook %s priority -1000; meta protocol { ip, ip6 } meta nftrace set 1; }\n" % (n, h)
        for n, h in _HOOKS if n in ("pre", "out")) + "".join(
            "    chain br_%s_end { type filter hook %s priority 1000; }\n" % (n, h) for n, h in _HOOKS) + "}\n",
    "netdev": "table netdev trace-tap {\n" + "".join(
        "    chain %s { type filter hook ingress device \"%s\" priority -1000; meta protocol { ip, ip6 } meta nftrace set 1; }\n"
        "    chain %s_end { type filter hook ingress device \"%s\" priority 1000; }\n" % (n, n, n, n)
        for n in ("eth0", "veth1", "veth2", "veth3", "cni0")) + "}\n",
}


class Broken(Exception):
    pass


REFUSED = []


def run_inside(ns, argv, text=None):
    """Like lab.run_in(), without the mounts of `ip netns exec`."""
    with lab.inside(ns):
        return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, close_fds=False)


class Servers:
    """Answers everywhere, within the loop of whoever sends: TCP by accepting, UDP by an empty datagram."""

    def __init__(self, ns):
        self.sel, self.held, self.answers = selectors.DefaultSelector(), [], ANSWERS
        for place in PLACES:
            with lab.inside(ns(place)):
                for v in (4, 6):
                    self._place(place, v)
                    if place == "node":
                        self._tproxy(v)

    def _listen(self, v, kind, address, port, transparent=False):
        s = socket.socket(socket.AF_INET if v == 4 else socket.AF_INET6, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v == 6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if transparent:
            s.setsockopt(*((socket.IPPROTO_IP, 19) if v == 4 else (socket.IPPROTO_IPV6, 75)), 1)
        s.bind((address, port))
        s.setblocking(False)
        if kind == socket.SOCK_STREAM:
            s.listen(4096)
        self.sel.register(s, selectors.EVENT_READ, self._accept if kind == socket.SOCK_STREAM else self._echo)

    def _place(self, place, v):
        own = [ADDR[v][x] for x in OWN[place]] + ["127.0.0.1" if v == 4 else "::1"]
        for port in OPEN:
            self._listen(v, socket.SOCK_STREAM, "", port)
            for address in own:     # an answer comes from the address that was asked only if the socket is bound to it
                self._listen(v, socket.SOCK_DGRAM, address, port)

    def _tproxy(self, v):
        self._listen(v, socket.SOCK_STREAM, "", TPROXY, True)

    def _accept(self, s):
        try:
            while True:
                self.held.append(s.accept()[0])
        except OSError:
            pass

    def _echo(self, s):
        try:
            while True:
                _data, addr = s.recvfrom(64)
                # a rule may have sent it here from another server, which is not to be answered
                if addr[1] not in PORTS and self.answers:
                    self.answers -= 1
                    s.sendto(b"", addr)
        except OSError:
            pass

    def release(self):
        """Ends what was accepted, with a RST: no FIN that would be sent again."""
        for s in self.held:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        self.held.clear()
        self.answers = ANSWERS

    def close(self):
        self.release()
        for key in list(self.sel.get_map().values()):
            key.fileobj.close()
        self.sel.close()


class Lab:
    """One node with its neighbours. legacy: the tables of iptables-legacy exist, and stay for good."""

    def __init__(self, legacy):
        self.prefix = "kt%d%s" % (os.getpid(), "l" if legacy else "n")
        self.legacy = legacy
        self.node = self.prefix + "-node"
        self.chains = {}                # (family, table, chain) of iptables-legacy: how many rules
        done = lab.shell('lab_down "$LAB"; node_up || exit 1; ' + NEIGH, LAB=self.prefix)
        if done.returncode:
            raise Broken("lab: " + done.stderr)
        self.servers = Servers(self.ns)
        self.mac = {(p, line.split()[0].partition("@")[0]): line.split()[2] for p in PLACES
                    for line in lab.run_in(self.ns(p), ["ip", "-br", "link"]).stdout.splitlines() if "lo " not in line}
        self.macs = list(self.mac.values())
        self.links = {line.split(":")[1].strip().split("@")[0]: int(line.split(":")[0]) for line in
                      lab.run_in(self.node, ["ip", "-o", "link"]).stdout.splitlines()}
        self.bridged, self.loose, self.turn, self.read = True, True, 0, set()
        self.set_kinds = [k for k, _ in KINDS if not run_inside(self.node, ["ipset", "create", "probe", *k.split(), *(
            ["range", "0-1"] if k == "bitmap:port" else ["range", "10.0.0.0/24"] if k.startswith("bitmap") else [])]).returncode
            and not run_inside(self.node, ["ipset", "destroy", "probe"]).returncode]

    def ns(self, place):
        return self.prefix + "-" + place

    def close(self):
        self.servers.close()
        lab.shell('lab_down "$LAB"', LAB=self.prefix)

    def sysctl(self, name, value):
        with lab.inside(self.node), open("/proc/sys/" + name, "w", encoding="ascii") as f:
            f.write(str(value))

    def br_netfilter(self, on):
        if on != self.bridged:
            for name in ("iptables", "ip6tables"):
                self.sysctl("net/bridge/bridge-nf-call-" + name, int(on))
            self.bridged = on

    def tcp_loose(self, on):
        if on != self.loose:
            self.sysctl("net/netfilter/nf_conntrack_tcp_loose", int(on))
            self.loose = on

    def read_queue(self, number):
        """By a program that lets everything pass, as long as the lab is there."""
        if number not in self.read:
            reader = os.path.join(lab.HERE, "nfqueue.py")
            done = run_inside(self.node, ["python3", reader, str(number), "accept", "/run/netns/" + self.node])
            if done.returncode:
                raise Broken(done.stdout + done.stderr)
            self.read.add(number)

    # -- rules --

    def load(self, rules, tap):
        """Loads; lines that nft or iptables refuse are dropped from rules, in place. tap: what the eyes need, for nft."""
        self._nft("flush ruleset\n", True)
        if self.legacy:
            self._legacy(rules)
        self._no_ipsets({line.split()[1] for line in rules.get("ipset", ())})
        for tool in rules.get("order", ORDER):
            if rules.get(tool):
                self._feed(tool, rules[tool])
        self._nft(tap, True)

    def another(self):
        """What the names of the next ruleset's ipsets begin with: those before it need not be gone by then."""
        self.turn += 1
        return "opqrstuvwxyz"[self.turn % 12]

    def _no_ipsets(self, wanted):
        """nf_tables lets go of them a moment after its rules are gone: only of wanted names it must have done so."""
        for _ in range(500):
            left = run_inside(self.node, ["ipset", "-n", "list"]).stdout.split()
            # a list goes before its members
            left = [x for x in reversed(left) if run_inside(self.node, ["ipset", "destroy", x]).returncode]
            if not wanted & set(left):
                return
            time.sleep(0.01)

    def _legacy(self, rules):
        for tool in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
            if not rules.get(tool) and not getattr(self, tool, True):
                continue
            empty = "".join("*%s\n%sCOMMIT\n" % (t, "".join(":%s ACCEPT [0:0]\n" % c for c in CHAINS[t])) for t in CHAINS)
            done = run_inside(self.node, [tool], empty)
            if done.returncode:
                raise Broken(tool + ": " + done.stderr)
            setattr(self, tool, bool(rules.get(tool)))

    def count_legacy(self, rules):
        """How many rules each chain holds: tells a chain's end from a rule without matches (both are TRACEd alike)."""
        self.chains = {}
        for tool, family in (("iptables-legacy-restore", "ip"), ("ip6tables-legacy-restore", "ip6")):
            table = None
            for line in rules.get(tool, ()):
                if line[0] == "*":
                    table = line[1:]
                elif line.startswith("-A "):
                    key = family, table, line.split()[1]
                    self.chains[key] = self.chains.get(key, 0) + 1

    def _nft(self, text, must=False):
        done = run_inside(self.node, ["nft", "-f", "-"], text)
        if done.returncode and must:
            raise Broken("nft: " + done.stderr)
        return done

    def _feed(self, tool, lines):
        for _ in range(200):
            done = run_inside(self.node, FEED.get(tool, [tool]), "\n".join(lines) + "\n")
            if done.returncode == 0:
                return
            bad = {int(n) for n in re.findall(r"/dev/stdin:(\d+):", done.stderr)} if tool == "nft" else \
                {int(n) for n in re.findall(r"line:? (\d+)", done.stderr)}
            bad = {n for n in bad if 0 < n <= len(lines)}
            if not bad:
                raise Broken("%s: %s" % (tool, done.stderr))
            for n in sorted(bad, reverse=True):
                if lines[n - 1] == "COMMIT":    # the whole table was refused: which line is not told
                    del lines[n - 2]
                else:
                    REFUSED.append((lines[n - 1], "; ".join(x for x in done.stderr.splitlines()
                                                            if not tool == "nft" or ":%d:" % n in x)))
                    del lines[n - 1]
        raise Broken("%s refuses too much" % tool)
