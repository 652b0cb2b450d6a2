# SPDX-License-Identifier: GPL-2.0-only
"""What takes packets elsewhere: copies of them (dup, TEE), frames that one device hands to another (fwd), and handshakes that the node
answers itself (synproxy), and queues to user space. Drawn only for seeds from FIRST on (queues: from QUEUES on), with dice of its own,
among the rules that any seed has: what a seed below means is what it always meant."""

import re

from iptables import CHAINS, Iptables
from nft_more import Below
from nftables import Nft
from words import ADDR, PORTS
from world import BELOW

FIRST = 1 << 31
QUEUES = 3 << 31
DEVICES = {"eth0": ["ext", "far"], "cni0": ["pod1", "pod2"], "veth3": ["pod3"]}
PROXY = ["mss 1460 wscale 7 timestamp sack-perm", "mss 1460", "mss 536 timestamp", "mss 1300 sack-perm"]
XT_PROXY = ["--mss 1460 --wscale 7 --timestamp --sack-perm", "--mss 1460", "--mss 536 --timestamp", "--mss 1300 --sack-perm --ecn"]

# A copy begins at OUTPUT, and is the one packet there that conntrack was told to leave alone already (nf_dup_ipv4()): it is counted,
# and goes on unseen. No other packet is to be taken for it, so it ends behind the last rule, known by what no rule sets. Where rules
# count the traffic it meets none of them.
COPIES = """
add chain inet trace-tap copies
add chain inet trace-tap copy
add rule inet trace-tap copies goto copy
add rule inet trace-tap copy meta nftrace set 0 meta priority set dead:beef
add rule inet trace-tap copy %s set 211 %s
insert rule inet trace-tap out ct state untracked goto copies
add chain inet trace-tap sink { type filter hook postrouting priority 1002; }
add rule inet trace-tap sink meta priority dead:beef drop
add rule inet trace-tap sink %s 211 drop
"""
READ = 5                                    # the queue that a program reads; it lets everything pass
LIVES = {4: "ip ttl", 6: "ip6 hoplimit"}
# What a rule takes for itself is traced without its headers, by the number that the packet bore at this hook before.
KNOWN = "add chain inet trace-tap in { type filter hook input priority -1000; }\n" \
        "add chain inet trace-tap fw { type filter hook forward priority -1000; }\n"
KNOWN_OUT = "add chain netdev trace-tap out_%s { type filter hook egress device \"%s\" priority -1000; }\n"
# A frame's copy leaves the device with the addresses that it had elsewhere.
MIRRORED = """
add chain netdev trace-tap copies_%s
add rule netdev trace-tap copies_%s drop
add chain netdev trace-tap sink_%s { type filter hook egress device "%s" priority -1000; }
add rule netdev trace-tap sink_%s ether saddr != %s goto copies_%s
"""


class Elsewhere:
    """kind: "copy", "mirror", "forward", "proxy" or "queue". add() puts the rules among those of a case, and tap() is what the eyes need."""

    def __init__(self, dice, v, lab, serial, queues):
        self.d, self.v, self.lab, self.serial = dice, v, lab, serial
        self.loose = True                   # net.netfilter.nf_conntrack_tcp_loose
        self.kind = "queue" if queues else dice.weighted([(4, "copy"), (2, "mirror"), (3, "forward"), (3, "proxy")])

    def add(self, rules, below):
        """To {tool: lines}."""
        self.devices = "netdev" not in below and self.kind in ("mirror", "forward")
        getattr(self, "_" + self.kind)(rules)

    def tap(self):
        text = BELOW["netdev"] if self.devices else ""
        if self.kind == "copy":
            text += COPIES % (LIVES[self.v], "drop" if self.serial else "accept", LIVES[self.v])
        if self.kind == "proxy":
            text += KNOWN
        if self.kind == "forward":
            text += "".join(KNOWN_OUT % (x, x) for x in ("eth0", "veth1", "veth2", "veth3", "cni0"))
        if self.kind == "mirror":
            text += "".join(MIRRORED % (x, x, x, x, x, self.lab.mac["node", x], x) for x in DEVICES)
        return text

    # -- places for rules --

    @staticmethod
    def nft_chains(lines):
        """[(family, table, chain, hook, device, where it is made)], chains without a hook with that of their base chain."""
        out, hooks = [], {}
        for i, line in enumerate(lines):
            m = re.match(r"add chain (\S+) (\S+) (\S+)(?: \{ type (\w+) hook (\w+)(?: device \"(\w+)\")?)?", line)
            if not m:
                continue
            family, table, chain, kind, hook, device = m.groups()
            if hook:
                hooks[family, table, chain] = kind, hook, device
            kind, hook, device = hooks[family, table, chain.partition("_")[0]]
            out.append((family, table, chain, kind, hook, device, i))
        return out

    @staticmethod
    def xt_chains(lines):
        """[(table, chain, hook, where its rules begin and may end)]"""
        out, table, names, first = [], None, [], 0
        for i, line in enumerate(lines):
            if line[0] == "*":
                table, names = line[1:], []
            elif line[0] == ":":
                names.append(line[1:].split()[0])
                first = i + 1
            elif line == "COMMIT":
                for name in names:
                    hook = [h for h in CHAINS[table] if name == h or name[2:5] == h[:3]]
                    out.append((table, name, hook[0], first, i))
        return out

    def among_nft(self, lines, chain, rule):
        family, table, name, _kind, _hook, _device, made = chain
        lines.insert(self.d.between(made + 1, len(lines)), " ".join(("add rule %s %s %s %s" % (family, table, name, rule)).split()))

    def own_chain(self, lines, family, table, kind, hook, priority):
        """A base chain in a table of its own."""
        n = sum(1 for x in lines if x.startswith("add chain %s %s " % (family, table)))
        lines += ["add table %s %s" % (family, table), "add chain %s %s o%d { type %s hook %s priority %d; policy accept; }" % (
            family, table, n, kind, hook, priority)]
        return self.nft_chains(lines)[-1]

    def nft_matches(self, chain):
        g = Nft(self.d, chain[0], chain[1], self.lab.macs, self.v)
        g.draw_rule()
        g.version = self.v
        return g.matches(chain[4])

    def into_xt(self, rules, n, fits, rule):
        """rule(Iptables, table, hook): words after the chain's name."""
        for tool in [t for t in rules if t.startswith("ip") and t.endswith("-restore")]:
            g = Iptables(self.d, self.v, self.lab.macs, "x")
            for _ in range(n):
                chains = [c for c in self.xt_chains(rules[tool]) if fits(c[0], c[2])]
                if chains:
                    table, name, hook, first, end = self.d.of(chains)
                    rules[tool].insert(self.d.between(first, end), ("-A %s %s" % (name, rule(g, table, hook))).strip())

    # -- copies of packets --

    def gateway(self):
        """(address, the device that leads there)"""
        d = self.d
        device = d.of(list(DEVICES))
        if d.chance(0.1):
            return d.of([ADDR[self.v]["bridge"], {4: "192.0.2.77", 6: "fd02::77"}[self.v]]), None
        return ADDR[self.v][d.of([p for p in DEVICES[device] if p != "far"])], device

    def _dup(self):
        d, (to, device) = self.d, self.gateway()
        if d.chance(0.15):
            ip = "ip" if self.v == 4 else "ip6"
            a, b = d.some(sorted(ADDR[self.v].values()), 2, 2)
            return "dup to %s %s map { %s : %s, %s : %s }" % (ip, d.of(["saddr", "daddr"]), a, to, b, self.gateway()[0])
        return "dup to %s" % to + (' device "%s"' % device if device and d.chance(0.4) else "")

    def _copy(self, rules):
        d, family = self.d, "ip" if self.v == 4 else "ip6"
        if "nft" in rules:
            lines = rules["nft"]
            if not any(c[0] == family for c in self.nft_chains(lines)) or d.chance(0.3):
                for _ in range(d.between(1, 2)):
                    self.own_chain(lines, family, "tee", "filter", d.of(["prerouting", "input", "forward", "output", "postrouting"]),
                                   d.of([-350, -250, -150, -50, 0, 50, 150, 300]))
            chains = [c for c in self.nft_chains(lines) if c[0] == family]
            for _ in range(d.between(2, 6)):
                chain = d.of(chains)
                end = d.weighted([(6, ""), (1, "accept"), (1, "return"), (1, "meta mark set 0x2"), (1, "dup to " + self.gateway()[0]),
                                  (0.5 if chain[3] != "nat" else 0, "drop")])
                self.among_nft(lines, chain, "%s %s %s" % (self.nft_matches(chain), self._dup(), end))

        def tee(g, table, hook):
            to, device = self.gateway()
            return "%s -j TEE --gateway %s%s" % (g.matches(table, hook), to, " --oif " + device if device and d.chance(0.4) else "")
        self.into_xt(rules, d.between(2, 5), lambda table, hook: True, tee)

    # -- copies of frames, frames forwarded --

    def _far(self, rules):
        lines = Below(self.d, "netdev", "far", self.v, self.lab.macs).lines()
        rules["nft"] = rules.get("nft", []) + lines
        return [c for c in self.nft_chains(rules["nft"]) if c[:2] == ("netdev", "far")]

    def _frames(self, rules, what):
        """what(hook, device): words, or None."""
        g = Below(self.d, "netdev", "far", self.v, self.lab.macs)
        for chain in self._far(rules):
            for _ in range(self.d.between(0, 2)):
                words = what(chain[4], chain[5])
                match = " ".join(g.match(chain[4]) for _ in range(self.d.between(0, 2)))
                if words:
                    self.among_nft(rules["nft"], chain, match + " " + words)

    def _mirror(self, rules):
        def dup(hook, device):
            to = [x for x in DEVICES if hook == "ingress" or (x != device and not (x == "cni0" and device in ("veth1", "veth2")))]
            return 'dup to "%s" %s' % (self.d.of(to), self.d.weighted([(5, ""), (1, "accept"), (1, "drop"), (1, "meta mark set 0x2")]))
        self._frames(rules, dup)

    def _forward(self, rules):
        """At egress of one device alone, and never to itself: two would hand frames to each other for ever."""
        d, v = self.d, self.v
        out = d.of(["eth0", "veth3", None])

        def fwd(hook, device):
            if hook == "egress" and device != out:
                return None
            avoid = device if hook == "egress" else None
            if d.chance(0.55):
                near = d.of([x for x in DEVICES if x != avoid])
                to = {4: "192.0.2.77", 6: "fd02::77"}[v] if near == "eth0" and d.chance(0.1) else ADDR[v][d.of(DEVICES[near][:2 if near == "cni0" else 1])]
                return 'fwd %s to %s device "%s"' % ("ip" if v == 4 else "ip6", to, near)
            # who takes a frame behind the node's uplink or bridge is not known
            return 'fwd to "%s"' % d.weighted([(w, x) for w, x in ((4, "veth1"), (4, "veth2"), (4, "veth3"), (0.4, "eth0"), (0.4, "cni0")) if x != avoid])
        self._frames(rules, fwd)

    # -- handshakes --

    def _proxy(self, rules):
        d, family = self.d, "ip" if self.v == 4 else "ip6"
        apart = d.chance(0.6)               # as nft(8) has it: SYNs pass conntrack by, and it takes up nothing midway
        self.loose = not apart or d.chance(0.2)
        if "nft" in rules:
            lines = rules["nft"]
            if apart:
                chain = self.own_chain(lines, d.of([family, "inet"]), "syn", "filter", d.of(["prerouting", "prerouting", "output"]), -300)
                self.among_nft(lines, chain, "tcp dport %s tcp flags syn notrack" % d.of(["80", "{ %s }" % ", ".join(map(str, PORTS[:3])), "!= 53"]))
            fits = lambda c: c[0] in (family, "inet") and c[4] in ("input", "forward") and c[3] == "filter"
            if not any(fits(c) for c in self.nft_chains(lines)) or d.chance(0.5):
                for hook in ("input", "forward"):
                    self.own_chain(lines, d.of([family, "inet"]), "syn", "filter", hook, d.of([-150, 0, 0, 50]))
            for _ in range(d.between(2, 5)):
                chain = d.of([c for c in self.nft_chains(lines) if fits(c)])
                match = d.weighted([(4, "ct state { invalid, untracked }"), (2, "tcp dport %d ct state invalid,untracked" % d.of(PORTS)),
                                    (2, self.nft_matches(chain)), (1, "tcp flags & (fin|syn|rst|ack) == syn")])
                # it answers a SYN-ACK as well: over loopback its own, without end
                away = 'iifname != "lo" ' if chain[4] == "input" else ""
                self.among_nft(lines, chain, "%s%s synproxy %s" % (away, match, d.of(PROXY)))

        def proxy(g, table, hook):
            match = d.weighted([(3, "-p tcp -m conntrack --ctstate INVALID,UNTRACKED"), (2, g.matches(table, hook, "tcp")),
                                (1, "-p tcp -m tcp --syn"), (1, "-p tcp -m tcp --dport %d" % d.of(PORTS))])
            return match + " -j SYNPROXY " + d.of(XT_PROXY)
        self.into_xt(rules, d.between(2, 4), lambda table, hook: table != "nat" and hook in ("INPUT", "FORWARD"), proxy)
        if apart:
            self.into_xt(rules, 2, lambda table, hook: table == "raw",
                         lambda g, table, hook: "-p tcp -m tcp --syn%s -j CT --notrack" % d.of(["", " --dport %d" % d.of(PORTS)]))

    # -- queues --

    def _queue(self, rules):
        """Of iptables: not every kernel has nft's own. What NAT leaves undone behind a queue nobody says."""
        d = self.d

        def queue(g, table, hook):
            ends = [(1, "--queue-num 6"), (0.5, "--queue-balance 6:8")]
            if table != "nat":
                ends += [(4, "--queue-num %d" % READ), (2, "--queue-num %d --queue-bypass" % READ), (4, "--queue-num 6 --queue-bypass"),
                         (1, "--queue-balance 6:8 --queue-bypass --queue-cpu-fanout")]
            return "%s -j NFQUEUE %s" % (g.matches(table, hook), d.weighted(ends))
        if not any(t.endswith("-restore") for t in rules):
            rules["ip%stables-nft-restore" % ("" if self.v == 4 else "6")] = [
                x for t in ("mangle", "filter") for x in ("*" + t, *(":%s ACCEPT [0:0]" % c for c in CHAINS[t]), "COMMIT")]
        self.into_xt(rules, d.between(2, 6), lambda table, hook: True, queue)
