# SPDX-License-Identifier: GPL-2.0-only
"""The small world of the oracle: its places, addresses and ports, and dice with a seed. Rules and packets are drawn
from the same few values, so that rules are hit often."""

import ipaddress

ADDR = {
    4: {"ext": "192.0.2.1", "node": "192.0.2.10", "bridge": "10.244.0.1", "pod1": "10.244.0.2",
        "pod2": "10.244.0.3", "pod3": "10.244.9.9", "far": "10.244.1.2", "vip": "10.96.0.10",
        "lb": "203.0.113.5", "nowhere": "198.51.100.7"},
    6: {"ext": "fd02::1", "node": "fd02::10", "bridge": "fd44::1", "pod1": "fd44::2", "pod2": "fd44::3",
        "pod3": "fd44:9::9", "far": "fd44:0:0:1::2", "vip": "fd96::10", "lb": "2001:db8::5",
        "nowhere": "2001:db8:99::7"},
}
NETS = {
    4: ["10.244.0.0/24", "10.244.0.0/16", "192.0.2.0/24", "10.96.0.0/16", "10.244.9.8/30", "10.0.0.0/8",
        "203.0.113.0/29", "198.51.100.0/25", "10.244.0.2/31", "192.0.2.8/29"],
    6: ["fd44::/64", "fd44::/16", "fd02::/64", "fd96::/112", "fd44:9::/64", "fd00::/8", "2001:db8::/64",
        "2001:db8::/32", "fd44::2/127", "fd02::10/124"],
}
PORTS = [53, 80, 443, 8080, 9000]           # 9000: nobody listens
OPEN = [53, 80, 443, 8080]
MARKS = [0, 1, 2, 0x10, 0x11, 0x8000, 0xff, 0x4000]
MASKS = [0xff, 0x1, 0xf, 0xf0, 0x8000, 0xffffffff, 0xffff]
TOS = [0, 0, 0, 0x10, 0x28, 0xb8, 0x08]
UIDS = [0, 0, 1000]
SPORT_LOW, SPORT_HIGH = 20000, 60000         # a client's ports; a server's are below
SPORT_LONG = 45000                          # from here on all of a connection goes through, below only what opens it
TPROXY = 15001                              # a transparent socket of the node
LINKS = ["eth0", "cni0", "veth3", "lo", "veth1", "veth2"]

HOOKS = ["prerouting", "input", "forward", "output", "postrouting"]


class Dice:
    """random.Random with the words that a generator needs."""

    def __init__(self, rng):
        self.r = rng

    def of(self, seq):
        return seq[self.r.randrange(len(seq))]

    def some(self, seq, low, high):
        n = min(len(seq), self.r.randint(low, high))
        return self.r.sample(list(seq), n)

    def chance(self, p):
        return self.r.random() < p

    def between(self, a, b):
        return self.r.randint(a, b)

    def weighted(self, pairs):
        """[(weight, value)]"""
        at = self.r.random() * sum(w for w, _ in pairs)
        for w, v in pairs:
            at -= w
            if at < 0:
                return v
        return pairs[-1][1]

    def address(self, v):
        return self.of(list(ADDR[v].values()))

    def net(self, v):
        return self.of(NETS[v])

    def place(self, v):
        """Where NAT may send a packet: mostly somewhere that answers."""
        return ADDR[v][self.weighted([(4, "pod1"), (4, "pod2"), (4, "pod3"), (3, "ext"), (2, "node"), (2, "bridge"),
                                      (1, "far"), (1, "vip")])]

    def span(self, v):
        """Two addresses, the lower first."""
        a, b = sorted((ipaddress.ip_address(self.address(v)) for _ in "ab"))
        return str(a), str(b)

    def ports(self):
        a, b = sorted((self.of(PORTS), self.of(PORTS + [1000, 10000])))
        return a, b
