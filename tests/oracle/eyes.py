# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel did with each packet under way: nf_tables' trace and the TRACE lines of iptables-legacy in one
queue and order, what came in at each place, and the entries of conntrack."""

import contextlib
import errno
import socket
import struct

import lab
from world import PLACES

NETFILTER = 12
FAMILY = {0: "?", 1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
PROTO = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp", 132: "sctp"}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_ATTR = struct.Struct("=HH")


def attrs(data, at=0):
    out, n = {}, len(data)
    while at + 4 <= n:
        size, kind = _ATTR.unpack_from(data, at)
        if size < 4:
            break
        out[kind & 0x3fff] = data[at + 4:at + size]
        at += (size + 3) & ~3
    return out


class Packet:
    """The headers that matter. Ports of ICMP: the id where the sender's port stands, 0 for the other."""

    __slots__ = ("src", "dst", "sport", "dport", "proto", "flags", "type", "code", "inner", "size")

    def tuple(self):
        return (self.src, self.sport, self.dst, self.dport)


def parse(ip, th=None):
    """Raw IPv4 or IPv6 bytes; th where the transport header comes apart. None: nothing of ours."""
    p = Packet()
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        off, proto = (ip[0] & 15) * 4, ip[9]
        p.src, p.dst = socket.inet_ntop(socket.AF_INET, ip[12:16]), socket.inet_ntop(socket.AF_INET, ip[16:20])
    elif len(ip) >= 40 and ip[0] >> 4 == 6:
        off, proto = 40, ip[6]
        p.src, p.dst = socket.inet_ntop(socket.AF_INET6, ip[8:24]), socket.inet_ntop(socket.AF_INET6, ip[24:40])
    else:
        return None
    if proto not in PROTO:
        return None
    th = ip[off:] if th is None else th
    if len(th) < 8:
        return None
    p.proto, p.flags, p.type, p.code, p.inner, p.size = PROTO[proto], 0, None, None, None, len(th)
    if p.proto == "icmp":
        p.type, p.code = th[0], th[1]
        if p.type in (8, 0) and proto == 1 or p.type in (128, 129):
            ident = struct.unpack_from(">H", th, 4)[0]
            p.sport, p.dport = (ident, 0) if p.type in (8, 128) else (0, ident)
        else:
            p.sport = p.dport = 0
            p.inner = parse(th[8:])
    else:
        p.sport, p.dport = struct.unpack_from(">HH", th)
        p.flags = th[13] if p.proto == "tcp" and len(th) >= 14 else 0
    return p


class Seen:
    """What the kernel did with one packet and what came of it."""

    def __init__(self):
        self.request, self.reply = [], []   # ("rule", family, table, chain, handle or index) and ("at", …, tuple, mark)
        self.errors = []                    # what was sent back at the node: (type, code) of ICMP, or "rst"
        self.reset = False                  # a RST came by
        self.copies = {"request": 0, "reply": 0}    # that rules made of it
        self.answered = False               # the node itself sent an answer
        self.arrived = {}                   # place: tuple
        self.local = None                   # tuple at the end of INPUT
        self.client, self.error = None, None    # "ok", "timeout", errno's name; (type, code, offender) of an ICMP error
        self.entry = None                   # of conntrack: (orig, reply, mark, zone, status)


class Eyes:
    def __init__(self, world):
        self.world = world
        with lab.inside(world.node):
            self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
            self.ct = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
        for s in (self.s, self.ct):
            s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)                    # SO_RCVBUFFORCE
            s.bind((0, 0))
        self.s.setsockopt(270, 1, 9)                                         # join NFNLGRP_NFTRACE
        if world.legacy:
            self._nflog()
        self.s.setblocking(False)
        self.sniff = {}
        for place in PLACES[1:]:
            with lab.inside(world.ns(place)):
                s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
            s.setblocking(False)
            self.sniff[place] = s

    def _nflog(self):
        """TRACE lines come through group 0, into the same queue as nf_tables' trace."""
        def command(family, body):
            message = struct.pack("=IHHII", 20 + len(body), 0x401, 5, 1, 0) + struct.pack(">BBH", family, 0, 0) + body
            self.s.send(message)
            code = struct.unpack_from("=i", self.s.recv(4096), 16)[0]
            if code:
                raise OSError(-code, "nflog")
        byte = lambda kind, cmd: struct.pack("=HHB3x", 5, kind, cmd)
        for family in (2, 10):
            command(family, byte(1, 3))                                       # PF_BIND
        command(0, byte(1, 1))                                                # BIND
        command(0, struct.pack("=HH", 10, 2) + struct.pack(">IBx2x", 128, 2))  # copy packets
        command(0, struct.pack("=HH", 8, 5) + struct.pack(">I", 1))           # each at once

    def close(self):
        for s in [self.s, self.ct, *self.sniff.values()]:
            s.close()

    # -- the queue --

    def drain(self):
        for s in [self.s, *self.sniff.values()]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    try:
                        s.recv(1 << 16)
                    except OSError as e:
                        if e.errno != errno.ENOBUFS:
                            raise

    def _messages(self):
        while True:
            try:
                data = self.s.recv(1 << 18)
            except BlockingIOError:
                return
            at = 0
            while at + 20 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if size < 20:
                    break
                yield kind, data[at + 16], data[at + 20:at + size]
                at += (size + 3) & ~3

    def look(self, probes):
        """{probe: Seen}. OSError ENOBUFS: more was traced than the queue holds, a packet goes round and round."""
        who = Who(probes)
        for kind, family, body in self._messages():
            if kind == 0x0a11:
                self._traced(who, family, attrs(body))
            elif kind == 0x400:
                self._logged(who, family, attrs(body))
        for place, s in self.sniff.items():
            for p in arrivals(s):
                probe, way = who.whose(p)
                if probe and way == "request":
                    who.seen[probe].arrived.setdefault(place, p.tuple())
        return who.seen

    def _traced(self, who, family, a):
        num = lambda n: int.from_bytes(a[n], "big") if n in a else None
        ident, mark = num(6), num(14) or 0
        packet = parse(a[8], a.get(9, b"")) if 8 in a else None
        probe, way = who.at(ident, packet)
        if not probe:
            return
        table, chain, handle = a[1][:-1].decode(), a[2][:-1].decode(), num(3)
        seen = who.seen[probe]
        if table == "trace-tap":
            # where the tap begins to trace, its chain is the one name of two hooks: what has no device yet is at OUTPUT
            self._tapped(seen, way, "out" if chain == "seen" and 10 not in a else chain, packet, mark)
            return
        row = getattr(seen, way, None) if way in ("request", "reply") else None
        if row is None:
            return
        if handle is not None:
            row.append(("rule", FAMILY[family], table, chain, handle))
        elif num(4) == 1 and num(16) == 0:
            row.append(("rule", FAMILY[family], table, chain, 0))

    @staticmethod
    def _tapped(seen, way, chain, packet, mark):
        if chain.startswith("copies") and way in seen.copies:
            seen.copies[way] += 1
        if way == "error" and packet and packet.proto == "tcp":
            seen.reset = True
        if chain == "out" and way == "error" and packet:
            seen.errors.append("rst" if packet.proto == "tcp" else (packet.type, packet.code))
        seen.answered |= chain == "out" and way == "reply"
        if not chain.endswith("_end") or way not in ("request", "reply") or not packet:
            return
        if way == "request" and chain == "in_end":
            seen.local = packet.tuple()
        getattr(seen, way).append(("at", chain[:-4], packet.tuple(), mark))

    def _logged(self, who, family, a):
        prefix = a[10][:-1].decode().strip()
        if not prefix.startswith("TRACE: "):
            return
        table, chain, kind, n = prefix[7:].rsplit(":", 3)
        packet, key = parse(a[9]), (FAMILY[family], table, chain)
        probe, way = who.at(None, packet)
        if not probe or way not in ("request", "reply"):
            return
        n = int(n)
        if kind in ("policy", "return") and n > self.world.chains.get(key, 0):
            if kind == "return":
                return
            n = 0
        getattr(who.seen[probe], way).append(("rule", *key, n))

    # -- conntrack --

    def entries(self):
        """[(orig, reply, mark, zone, status)] of the node; the tuples with the protocol behind."""
        self.ct.send(struct.pack("=IHHIIBBH", 20, 0x101, 0x301, 7, 0, 0, 0, 0))
        out, done = [], False
        while not done:
            data, at = self.ct.recv(1 << 18), 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == 3 or size < 20:
                    done = True
                    break
                a = attrs(data[at + 20:at + size])
                be = lambda n: int.from_bytes(a.get(n, b""), "big")
                out.append((ct_tuple(a[1]), ct_tuple(a[2]), be(8), be(18), be(3)))
                at += (size + 3) & ~3
        return [e for e in out if e[0] and e[1]]

    def forget(self):
        """Empties the node's conntrack table."""
        self.ct.send(struct.pack("=IHHIIBBH", 20, 0x102, 5, 7, 0, 0, 0, 0))
        self.ct.recv(4096)


def ct_tuple(data):
    a = attrs(data)
    ip, proto = attrs(a[1]), attrs(a[2])
    name = PROTO.get(proto[1][0])
    family = socket.AF_INET if 1 in ip else socket.AF_INET6
    src, dst = ip.get(1, ip.get(3)), ip.get(2, ip.get(4))
    be = lambda n: int.from_bytes(proto.get(n, b""), "big")
    if name == "icmp":
        ident, kind = (be(4), be(5)) if 4 in proto else (be(7), be(8))
        ports = (ident, 0) if kind in (8, 128) else (0, ident)
    else:
        ports = be(2), be(3)
    return socket.inet_ntop(family, src), ports[0], socket.inet_ntop(family, dst), ports[1], name


def arrivals(s):
    while True:
        try:
            data, addr = s.recvfrom(2048)
        except BlockingIOError:
            return
        if addr[2] not in (3, 4):   # PACKET_OTHERHOST, PACKET_OUTGOING
            p = parse(data)
            if p:
                yield p


class Who:
    """Whose packet is this? By its addresses and ports, as sent or as seen since; else by the sender's port, which is its
    own in a batch; else by the trace's id, which stays with a packet on its way through one node."""

    def __init__(self, probes):
        self.seen = {p: Seen() for p in probes}
        self.port = {(p.proto, p.sport): p for p in probes}
        self.known, self.current, self.last = {}, {}, (None, None)

    def learn(self, p, probe, way):
        mine, back = (p.proto, *p.tuple()), (p.proto, p.dst, p.dport, p.src, p.sport)
        self.known[back] = probe, "reply" if way == "request" else "request"
        self.known[mine] = probe, way       # the last word, if both are one

    def whose(self, p):
        """(probe, "request", "reply", "error" or None)"""
        if p.inner:
            probe, _ = self.whose(p.inner)
            return probe, "error"
        probe, way = self.known.get((p.proto, *p.tuple()), (None, None))
        if not probe:
            probe, way = self.port.get((p.proto, p.sport)), "request"
        if not probe:
            probe, way = self.port.get((p.proto, p.dport)), "reply"
        return probe, probe and kind_of(p, probe, way)

    def at(self, ident, p):
        if p is None:
            return self.current.get(ident, (None, None))
        probe, way = self.whose(p)
        if not probe and not p.inner:
            # its port was changed: the trace of one packet goes on
            probe, way = self.current.get(ident, (None, None)) if ident is not None else self.last
            if probe and (probe.proto != p.proto or way != kind_of(p, probe, way)):
                probe, way = None, None
        if probe and way in ("request", "reply"):
            self.learn(p, probe, way)
        if ident is not None:
            self.current[ident] = probe, way
        self.last = probe, way
        return probe, way


def kind_of(p, probe, way):
    if p.proto == "tcp":
        if p.flags & RST:
            return "error"
        want = probe.flags
        if way == "request":
            return way if p.flags & 0x17 == want & 0x17 else None
        return way if p.flags & 0x17 == (SYN | ACK if want == SYN else ACK) else None
    if p.proto == "icmp":
        return way if p.type in (8, 0, 128, 129) else "error"
    return way
