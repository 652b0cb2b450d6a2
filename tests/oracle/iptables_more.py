# SPDX-License-Identifier: GPL-2.0-only
"""What iptables rules draw besides plain matches: chance, what counts the traffic so far, zones, transparent proxying; and
ipsets of every kind."""

from words import LINKS, MARKS, PORTS, TPROXY


# whether a socket waits for an answer here is not known before there is one
REQUEST = ["-p tcp -m tcp --syn", "-p udp -m udp --dport 0:19999"]


class More:
    """Mixed into Iptables. flavours: "chance", "state", "zones", "tproxy"."""

    def m_statistic(self, hook):
        d = self.d
        return "-m statistic " + d.of(["--mode random --probability 0.5", "--mode random ! --probability 0.3",
                                       "--mode nth --every 2 --packet 0", "--mode nth ! --every 3 --packet 1"])

    def m_recent(self, hook):
        d = self.d
        side = d.of(["--rsource", "--rsource", "--rdest"])
        return "-m recent --name r%s%d %s %s" % (self.prefix, d.of([0, 1]), d.of([
            "--set", "--set", "--rcheck", "--update --seconds 60", "--rcheck --hitcount 2", "--remove",
            "--rcheck --seconds 60 --hitcount 3", "! --rcheck"]), side)

    def m_counting(self, hook):
        d = self.d
        return d.of(["-m limit --limit 5/min --limit-burst 3", "-m quota --quota 500", "-m connlimit --connlimit-above 3",
                     "-m connlimit --connlimit-upto 4 --connlimit-mask 24",
                     "-m hashlimit --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name h%s" % self.prefix,
                     "-m connbytes --connbytes 1:10 --connbytes-dir both --connbytes-mode packets", "-m cgroup --cgroup 0",
                     "-m cpu --cpu 0"])

    def m_socket(self, hook):
        if hook not in ("PREROUTING", "INPUT"):
            return None
        return "%s -m socket %s" % (self.d.of(REQUEST), self.d.of(["", "--transparent", "--nowildcard"]))

    def m_rare(self, hook):
        d = self.d
        out = ["-m connlabel --label 3", "-m devgroup --src-group 0" if hook in ("PREROUTING", "INPUT", "FORWARD") else
               "-m devgroup --dst-group 0", "-m policy --dir in --pol none" if hook in ("PREROUTING", "INPUT", "FORWARD") else
               "-m policy --dir out --pol none", "-m conntrack --ctexpire 0:1000", "-p tcp -m tcpmss --mss 1000:2000",
               "-p tcp -m tcp --tcp-option 2", "-m string --algo bm --string nosuch --from 60", "-m helper --helper ftp",
               "-m esp --espspi 1:10" if d.chance(0.1) else "-m comment --comment c", "-m conntrack ! --ctproto tcp",
               "-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\"" if self.v == 4 else "-m comment --comment d"]
        return d.of(out)

    MATCHES_MORE = {"chance": [(6, m_statistic)], "state": [(9, m_recent), (3, m_counting)], "tproxy": [(4, m_socket)]}

    def all_matches(self):
        out = self.MATCHES + [(0.5, More.m_rare)]
        for f in self.flavours:
            out = out + self.MATCHES_MORE.get(f, [])
        return out

    def more_targets(self, table, hook, _later):
        d, v, out = self.d, self.v, []
        early = hook in ("PREROUTING", "OUTPUT")
        if "chance" in self.flavours and table == "nat":
            a, b = d.span(v)
            if early:
                out += [(6, "-j DNAT --to-destination %s" % d.place(v)), (1, "-p tcp -j REDIRECT --to-ports 80")]
            elif hook == "POSTROUTING":
                out += [(3, "-j MASQUERADE --random"), (3, "-j MASQUERADE --random-fully"), (1, "-j SNAT --to-source %s --random" % a)]
        if "zones" in self.flavours and table == "raw":
            out += [(20, "-j CT --zone %d" % d.of([1, 2])), (3, "-j CT --zone mark")]
        if "tproxy" in self.flavours and table == "mangle" and hook == "PREROUTING":
            out.append((30, "-p tcp --syn -j TPROXY --on-port %d --tproxy-mark 0x77/0xff" % TPROXY))
        if "state" in self.flavours and self.sets:
            fit = [s for s in self.sets if s[2]]
            if fit:
                name, dims, _ = d.of(fit)
                out.append((8, "-j SET --%s %s %s" % (d.of(["add-set", "add-set", "del-set"]), name,
                                                     ",".join(d.of(["src", "dst"]) for _ in range(dims)))))
        if table == "mangle":
            out += [(0.5, "-j CLASSIFY --set-class 1:2"), (0.3, "-p tcp --syn -j TCPMSS --set-mss 1300")]
            if hook == "POSTROUTING":
                out.append((0.3, "-p udp -j CHECKSUM --checksum-fill"))
        out += [(0.4, "-j LOG"), (0.4, "-j NFLOG --nflog-group 5")]
        return out


KINDS = [("hash:ip", 1), ("hash:net", 1), ("hash:ip,port", 2), ("hash:ip,port,ip", 3), ("hash:net,port", 2),
         ("hash:net,net", 2), ("hash:ip,port,net", 3), ("bitmap:port", 1), ("bitmap:ip", 1), ("list:set", 1), ("hash:ip,mark", 2),
         ("hash:net,iface", 2), ("hash:mac", 1), ("hash:ip,mac", 2), ("hash:net,port,net", 3), ("bitmap:ip,mac", 2)]


def ipsets(dice, v, prefix, macs, kinds):
    """Lines of `ipset restore` and [(name, dimensions, may rules add to it)]. kinds: those that this kernel has."""
    d, family, out, sets = dice, "inet" if v == 4 else "inet6", [], []
    for i in range(d.between(0, 3)):
        name = "%s%d%s" % (prefix, v, "abc"[i])
        kind, dims = d.of(KINDS)
        parts = kind.split(":")[1].split(",")
        if kind == "list:set":
            members = [s for s, n, _ in sets if n == 1]
            if members:
                out.append("create %s list:set" % name)
                out += ["add %s %s" % (name, m) for m in members]
                sets.append((name, 1, False))
            continue
        extra = ""
        if kind.startswith("bitmap"):
            extra = " range 0-65535" if kind == "bitmap:port" else " range 10.244.0.0/16"
        else:
            extra = " family " + family if kind != "hash:mac" else ""
        part = {"ip": lambda: d.address(v), "net": lambda: d.net(v) if d.chance(0.7) else d.address(v),
                "port": lambda: "%s:%d" % (d.of(["tcp", "udp"]), d.of(PORTS)) if kind != "bitmap:port" else
                str(d.of(PORTS)), "mark": lambda: hex(d.of(MARKS)), "mac": lambda: d.of(macs), "iface": lambda: d.of(LINKS)}
        if kind.startswith("bitmap:ip"):
            part["ip"] = lambda: "10.244.%d.%d" % (d.of([0, 0, 9, 1]), d.of([1, 2, 3, 9]))
        lines = []
        for _ in range(d.between(1, 5)):
            nomatch = " nomatch" if "net" in kind and d.chance(0.15) else ""
            lines.append("add -exist %s %s%s" % (name, ",".join(part[p]() for p in parts), nomatch))
        if kind in kinds and not (kind.startswith("bitmap:ip") and v == 6):
            out += ["create %s %s%s" % (name, kind, extra)] + lines
            sets.append((name, dims, not set(parts) & {"mac", "iface", "mark"}))
    return out, sets
