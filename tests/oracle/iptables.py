# SPDX-License-Identifier: GPL-2.0-only
"""Random rulesets in the words of iptables-restore, for either backend and family."""

from iptables_more import More
from words import LINKS, MARKS, MASKS, PORTS

CHAINS = {
    "raw": ["PREROUTING", "OUTPUT"],
    "mangle": ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
    "nat": ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
    "filter": ["INPUT", "FORWARD", "OUTPUT"],
    "security": ["INPUT", "FORWARD", "OUTPUT"],
}
EARLY = ("PREROUTING", "INPUT", "FORWARD")
LATE = ("FORWARD", "OUTPUT", "POSTROUTING")


class Iptables(More):
    """One family's tables. lines() are those of iptables-restore."""

    def __init__(self, dice, v, macs, prefix, sets=(), flavours=()):
        self.d, self.v, self.macs, self.prefix, self.sets, self.flavours = dice, v, macs, prefix, sets, flavours

    def no(self, text, p=0.2):
        return "! " + text if self.d.chance(p) else text

    # -- matches: each returns words, or None where it does not fit --

    def m_addr(self, hook):
        flag = self.d.of(["-s", "-d"])
        value = self.d.address(self.v) if self.d.chance(0.6) else self.d.net(self.v)
        return self.no("%s %s" % (flag, value))

    def m_proto(self, hook):
        return self.no("-p " + self.d.of(["tcp", "udp", "icmp" if self.v == 4 else "icmpv6"]), 0.15)

    def m_port(self, hook):
        proto, d = self.d.of(["tcp", "udp"]), self.d
        if d.chance(0.75):
            what = "--dport %d" % d.of(PORTS) if d.chance(0.6) else "--dport %d:%d" % d.ports()
        else:
            what = "--sport %d:%d" % (d.of([0, 20000, 30000]), d.of([40000, 50000, 65535]))
        return "-p %s -m %s %s" % (proto, proto, self.no(what))

    def m_flags(self, hook):
        d = self.d
        what = d.of(["--syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags SYN,RST,ACK,FIN SYN", "--tcp-flags ALL SYN",
                     "--tcp-flags ACK ACK", "--tcp-flags SYN,ACK SYN,ACK", "--tcp-flags ALL NONE"])
        return "-p tcp -m tcp " + self.no(what)

    def m_icmp(self, hook):
        if self.v == 4:
            return "-p icmp -m icmp " + self.no("--icmp-type " + self.d.of(["8", "8/0", "0", "any", "3", "8/1"]))
        return "-p icmpv6 -m icmp6 " + self.no("--icmpv6-type " + self.d.of(["128", "128/0", "129", "1"]))

    def m_multiport(self, hook):
        d = self.d
        ports = ",".join(str(p) for p in sorted(d.some(PORTS, 1, 3)))
        if d.chance(0.3):
            ports += ",100:%d" % d.of([400, 1000, 10000])
        if d.chance(0.15):
            ports += ",20000:40000"
        return "-p %s -m multiport %s" % (d.of(["tcp", "udp"]), self.no(d.of(["--dports ", "--dports ", "--ports ",
                                                                              "--sports "]) + ports))

    def m_iprange(self, hook):
        return "-m iprange " + self.no(self.d.of(["--src-range ", "--dst-range "]) + "%s-%s" % self.d.span(self.v))

    def m_addrtype(self, hook):
        d = self.d
        kinds = ["LOCAL", "LOCAL", "UNICAST", "BROADCAST", "MULTICAST", "UNICAST,LOCAL", "BLACKHOLE"]
        if self.v == 6:
            kinds = ["LOCAL", "LOCAL", "UNICAST", "ANYCAST", "MULTICAST"]
        text = "-m addrtype " + self.no(d.of(["--dst-type ", "--dst-type ", "--src-type "]) + d.of(kinds))
        if d.chance(0.15):
            if hook in ("PREROUTING", "INPUT"):
                text += " --limit-iface-in"
            elif hook in ("OUTPUT", "POSTROUTING"):
                text += " --limit-iface-out"
        return text

    def m_state(self, hook):
        d = self.d
        if d.chance(0.15):
            return "-m state " + self.no("--state " + d.of(["NEW", "ESTABLISHED,RELATED", "UNTRACKED", "INVALID"]))
        return "-m conntrack " + self.no("--ctstate " + d.of(["NEW", "ESTABLISHED,RELATED", "INVALID", "UNTRACKED",
                                                             "DNAT", "SNAT", "NEW,INVALID", "DNAT,SNAT", "RELATED"]))

    def m_ct(self, hook):
        d = self.d
        what = d.of([
            lambda: self.no("--ctorigdst " + d.address(self.v)), lambda: self.no("--ctorigsrc " + d.net(self.v)),
            lambda: self.no("--ctrepldst " + d.address(self.v)), lambda: self.no("--ctreplsrc " + d.net(self.v)),
            lambda: self.no("--ctorigdstport %d" % d.of(PORTS)), lambda: self.no("--ctreplsrcport %d:%d" % d.ports()),
            lambda: "--ctdir " + d.of(["ORIGINAL", "REPLY"]), lambda: self.no("--ctproto " + d.of(["6", "17"])),
            lambda: self.no("--ctstatus " + d.of(["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"])),
        ])()
        return "-m conntrack " + what

    def m_mark(self, hook):
        d = self.d
        return "-m %s %s" % (d.of(["mark", "mark", "connmark"]),
                             self.no("--mark 0x%x/0x%x" % (d.of(MARKS), d.of(MASKS))))

    def m_tos(self, hook):
        d = self.d
        if d.chance(0.5):
            return "-m tos " + self.no("--tos 0x%02x/0x%02x" % (d.of([0, 0x10, 0x28, 0xb8]), d.of([0xff, 0x3f, 0xfc])))
        return "-m dscp " + self.no("--dscp 0x%02x" % d.of([0, 4, 10, 46, 2]))

    def m_ttl(self, hook):
        d = self.d
        op = d.of(["eq", "lt", "gt"])
        n = d.of([62, 63, 64, 65, 10])
        return ("-m ttl --ttl-%s %d" if self.v == 4 else "-m hl --hl-%s %d") % (op, n)

    def m_length(self, hook):
        return "-m length " + self.no("--length " + self.d.of(["28", "60", "0:59", "60:80", "84", "48", "80", "29:"]))

    def m_owner(self, hook):
        if hook not in ("OUTPUT", "POSTROUTING"):
            return None
        d = self.d
        # of requests: the answer's process is the server's, whom ktrace does not ask
        return d.of(["-p tcp -m tcp --syn", "-p udp -m udp --dport 0:19999"]) + " -m owner " + self.no(d.of(["--uid-owner 0", "--uid-owner 1000", "--uid-owner 500-2000",
                                           "--socket-exists", "--gid-owner 0"]))

    def m_mac(self, hook):
        if hook not in EARLY:
            return None
        return "-m mac " + self.no("--mac-source " + self.d.of(self.macs))

    def m_physdev(self, hook):
        d = self.d
        if hook in ("PREROUTING", "INPUT"):
            return "-m physdev " + self.no(d.of(["--physdev-in veth1", "--physdev-in veth2", "--physdev-is-in"]))
        if hook == "FORWARD":
            return "-m physdev " + self.no(d.of(["--physdev-in veth1", "--physdev-is-in", "--physdev-is-bridged",
                                                 "--physdev-is-bridged --physdev-out veth2", "--physdev-in veth+"]))
        if hook == "POSTROUTING":
            return "-m physdev " + self.no(d.of(["--physdev-in veth1", "--physdev-is-in", "--physdev-is-bridged"]))
        return None

    def m_iface(self, hook):
        d, out = self.d, []
        if hook in EARLY:
            out.append("-i")
        if hook in LATE:
            out.append("-o")
        return self.no("%s %s" % (d.of(out), d.of(LINKS[:4] + ["veth+", "cni+", "eth+"])))

    def m_set(self, hook):
        if not self.sets:
            return None
        name, dims, _ = self.d.of(self.sets)
        return "-m set " + self.no("--match-set %s %s" % (name, ",".join(self.d.of(["src", "dst", "dst"])
                                                                         for _ in range(dims))))

    def m_pkttype(self, hook):
        return "-m pkttype " + self.no("--pkt-type " + self.d.of(["unicast", "broadcast", "multicast"]))

    def m_comment(self, hook):
        return '-m comment --comment "%s"' % self.d.of(["a b", "x", "prod/web:http cluster IP"])

    def m_ecn(self, hook):
        return "-p tcp -m ecn " + self.no("--ecn-ip-ect %d" % self.d.of([0, 1, 3]))

    def m_u32(self, hook):
        d = self.d
        # of TCP: elsewhere the bytes may be a checksum
        if self.v == 4:
            return '-p tcp -m u32 ' + self.no('--u32 "%s"' % d.of(["6&0xff=6", "6&0xff=17", "12=0xc0000201", "16&0xff=2:9",
                                                            "0>>22&0x3c@0&0xffff=80", "0>>22&0x3c@0>>16=20000:40000"]))
        return '-p tcp -m u32 ' + self.no('--u32 "%s"' % d.of(["4>>8&0xff=6", "4>>8&0xff=17", "40&0xffff=80"]))

    def m_rpfilter(self, hook):
        if hook != "PREROUTING":
            return None
        return "-m rpfilter " + self.d.of(["", "--loose", "--validmark", "--invert", "--accept-local"])

    MATCHES = [(10, m_addr), (4, m_proto), (10, m_port), (2, m_flags), (2, m_icmp), (4, m_multiport), (2, m_iprange),
               (3, m_addrtype), (4, m_state), (2, m_ct), (6, m_mark), (2, m_tos), (1, m_ttl), (1, m_length),
               (2, m_owner), (1, m_mac), (1, m_physdev), (4, m_iface), (4, m_set), (1, m_pkttype), (1, m_comment),
               (0.5, m_ecn), (0.5, m_u32), (0.5, m_rpfilter)]
    # those that say the protocol or an address: one of each at most
    GROUP = {"m_proto": "p", "m_port": "p", "m_flags": "p", "m_icmp": "p", "m_multiport": "p", "m_ecn": "p", "m_u32": "p", "m_owner": "p",
             "m_socket": "p", "m_rare": "p"}

    def matches(self, table, hook, need=None):
        """need: "p": a protocol with ports is wanted."""
        used, flags, out = set(), set(), []
        if need:
            out.append("-p " + need)
            used.add("p")
        for _ in range(self.d.weighted([(1, 0), (5, 1), (4, 2), (2, 3)])):
            f = self.d.weighted(self.all_matches())
            group = self.GROUP.get(f.__name__, f.__name__)
            if group in used or (f.__name__ == "m_rpfilter" and table not in ("raw", "mangle")):
                continue
            text = f(self, hook)
            if text is None or (table == "nat" and "connbytes" in text):
                continue
            words = set(text.split()) & {"-s", "-d", "-i", "-o"}
            if words & flags:
                continue
            used.add(group)
            flags |= words
            out.append(text)
        return " ".join(out)

    # -- targets --

    def nat_to(self, with_port, port=None):
        d, v = self.d, self.v
        a = d.place(v)
        if with_port:
            return ("%s:%s" if v == 4 else "[%s]:%s") % (a, port or d.of(PORTS))
        return a

    def targets(self, table, hook, later):
        """[(weight, (words, protocol needed or None))]"""
        d, v = self.d, self.v
        out = [(8, "-j ACCEPT"), (4 if table != "nat" else 0, "-j DROP"), (4, "-j RETURN"), (2, "")]
        if later:
            out += [(16, "-j " + d.of(later)), (5, "-g " + d.of(later))]
        mark = d.of(["--set-xmark 0x%x/0x%x", "--set-xmark 0x%x/0x%x", "--set-mark 0x%x/0x%x"])
        out.append((8, "-j MARK " + (mark % (d.of(MARKS), d.of(MASKS)) if d.chance(0.6) else
                                     d.of(["--or-mark 0x%x", "--and-mark 0x%x", "--xor-mark 0x%x"]) % d.of(MARKS))))
        out.append((5, "-j CONNMARK " + d.of(["--set-xmark 0x%x/0x%x" % (d.of(MARKS), d.of(MASKS)), "--save-mark",
                                              "--restore-mark", "--save-mark --nfmask 0xff --ctmask 0xff",
                                              "--restore-mark --nfmask 0xf0 --ctmask 0xf0"])))
        if table == "raw":
            out += [(3, "-j NOTRACK"), (2, "-j CT --notrack")]
        if table == "mangle":
            out += [(2, "-j TOS --set-tos 0x%02x/0x%02x" % (d.of([0x10, 0x28, 0xb8]), d.of([0xff, 0xfc, 0x3c]))),
                    (2, "-j DSCP --set-dscp 0x%02x" % d.of([0, 4, 46])),
                    (1, "-j %s-%s %d" % (("TTL --ttl" if v == 4 else "HL --hl"), d.of(["set", "inc", "dec"]),
                                         d.of([1, 5, 30])))]
        if table == "filter":
            kinds = ["icmp-port-unreachable", "icmp-host-prohibited", "icmp-admin-prohibited", "icmp-net-unreachable",
                     "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-net-prohibited"] if v == 4 else \
                ["icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-no-route",
                 "icmp6-policy-fail", "icmp6-reject-route"]
            out.append((3, "-j REJECT --reject-with " + d.of(kinds)))
            out.append((1, "-p tcp -j REJECT --reject-with tcp-reset"))
        if table == "nat" and hook in ("PREROUTING", "OUTPUT"):
            out += [(6, "-j DNAT --to-destination " + self.nat_to(False)),
                    (10, "-p %s -j DNAT --to-destination " % d.of(["tcp", "udp"]) + self.nat_to(True)),
                    (3, "-p %s -j REDIRECT --to-ports %d" % (d.of(["tcp", "udp"]), d.of(PORTS))), (1, "-j REDIRECT"),
                    (1, "-j NETMAP --to " + d.net(v))]
        if table == "nat" and hook in ("INPUT", "POSTROUTING"):
            out += [(5, "-j SNAT --to-source " + self.nat_to(False)),
                    (2, "-p %s -j SNAT --to-source " % d.of(["tcp", "udp"]) +
                     self.nat_to(True, "%d-65535" % d.of([20000, 20000, 20010]))),
                    (1, "-j NETMAP --to " + d.net(v))]
        if table == "nat" and hook == "POSTROUTING":
            out += [(8, "-j MASQUERADE"), (1, "-p tcp -j MASQUERADE --to-ports 20000-65535")]
        return out + self.more_targets(table, hook, later)

    def rule(self, table, hook, chain, later):
        target = self.d.weighted(self.targets(table, hook, later))
        need = None
        if target.startswith("-p "):
            before, _, after = target.partition(" -j ")
            need, target = before[3:], "-j " + after
        return ("-A %s %s %s" % (chain, self.matches(table, hook, need), target)).rstrip()

    def lines(self):
        d, out = self.d, []
        tables = d.some(["raw", "mangle", "nat", "filter", "filter", "nat"], 2, 5)
        for table in [t for t in CHAINS if t in tables]:
            out.append("*" + table)
            rules, hooks = [], d.some(CHAINS[table], 1, 3)
            for hook in CHAINS[table]:
                policy = "DROP" if table != "nat" and hook in hooks and d.chance(0.08) else "ACCEPT"
                out.append(":%s %s [0:0]" % (hook, policy))
            for hook in hooks:
                users = ["%s-%s-%d" % (self.prefix, hook[:3], i) for i in range(d.between(0, 3))]
                out += [":%s - [0:0]" % u for u in users]
                for i, chain in enumerate([hook] + users):
                    for _ in range(d.between(1, 6)):
                        rules.append(self.rule(table, hook, chain, users[i:]))
            out += rules + ["COMMIT"]
        return out
