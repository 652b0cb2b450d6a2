# SPDX-License-Identifier: GPL-2.0-only
"""What a ruleset in nft's words draws besides plain matches: verdict maps of every key type, chance, what counts the
traffic so far, zones, transparent proxying; and the tables of families below IP."""

from words import LINKS, MARKS, PORTS, TPROXY

EARLY = ("prerouting", "input", "forward")
LATE = ("forward", "output", "postrouting")


def key_types(g, hook):
    """[(expression, type, how to draw one, interval?)]: keys of sets and verdict maps."""
    d, v = g.d, g.v()
    ip, kind = g.ip(v), "ipv4_addr" if v == 4 else "ipv6_addr"
    port, addr = lambda: str(d.of(PORTS)), lambda: d.address(v)
    net, span = lambda: d.of([d.address, d.net])(v), lambda: "%d-%d" % d.ports()
    out = [("%s saddr" % ip, kind, addr, 0), ("%s daddr" % ip, kind, net, 1), (g.l4 + " dport", "inet_service", port, 0),
           (g.l4 + " dport", "inet_service", span, 1), ("meta mark", "mark", lambda: "0x%x" % d.of(MARKS), 0),
           ("ct mark", "mark", lambda: "0x%x" % d.of(MARKS), 0),
           ("meta mark", "mark", lambda: "0x%x-0x%x" % tuple(sorted(d.some(MARKS, 2, 2))), 1),
           ("meta l4proto", "inet_proto", lambda: d.of(["tcp", "udp", "icmp", "ipv6-icmp"]), 0),
           ("ct direction", "ct_dir", lambda: d.of(["original", "reply"]), 0),
           ("ct state", "ct_state", lambda: d.of(["new", "established", "untracked", "invalid"]), 0),
           ("%s daddr . %s dport" % (ip, g.l4), "%s . inet_service" % kind, lambda: "%s . %s" % (addr(), port()), 0),
           ("%s daddr . %s dport" % (ip, g.l4), "%s . inet_service" % kind, lambda: "%s . %s" % (net(), d.of([port, span])()), 1),
           ("%s saddr . %s daddr" % (ip, ip), "%s . %s" % (kind, kind), lambda: "%s . %s" % (addr(), addr()), 0),
           ("%s saddr . %s daddr . %s dport" % (ip, ip, g.l4), "%s . %s . inet_service" % (kind, kind),
            lambda: "%s . %s . %s" % (net(), net(), d.of([port, span])()), 1),
           ("%s daddr . meta l4proto . th dport" % ip, "%s . inet_proto . inet_service" % kind,
            lambda: "%s . %s . %s" % (addr(), d.of(["tcp", "udp"]), port()), 0),
           ("meta mark . %s daddr" % ip, "mark . %s" % kind, lambda: "0x%x . %s" % (d.of(MARKS), addr()), 0)]
    if hook in EARLY:
        out += [("iifname", "ifname", lambda: '"%s"' % d.of(LINKS), 0),
                ("iifname . %s dport" % g.l4, "ifname . inet_service", lambda: '"%s" . %s' % (d.of(LINKS), port()), 0)]
    if hook in LATE:
        out += [("oifname", "ifname", lambda: '"%s"' % d.of(LINKS), 0),
                ("oifname . meta mark", "ifname . mark", lambda: '"%s" . 0x%x' % (d.of(LINKS), d.of(MARKS)), 0)]
    return out


class More:
    """Mixed into Nft. flavours: "chance", "state", "zones", "tproxy"."""

    def any_map(self, hook, later, drops):
        """A verdict map of any key, in the rule or by name."""
        d = self.d
        key, kind, draw, interval = d.of(key_types(self, hook))
        text = self.elements(draw, lambda: self.verdict(later, drops))
        if not d.chance(0.3) or "jump" in text or "goto" in text:
            return "%s vmap { %s }" % (key, text)
        name = "v%d" % len(self.maps)
        self.maps.append(name)
        self.out.append("add map %s %s %s { type %s : verdict; %s}" % (self.family, self.name, name, kind,
                                                                       "flags interval; " if interval else ""))
        self.out.append("add element %s %s %s { %s }" % (self.family, self.name, name, text))
        return "%s vmap @%s" % (key, name)

    def any_set(self, hook):
        """Membership of any key type, or the value that a map has for it."""
        d = self.d
        key, _kind, draw, _interval = d.of(key_types(self, hook))
        if d.chance(0.7):
            return "%s %s{ %s }" % (key, self.no(), self.elements(draw))
        return "meta mark set %s map { %s }" % (key, self.elements(draw, lambda: "0x%x" % d.of(MARKS)))

    def ct_more(self, hook):
        d = self.d
        if "state" in self.flavours and d.chance(0.3):
            return d.of(["ct packets > 1", "ct bytes < 100", "ct avgpkt 60"])
        return d.of(["ct label 3", "ct label != 0x4", "ct helper \"ftp\"",
                     "ct original zone 0", "ct reply zone 0", "ct zone 1", "ct original protocol udp", "ct status seen-reply",
                     "ct status & (snat | dnat) != 0", "ct status assured", "ct status expected", "ct state related",
                     "ct expiration > 10s", "ct reply proto-dst 20000-65535"])

    # -- chance --

    def chance_rule(self, kind, later, drops):
        d = self.d
        number = d.of(["numgen random mod 2", "numgen random mod 3", "numgen inc mod 2", "symhash mod 2",
                       "jhash %s saddr mod 2" % self.ip(self.v())])
        n = int(number.rsplit(" ", 1)[1])
        out = [lambda: "%s vmap { %s }" % (number, ", ".join("%d : %s" % (i, self.verdict(later, drops)) for i in range(n))),
               lambda: "%s %d %s" % (number, d.between(0, n - 1), self.verdict(later, drops)),
               lambda: "meta mark set %s map { %s }" % (number, ", ".join("%d : 0x%x" % (i, d.of(MARKS)) for i in range(n)))]
        return d.of(out)()

    def chance_nat(self, hook, ip):
        d, v = self.d, self.v()
        if hook in ("prerouting", "output"):
            ends = [d.place(v) for _ in range(3)]
            return d.of(["dnat %sto numgen random mod 3 map { 0 : %s, 1 : %s, 2 : %s }" % (ip, *ends),
                         "dnat %sto %s-%s" % (ip, *d.span(v)) if v == 4 and d.chance(0) else "dnat %sto %s" % (ip, ends[0]),
                         "meta l4proto tcp dnat %sto jhash %s saddr . tcp sport mod 2 seed 0x5 map { 0 : %s, 1 : %s }" % (
                             ip, self.ip(v), *ends[:2])])
        return "meta l4proto { tcp, udp } masquerade " + d.of(["random", "fully-random", "to :20000-60000", "persistent"]) \
            if hook == "postrouting" else "counter"

    # -- what counts the traffic so far --

    def dynamic_sets(self):
        for i, flags in enumerate(("dynamic", "dynamic, timeout")):
            self.out.append("add set %s %s dyn%d { type %s; flags %s; size 1000; }" % (
                self.family, self.name, i, "ipv4_addr" if self.main == 4 else "ipv6_addr", flags))
        self.out.append("add quota %s %s q0 { over 200 bytes }" % (self.family, self.name))
        self.out.append("add counter %s %s n0" % (self.family, self.name))
        self.out.append("add limit %s %s l0 { rate 5/minute }" % (self.family, self.name))

    def state_rule(self, later, drops):
        d = self.d
        self.version = self.main
        ip = self.ip(self.main)
        end = self.verdict(later, drops)
        return d.weighted([
            (4, "%s @dyn0 { %s %s } %s" % (d.of(["add", "update"]), ip, d.of(["saddr", "daddr"]), d.of(["", end]))),
            (3, "update @dyn1 { %s saddr timeout 60s } %s" % (ip, d.of(["", end]))),
            (4, "%s %s @dyn%d %s" % (ip, d.of(["saddr", "daddr"]), d.of([0, 1]), end)),
            (1, "delete @dyn0 { %s daddr }" % ip),
            (2, "quota %s %d bytes %s" % (d.of(["over", "until"]), d.of([100, 1000, 100000]), end)),
            (1, "quota name \"q0\" %s" % end), (1, "counter name \"n0\" %s" % end), (0.5, "limit name \"l0\" %s" % end),
            (1, "limit rate %s5/minute %s" % (d.of(["", "over "]), end)), (1, "ct count over %d %s" % (d.of([2, 20]), end)),
            (0.7, "add @dyn0 { %s saddr limit rate 5/minute } %s" % (ip, end)),
            (0.5, "last counter %s" % end), (0.5, "meta cgroup 0 %s" % end), (0.3, "meta cpu 0 %s" % end),
        ])

    # -- zones, transparent proxies --

    def zone_rule(self, hook, priority):
        d = self.d
        if hook in ("prerouting", "output") and priority < -200:
            return "%s %s" % (self.matches(hook), d.of(["ct zone set 1", "ct zone set 1", "ct zone set 2",
                                                        "ct zone set meta mark map { 1 : 1, 2 : 2 }", "notrack"]))
        return d.of(["ct zone 1", "ct zone 0", "ct original zone 2", "ct zone != 0"]) + " " + self.changes(hook, priority)

    def tproxy_rule(self):
        d, v = self.d, self.v()
        ip = self.ip(v) + " " if self.family == "inet" else ""
        fam = "meta nfproto ipv%d " % v if self.family == "inet" else ""
        where = d.of([":%d" % TPROXY, ":%d" % TPROXY, "%s:%d" % ("127.0.0.1" if v == 4 else "[::1]", TPROXY)])
        # of requests: whether a socket waits for an answer here is not known before there is one
        which = "tcp flags & (syn|ack) == syn" if self.l4 == "tcp" else "udp dport < 20000"
        return "%s%s %stproxy %sto %s meta mark set 0x77 %s" % (fam, which, d.of(["", self.l4 + " dport 80 "]), ip,
                                                             where, d.of(["accept", ""]))

    def socket_match(self):
        return ("tcp flags & (syn|ack) == syn " if self.l4 == "tcp" else "udp dport < 20000 ") + self.d.of(["socket transparent 1", "socket transparent 0", "socket mark 0", "socket wildcard 0",
                          "socket wildcard 1"])


class Below:
    """A table of family bridge, or netdev on some devices."""

    def __init__(self, dice, family, name, v, macs):
        self.d, self.family, self.name, self.version, self.macs = dice, family, name, v, macs

    def match(self, hook):
        d, v = self.d, self.version
        ip = "ip" if v == 4 else "ip6"
        l4 = d.of(["tcp", "udp"])
        out = ["%s %s %s%s" % (ip, d.of(["saddr", "daddr"]), d.of(["", "!= "]), d.of([d.address, d.net])(v)),
               "%s dport %d" % (l4, d.of(PORTS)), "%s dport { 53, 80 }" % l4, "%s sport 20000-65535" % l4,
               "%s daddr . %s dport { %s . %d }" % (ip, l4, d.address(v), d.of(PORTS)),
               "ether %s %s%s" % (d.of(["saddr", "daddr"]), d.of(["", "!= "]), d.of(self.macs)),
               "ether type %s" % ip, "meta protocol %s" % ip, "meta mark %s0x%x" % (d.of(["", "!= "]), d.of(MARKS)),
               "meta l4proto { tcp, udp }", "tcp flags syn", "vlan id 5"]
        if v == 4:
            out += ["ip ttl < 64", "ip dscp cs1", "icmp type echo-request"]
        if self.family == "bridge":
            if hook != "output":
                out += ["iifname \"%s\"" % d.of(["veth1", "veth2", "cni0"]), "ibrname \"cni0\"", "meta ibrname != \"cni0\""]
            if hook in ("forward", "output", "postrouting"):
                out += ["oifname \"%s\"" % d.of(["veth1", "veth2", "cni0"]), "obrname \"cni0\""]
        else:
            out += ["iifname \"%s\"" % d.of(["eth0", "veth1"])] if hook == "ingress" else []
        return d.of(out)

    def rule(self, hook, later):
        d = self.d
        text = " ".join(self.match(hook) for _ in range(d.between(0, 2)))
        end = d.weighted([(5, "accept"), (3, "continue"), (3, "return"), (2, "drop"), (6, "meta mark set 0x%x" % d.of(MARKS)),
                          (2, "meta mark set meta mark | 0x%x" % d.of(MARKS)), (2, "counter")] +
                         ([(8, "jump " + d.of(later)), (3, "goto " + d.of(later))] if later else []))
        if d.chance(0.2):
            ip = "ip" if self.version == 4 else "ip6"
            end = "%s %s vmap { %s : %s, %s : %s }" % ((ip, d.of(["saddr", "daddr"])) + sum(
                ((a, d.of(["accept", "drop", "continue", "return"])) for a in sorted({d.address(self.version) for _ in "abcdef"})[:2]), ()))
        return " ".join((text + " " + end).split())

    def lines(self):
        d, out, rules = self.d, [], []
        out.append("add table %s %s" % (self.family, self.name))
        for b in range(d.between(1, 4)):
            hook = d.of(["prerouting", "input", "forward", "output", "postrouting"]) if self.family == "bridge" else \
                d.of(["ingress", "ingress", "ingress", "egress"])
            device = ' device "%s"' % d.of(["eth0", "veth1", "veth2", "veth3", "cni0"]) if self.family == "netdev" else ""
            base, users = "b%d" % b, ["b%d_%d" % (b, i) for i in range(d.between(0, 2))]
            out.append("add chain %s %s %s { type filter hook %s%s priority %d; policy %s; }" % (
                self.family, self.name, base, hook, device, d.of([-300, -200, -10, 0, 0, 10, 300]),
                "drop" if d.chance(0.04) else "accept"))
            out += ["add chain %s %s %s" % (self.family, self.name, u) for u in users]
            for i, chain in enumerate([base] + users):
                for _ in range(d.between(1, 4)):
                    rules.append("add rule %s %s %s %s" % (self.family, self.name, chain, self.rule(hook, users[i:])))
        return out + rules
