# SPDX-License-Identifier: GPL-2.0-only
"""Random rulesets in nft's own words: one command a line, so that any line with a rule can be left out."""

from nft_more import More
from words import HOOKS, LINKS, MARKS, MASKS, PORTS

PRIORITIES = [-400, -350, -300, -250, -199, -150, -101, -100, -50, 0, 0, 10, 50, 99, 100, 150, 225, 300]
EARLY = ("prerouting", "input", "forward")
LATE = ("forward", "output", "postrouting")


class Nft(More):
    """One table of one family (ip, ip6, inet)."""

    def __init__(self, dice, family, name, macs, main, flavours=()):
        self.d, self.family, self.name, self.macs, self.main = dice, family, name, macs, main
        self.flavours = flavours
        self.version, self.l4 = main, "tcp"
        self.sets, self.maps, self.out = [], [], []

    def v(self):
        """The IP version of the rule under way: nft refuses rules that contradict themselves."""
        return self.version

    def draw_rule(self):
        self.version = {"ip": 4, "ip6": 6}.get(self.family) or (self.main if self.d.chance(0.85) else 10 - self.main)
        self.l4 = self.d.of(["tcp", "tcp", "udp"])

    def ip(self, v):
        return "ip" if v == 4 else "ip6"

    def no(self, p=0.2):
        return "!= " if self.d.chance(p) else ""

    # -- values --

    def addresses(self, v):
        d = self.d
        return d.weighted([
            (5, lambda: d.address(v)), (3, lambda: d.net(v)), (2, lambda: "%s-%s" % d.span(v)),
            (3, lambda: "{ %s }" % ", ".join(sorted({d.address(v) for _ in range(d.between(1, 4))}))),
        ])()

    def port_list(self):
        d = self.d
        return d.weighted([
            (6, lambda: "%d" % d.of(PORTS)), (2, lambda: "%d-%d" % d.ports()),
            (3, lambda: "{ %s }" % ", ".join(str(p) for p in d.some(PORTS, 1, 4))),
            (1, lambda: "{ 53, 80-443, 8080 }"), (1, lambda: "{ 0-79, 81-65535 }"),
        ])()

    # -- matches --

    def m_addr(self, hook):
        v = self.v()
        return "%s %s %s%s" % (self.ip(v), self.d.of(["saddr", "daddr", "daddr"]), self.no(), self.addresses(v))

    def m_masked(self, hook):
        v = self.v()
        if v == 4:
            return "ip %s & %s %s %s" % (self.d.of(["saddr", "daddr"]), self.d.of(["0.0.0.255", "255.255.255.0"]),
                                         self.d.of(["==", "!="]), self.d.of(["0.0.0.2", "0.0.0.10", "10.244.0.0"]))
        return "ip6 %s & ffff:: == fd44::" % self.d.of(["saddr", "daddr"])

    def m_port(self, hook):
        d = self.d
        proto = d.of([self.l4, self.l4, "th"])
        if proto == "th":
            return "meta l4proto %s th %s %s%s" % (d.of([self.l4, "{ tcp, udp }"]), "dport", self.no(), self.port_list())
        if d.chance(0.2):
            return "%s sport %s" % (proto, d.of(["20000-40000", "!= 20000-30000", "{ 0-1023, 30000-65535 }", ">= 30000",
                                                 "< 50000", "!= 80"]))
        return "%s dport %s%s" % (proto, self.no(), self.port_list())

    def m_proto(self, hook):
        v4, other = self.v() == 4, {"tcp": "udp", "udp": "tcp"}[self.l4]
        return self.d.of(["meta l4proto " + self.l4, "meta l4proto != " + other, "meta l4proto { tcp, udp }",
                          "meta nfproto ipv%d" % self.v() if self.family == "inet" else "meta l4proto != " + other,
                          "ip protocol " + self.l4 if v4 else "ip6 nexthdr " + self.l4,
                          "meta protocol ip" + ("" if v4 else "6") if self.family == "inet" else "meta length > 30"])

    def m_flags(self, hook):
        if self.l4 != "tcp":
            return None
        return self.d.of(["tcp flags syn", "tcp flags & (syn|ack) == syn", "tcp flags & (fin|syn|rst|ack) == syn",
                          "tcp flags != syn", "tcp flags syn / syn,ack", "tcp flags { syn, syn | ack }",
                          "tcp flags & (syn|ack) == (syn|ack)", "tcp flags ! rst", "tcp flags fin,rst"])

    def m_icmp(self, hook):
        return self.d.of(["icmp type echo-request", "icmp type { echo-request, echo-reply }", "icmp type != echo-request",
                          "icmp code 0"] if self.v() == 4 else
                         ["icmpv6 type echo-request", "icmpv6 type != echo-request", "icmpv6 type { echo-reply, 1-4 }"])

    def m_state(self, hook):
        return "ct state " + self.d.of(["new", "established,related", "invalid", "untracked", "{ new, untracked }",
                                        "!= new", "new,invalid", "! established", "established"])

    def m_ct(self, hook):
        d, v = self.d, self.v()
        return d.of([
            "ct status dnat", "ct status snat", "ct status & dnat == 0", "ct status confirmed", "ct status ! snat",
            "ct direction original", "ct direction reply", "ct direction != original",
            "ct original %s daddr %s" % (self.ip(v), self.addresses(v)),
            "ct original %s saddr %s" % (self.ip(v), d.net(v)),
            "ct reply %s saddr %s" % (self.ip(v), d.address(v)),
            "ct original proto-dst %s" % self.port_list(), "ct original protocol tcp",
            "ct reply proto-src %d" % d.of(PORTS),
            "ct mark != 0", "ct zone 0", "ct l3proto ipv4", "ct direction original",
        ])

    def m_mark(self, hook):
        d = self.d
        what = d.of(["meta mark", "meta mark", "ct mark"])
        return d.weighted([
            (3, lambda: "%s %s0x%x" % (what, self.no(), d.of(MARKS))),
            (4, lambda: "%s & 0x%x %s 0x%x" % (what, d.of(MASKS), d.of(["==", "!="]), d.of(MARKS))),
            (1, lambda: "%s %s0x%x-0x%x" % ((what, self.no()) + tuple(sorted(d.some(MARKS, 2, 2))))),
            (1, lambda: "%s { %s }" % (what, ", ".join("0x%x" % m for m in d.some(MARKS, 1, 3)))),
            (1, lambda: "%s %s 0x%x" % (what, d.of([">", "<", ">=", "<="]), d.of(MARKS))),
        ])()

    def m_iface(self, hook):
        d, words = self.d, []
        if hook in EARLY:
            words += ["iifname", "iif"]
        if hook in LATE:
            words += ["oifname", "oif"]
        word = d.of(words)
        if word in ("iif", "oif"):
            return "%s %s%s" % (word, self.no(), d.of(LINKS))
        return "%s %s%s" % (word, self.no(), d.of(['"%s"' % d.of(LINKS), '"veth*"', '"c*"', '"eth0"',
                                                   '{ "cni0", "eth0" }', '{ "veth*", "lo" }', '"nosuch"']))

    def m_fib(self, hook):
        d = self.d
        kinds = ["local", "unicast", "broadcast", "{ local, broadcast }", "!= local"]
        choices = ["fib daddr type " + d.of(kinds), "fib saddr type " + d.of(["local", "unicast", "!= local"])]
        if hook in ("prerouting", "input"):
            choices += ["fib daddr . iif type " + d.of(kinds)]
        if hook == "prerouting" or hook == "input" or hook == "forward":
            choices += ["fib saddr . iif oif exists", "fib saddr oif \"cni0\"", "fib saddr . iif oif missing",
                        "fib saddr . mark . iif oif != 0", "fib saddr oifname \"eth0\""]
        if hook in LATE:
            choices += ["fib daddr . oif type " + d.of(kinds)] if hook != "forward" else []
        return d.of(choices)

    def m_owner(self, hook):
        if hook not in ("output", "postrouting"):
            return None
        # of requests: the answer's process is the server's, whom ktrace does not ask
        return ("tcp flags & (syn|ack) == syn " if self.l4 == "tcp" else "udp dport < 20000 ") + self.d.of(["meta skuid 0", "meta skuid 1000", "meta skuid != 0", "meta skuid 500-2000",
                          "meta skgid 0", "meta skuid { 0, 33 }"])

    def m_ip(self, hook):
        d, v = self.d, self.v()
        if v == 4:
            return d.of(["ip ttl 64", "ip ttl < 64", "ip ttl { 62-63 }", "ip ttl != 63", "ip dscp 0", "ip dscp cs1",
                         "ip dscp { cs0, ef, 0x0a }", "ip dscp != 0x04", "ip length 60", "ip length < 60", "ip version 4",
                         "ip hdrlength 5", "ip frag-off & 0x1fff == 0", "ip protocol { tcp, udp }", "ip ecn not-ect",
                         "@nh,64,8 0x40", "@nh,128,32 & 0xff == 0x2", "@th,16,16 80", "@nh,72,8 { 6, 17 }"])
        return d.of(["ip6 hoplimit 64", "ip6 hoplimit < 64", "ip6 dscp 0", "ip6 dscp != 0x04", "ip6 length 40",
                     "ip6 nexthdr { tcp, udp }", "ip6 version 6", "ip6 version 6",
                     "@nh,48,8 6", "@th,16,16 { 80, 8080 }", "ip6 dscp { cs0, ef }"])

    def m_meta(self, hook):
        d = self.d
        choices = ["meta length 60", "meta length < 60", "meta length 28-60", "meta pkttype host", "meta pkttype != host",
                   "meta priority 0:0", "meta protocol { ip, ip6 }"]
        if hook in EARLY:
            choices += ["meta iiftype ether", "meta iifkind \"veth\"", "meta iifkind \"bridge\"", "meta iiftype loopback",
                        "meta iifgroup 0", "ether saddr " + d.of(self.macs), "ether saddr != " + d.of(self.macs)]
        if hook in LATE:
            choices += ["meta oiftype ether", "meta oifkind \"veth\"", "meta oifkind \"bridge\"", "meta oifgroup 0"]
        return d.of(choices)

    def m_concat(self, hook):
        d, v = self.d, self.v()
        left = "%s %s . %s %s" % (self.ip(v), d.of(["saddr", "daddr"]), self.l4, "dport")
        value = lambda: "%s . %s" % (d.of([d.address, d.net])(v), d.of([str(d.of(PORTS)), "%d-%d" % d.ports()]))
        return "%s %s{ %s }" % (left, self.no(), value())

    def m_set(self, hook):
        if not self.sets:
            return None
        bad = ("ip6 " if self.v() == 4 else "ip ", "udp " if self.l4 == "tcp" else "tcp ")
        fit = [(n, x) for n, left in self.sets for x in left if not any((" " + x).find(" " + b) >= 0 for b in bad)]
        if not fit:
            return None
        name, left = self.d.of(fit)
        return "%s %s@%s" % (left, self.no(), name)

    def m_bitwise(self, hook):
        return self.d.of(["meta mark | 0x1 == 0x11", "ct mark & 0xf0 == 0x10", "meta mark ^ 0x1 == 0x0",
                          self.l4 + " dport & 0x1 == 0x1", self.l4 + " dport & 0xff == 0x50"])

    def m_hash(self, hook):
        v = self.v()
        return "jhash %s %s . %s dport mod %d seed 0x%x %s" % (
            self.ip(v), self.d.of(["saddr", "daddr"]), self.l4, self.d.of([2, 3]),
            self.d.of([1, 0xdeadbeef]), self.d.of(["0", "1", "!= 0"]))

    def m_other(self, hook):
        d = self.d
        if self.l4 == "udp":
            return d.of(["udp length 8", "udp length > 8"])
        choices = ["tcp flags & (fin|syn) == syn", "meta l4proto tcp"]
        if self.family == "ip6":
            choices.append("exthdr frag missing")
        return d.of(choices)

    MATCHES = [(10, m_addr), (1, m_masked), (10, m_port), (3, m_proto), (2, m_flags), (2, m_icmp), (4, m_state), (3, m_ct),
               (6, m_mark), (5, m_iface), (3, m_fib), (2, m_owner), (3, m_ip), (3, m_meta), (3, m_concat), (8, m_set),
               (1, m_bitwise), (1, m_hash), (1, m_other)]

    def matches(self, hook, low=0):
        out = []
        n = max(low, self.d.weighted([(1, 0), (5, 1), (4, 2), (2, 3)]))
        for _ in range(n):
            text = self.d.weighted(self.MATCHES)(self, hook)
            if text:
                out.append(text)
        return " ".join(out)

    # -- statements --

    def verdict(self, later, drops=True):
        d = self.d
        out = [(6, "accept"), (4, "return"), (2, "continue")]
        if drops:
            out.append((3, "drop"))
        if later:
            out += [(10, "jump " + d.of(later)), (4, "goto " + d.of(later))]
        return d.weighted(out)

    def vmap(self, hook, later, drops):
        d, v = self.d, self.v()
        key, values = d.of([
            ("%s %s" % (self.ip(v), d.of(["saddr", "daddr"])), [lambda: d.of([d.address, d.net])(v)]),
            (self.l4 + " dport", [lambda: str(d.of(PORTS))]), (self.l4 + " dport", [lambda: str(d.of(PORTS))]),
            ("meta l4proto", [lambda: d.of(["tcp", "udp", "icmp", "icmpv6"])]),
            ("meta mark", [lambda: "0x%x" % d.of(MARKS)]),
            ("%s daddr . %s dport" % (self.ip(v), self.l4), [lambda: "%s . %d" % (d.address(v), d.of(PORTS))]),
            ("%s daddr . %s dport" % (self.ip(v), self.l4), [lambda: "%s . %d" % (d.of([d.address, d.net])(v), d.of(PORTS))]),
            ("meta l4proto . th dport", [lambda: "%s . %d" % (d.of(["tcp", "udp"]), d.of(PORTS))]),
            ("ct state", [lambda: d.of(["new", "established", "untracked", "invalid"])]),
        ])
        return "%s vmap { %s }" % (key, self.elements(values[0], lambda: self.verdict(later, drops)))

    def elements(self, key, value=None):
        """Elements that do not overlap: nets of one length or single keys."""
        d, seen = self.d, {}
        for _ in range(d.between(1, 5)):
            k = key()
            if any(overlap(k, o) for o in seen):
                continue
            seen[k] = value() if value else None
        return ", ".join(k if x is None else "%s : %s" % (k, x) for k, x in seen.items())

    def changes(self, hook, priority):
        d, v = self.d, self.v()
        out = [(8, "meta mark set 0x%x" % d.of(MARKS)), (3, "meta mark set meta mark | 0x%x" % d.of(MARKS)),
               (3, "meta mark set meta mark & 0x%x ^ 0x%x" % (d.of(MASKS), d.of(MARKS))), (3, "ct mark set meta mark"),
               (3, "meta mark set ct mark"), (2, "ct mark set 0x%x" % d.of(MARKS)),
               (1, "ct mark set ct mark | 0x10"), (1, "ct mark set meta mark & 0xff"),
               (2, "meta mark set %s daddr map { %s : 0x%x }" % (self.ip(v), d.address(v), d.of(MARKS))),
               (1, "meta mark set jhash %s saddr mod 3 seed 0x1" % self.ip(v)), (2, "counter"),
               (1, "ip dscp set %s" % d.of(["cs1", "ef"]) if v == 4 else "ip6 dscp set cs2"),
               (0.6, "ip ttl set %d" % d.of([63, 5]) if v == 4 else "ip6 hoplimit set 33"),
               (0.5, "meta priority set 1:2")]
        if hook in ("prerouting", "output") and priority < -200:
            out.append((5, "notrack"))
        return d.weighted(out)

    def reject(self, hook):
        d = self.d
        if self.family == "inet":
            return d.of(["reject", "reject with icmpx " + d.of(["admin-prohibited", "port-unreachable", "no-route", "host-unreachable"]),
                         "%s reject%s" % (("meta l4proto tcp", " with tcp reset") if self.l4 == "tcp" else ("", ""))])
        icmp = "icmp" if self.family == "ip" else "icmpv6"
        return d.of(["reject", "reject with %s %s" % (icmp, d.of(
            ["net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable", "net-prohibited", "host-prohibited",
             "admin-prohibited"] if icmp == "icmp" else
            ["no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"])),
                     "%s reject%s" % (("meta l4proto tcp", " with tcp reset") if self.l4 == "tcp" else ("", ""))])

    def nat(self, hook):
        d, v, out = self.d, self.v(), []
        ip = self.ip(v) + " " if self.family == "inet" else ""
        address = lambda: d.place(v)
        endpoint = lambda p: ("%s:%s" if v == 4 else "[%s]:%s") % (address(), p)
        proto = d.of(["meta l4proto " + self.l4, "meta l4proto { tcp, udp }", "%s dport %d" % (self.l4, d.of(PORTS)),
                      "%s dport %s" % (self.l4, self.port_list())])
        fam = "meta nfproto %s " % ("ipv4" if v == 4 else "ipv6") if self.family == "inet" and d.chance(0.5) else ""
        if hook in ("prerouting", "output"):
            out = [(5, fam + "dnat %sto %s" % (ip, address())), (8, fam + "%s dnat %sto %s" % (proto, ip, endpoint(d.of(PORTS)))),
                   (3, "%s redirect to :%d" % (proto, d.of(PORTS))), (1, "redirect"),
                   (1, "%s redirect to :%d-%d" % (proto, 80, 80)),
                   (2, fam + "dnat %sto %s daddr map { %s : %s, %s : %s }" % (
                       (ip, self.ip(v)) + sum(zip(d.some(sorted({d.address(v) for _ in range(9)}), 2, 2),
                                                  (address(), address())), ()))),
                   (2, fam + "dnat %sto @L4@ dport map { 80 : %s, 443 : %s }" % (ip, address(), address()))]
            out.append((2, "dnat %s addr . port to @L4@ dport map { 80 : %s . %d, 53 : %s . %d }" % (
                self.ip(v), address(), d.of(PORTS), address(), d.of(PORTS))))
        else:
            out = [(4, fam + "snat %sto %s" % (ip, address())),
                   (2, fam + "%s snat %sto %s" % (proto, ip, endpoint("20000-65535")))]
            if hook == "postrouting":
                out += [(6, "masquerade"), (2, "%s masquerade to :20000-65535" % proto)]
        return d.weighted(out).replace("@L4@", self.l4)

    def rule(self, kind, hook, priority, chain, later):
        d = self.d
        self.draw_rule()
        drops = kind != "nat"
        options = [(6, lambda: self.matches(hook) + " " + self.verdict(later, drops)),
                   (4, lambda: (self.matches(hook) + " " if d.chance(0.4) else "") + self.vmap(hook, later, drops)),
                   (6, lambda: self.matches(hook) + " " + self.changes(hook, priority)),
                   (2, lambda: self.matches(hook) + " " + self.changes(hook, priority) + " " + self.verdict(later, drops))]
        if kind != "nat" and hook != "postrouting":
            options.append((1.5, lambda: self.matches(hook, 1) + " " + self.reject(hook)))
        if kind == "nat":
            options.append((14, lambda: self.matches(hook) + " " + self.nat(hook)))
        options.append((4, lambda: self.matches(hook) + " " + self.any_map(hook, later, drops)))
        options.append((2, lambda: self.any_set(hook) + " " + self.verdict(later, drops)))
        options.append((1, lambda: self.ct_more(hook) + " " + self.changes(hook, priority)))
        if "chance" in self.flavours:
            options.append((3, lambda: self.matches(hook) + " " + self.chance_rule(kind, later, drops)))
            if kind == "nat":
                options.append((5, lambda: self.chance_nat(hook, self.ip(self.v()) + " " if self.family == "inet" else "")))
        if "state" in self.flavours:
            options.append((10, lambda: self.matches(hook) + " " + self.state_rule(later, drops)))
        if "zones" in self.flavours:
            options.append((12 if priority < -200 else 3, lambda: self.zone_rule(hook, priority)))
        if "tproxy" in self.flavours:
            if kind == "filter" and hook == "prerouting":
                options.append((14, self.tproxy_rule))
            if hook in ("prerouting", "input"):
                options.append((3, lambda: self.socket_match() + " " + self.changes(hook, priority)))
        text = " ".join(d.weighted(options)().split())
        if d.chance(0.15):
            text = "counter " + text
        return "add rule %s %s %s %s" % (self.family, self.name, chain, text)

    # -- sets --

    def named_sets(self):
        d = self.d
        for i in range(d.between(0, 4)):
            self.draw_rule()
            v, name = self.v(), "s%d" % i
            ip, kind = self.ip(v), "ipv4_addr"
            if v == 6:
                kind = "ipv6_addr"
            address = ["%s saddr" % ip, "%s daddr" % ip]
            port = ["tcp dport", "udp dport"]
            type_, flags, key, left = d.of([
                (kind, "", lambda: d.address(v), address),
                (kind, "interval", lambda: d.of([d.address(v), d.net(v), "%s-%s" % d.span(v)]), address),
                ("inet_service", "", lambda: str(d.of(PORTS)), port),
                ("inet_service", "interval", lambda: "%d-%d" % d.ports(), port),
                ("mark", "", lambda: "0x%x" % d.of(MARKS), ["meta mark", "ct mark"]),
                (kind + " . inet_service", "", lambda: "%s . %d" % (d.address(v), d.of(PORTS)),
                 [a + " . " + p for a in address for p in port]),
                (kind + " . inet_service", "interval",
                 lambda: "%s . %s" % (d.of([d.address(v), d.net(v)]), d.of([str(d.of(PORTS)), "%d-%d" % d.ports()])),
                 [a + " . " + p for a in address for p in port]),
                (kind + " . inet_proto . inet_service", "",
                 lambda: "%s . %s . %d" % (d.address(v), d.of(["tcp", "udp"]), d.of(PORTS)),
                 [a + " . meta l4proto . th dport" for a in address]),
                (kind + " . " + kind, "interval", lambda: "%s . %s" % (d.of([d.address(v), d.net(v)]), d.net(v)),
                 ["%s saddr . %s daddr" % (ip, ip)]),
                ("inet_proto", "", lambda: d.of(["tcp", "udp", "icmp"]), ["meta l4proto"]),
                ("ifname", "", lambda: '"%s"' % d.of(LINKS), []),
            ])
            if not left:
                continue
            merge = "auto-merge; " if flags and d.chance(0.3) and " . " not in type_ else ""
            self.out.append("add set %s %s %s { type %s; %s%s}" % (
                self.family, self.name, name, type_, "flags %s; " % flags if flags else "", merge))
            elements = self.elements(key)
            if elements:
                self.out.append("add element %s %s %s { %s }" % (self.family, self.name, name, elements))
            self.sets.append((name, left))

    def lines(self):
        d = self.d
        self.out.append("add table %s %s" % (self.family, self.name))
        self.named_sets()
        if "state" in self.flavours:
            self.dynamic_sets()
        rules = []
        for b in range(d.between(1, 5)):
            kind = d.weighted([(6, "filter"), (5, "nat"), (1, "route")])
            hook = "output" if kind == "route" else d.of(HOOKS if kind == "filter" else
                                                         [h for h in HOOKS if h != "forward"])
            priority = d.of(PRIORITIES)
            if b == 0 and self.flavours:
                kind, hook, priority = {"zones": ("filter", d.of(["prerouting", "output"]), -300),
                                        "tproxy": ("filter", "prerouting", -150)}.get(self.flavours[0], (kind, hook, priority))
            if kind == "nat":
                priority = d.of([-100, -100, -90, -150, 10]) if hook in ("prerouting", "output") else \
                    d.of([100, 100, 110, 50])
            policy = "drop" if kind == "filter" and d.chance(0.08) else "accept"
            base, users = "c%d" % b, ["c%d_%d" % (b, i) for i in range(d.between(0, 3))]
            self.out.append("add chain %s %s %s { type %s hook %s priority %d; policy %s; }" % (
                self.family, self.name, base, kind, hook, priority, policy))
            self.out += ["add chain %s %s %s" % (self.family, self.name, u) for u in users]
            for i, chain in enumerate([base] + users):
                for _ in range(d.between(1, 6)):
                    rules.append(self.rule(kind, hook, priority, chain, users[i:]))
        return self.out + rules


def bounds(key):
    """[(low, high)] of each part of an element's key as numbers, None where it is a word."""
    import ipaddress
    out = []
    for part in key.split(" . "):
        try:
            if "/" in part:
                n = ipaddress.ip_network(part, strict=False)
                out.append((int(n[0]), int(n[-1])))
            elif "-" in part and not part.startswith('"'):
                a, b = part.split("-")
                number = (lambda x: int(ipaddress.ip_address(x))) if "." in a or ":" in a else int
                out.append((number(a), number(b)))
            elif "." in part or ":" in part:
                out.append((int(ipaddress.ip_address(part)),) * 2)
            else:
                out.append((int(part, 0),) * 2)
        except ValueError:
            out.append(part)
    return out


def overlap(a, b):
    """Would nft call two keys of one set conflicting?"""
    for x, y in zip(bounds(a), bounds(b)):
        if isinstance(x, str) or isinstance(y, str):
            if x != y:
                return False
        elif x[1] < y[0] or y[1] < x[0]:
            return False
    return True
