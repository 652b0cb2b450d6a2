# SPDX-License-Identifier: GPL-2.0-only
"""Random packets: who sends what where, the words that ask ktrace about them, and the sending."""

import ctypes
import errno
import os
import selectors
import socket
import struct
import time

import lab
from eyes import SYN
from words import ADDR, MARKS, PORTS, SPORT_HIGH, SPORT_LONG, SPORT_LOW, TOS, UIDS

_libc = ctypes.CDLL(None, use_errno=True)


class Probe:
    """One packet, and those of its connection that follow."""

    def __init__(self, dice, v):
        d, self.v = dice, v
        a = ADDR[v]
        self.place = d.weighted([(5, "ext"), (1, "far"), (4, "node"), (4, "pod1"), (1, "pod2"), (3, "pod3")])
        forbidden = {"ext": ("ext", "far"), "far": ("ext", "far")}.get(self.place, (self.place,))
        names = [n for n in a if n not in forbidden or self.place == "node"]
        self.dst = a[d.of(names)]
        if self.place == "node" and d.chance(0.1):
            self.dst = "127.0.0.1" if v == 4 else "::1"
        self.proto = d.weighted([(6, "tcp"), (4, "udp"), (1, "icmp")])
        self.dport = d.of(PORTS)
        self.mark = d.of([0, 0, 0] + MARKS) if self.place == "node" else 0
        self.uid = d.of(UIDS) if self.place == "node" else 0
        self.tos = d.of(TOS)
        self.flags, self.sport = SYN, 0

    def src_ns(self):
        return "ext" if self.place == "far" else self.place

    def bind(self):
        return ADDR[self.v]["far"] if self.place == "far" else ""

    def args(self, world):
        host = "[%s]" % self.dst if self.v == 6 else self.dst
        to = host + "/icmp" if self.proto == "icmp" else "%s:%d/%s" % (host, self.dport, self.proto)
        source = {"node": "node", "ext": ADDR[self.v]["ext"] + "%eth0", "far": ADDR[self.v]["far"] + "%eth0"}.get(
            self.place, "netns/" + world.ns(self.place))
        out = ["--to", to, "--from", source, "--sport", str(self.sport)]
        if self.mark:
            out += ["--mark", str(self.mark)]
        if self.uid:
            out += ["--uid", str(self.uid)]
        if self.tos:
            out += ["--tos", str(self.tos)]
        return out


SPORTS = {False: (SPORT_LOW, SPORT_LONG - 1), True: (SPORT_LONG, SPORT_HIGH)}
_sport = {long: low + os.getpid() * 7 % (high - low) for long, (low, high) in SPORTS.items()}


def next_sport(long=False):
    low, high = SPORTS[long]
    _sport[long] = _sport[long] + 1 if _sport[long] < high else low
    return _sport[long]


def checksum(data):
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def fsuid(uid):
    """The thread as user and group uid, as ktrace takes --uid."""
    _libc.setfsuid(0)
    _libc.setfsgid(uid)
    _libc.setfsuid(uid)


class Flight:
    """One probe under way."""

    def __init__(self, world, probe):
        self.world, self.probe = world, probe
        self.result, self.error = None, None
        self.s = self._socket()

    def _socket(self):
        p = self.probe
        family = socket.AF_INET if p.v == 4 else socket.AF_INET6
        kind, proto = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
                       "icmp": (socket.SOCK_RAW, 1 if p.v == 4 else 58)}[p.proto]
        with lab.inside(self.world.ns(p.src_ns())):
            if p.uid:
                fsuid(p.uid)
            try:
                s = socket.socket(family, kind, proto)
            except PermissionError:
                fsuid(0)
                raise
            finally:
                if p.uid:
                    fsuid(0)
        s.setblocking(False)
        if p.mark:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, p.mark)
        if p.tos:
            s.setsockopt(*((socket.IPPROTO_IP, socket.IP_TOS) if p.v == 4 else (socket.IPPROTO_IPV6, 67)), p.tos)
        if p.proto != "icmp":
            s.setsockopt(*((socket.IPPROTO_IP, 11) if p.v == 4 else (socket.IPPROTO_IPV6, 25)), 1)      # RECVERR
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return s

    def start(self):
        p = self.probe
        try:
            if p.proto == "icmp":
                if p.bind():
                    self.s.bind((p.bind(), 0))
                self.world.servers.sel.register(self.s, selectors.EVENT_READ, self._ready)
                self._send()
                return
            self.s.bind((p.bind(), p.sport))
            code = self.s.connect_ex((p.dst, p.dport))
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "connect")
            self.world.servers.sel.register(self.s, selectors.EVENT_READ | (selectors.EVENT_WRITE if p.proto == "tcp" else 0),
                                            self._ready)
            if p.proto == "udp":
                self._send()
        except OSError as e:
            self._failed(e)

    def again(self):
        """The next packet of the same connection."""
        self.result, self.error = None, None
        try:
            self._send()
        except OSError as e:
            self._failed(e)

    def _send(self):
        p = self.probe
        if p.proto == "udp":
            self.s.send(b"")
        elif p.proto == "icmp":
            kind = 8 if p.v == 4 else 128
            packet = struct.pack(">BBHHH", kind, 0, 0, p.sport, 1) + bytes(56)
            if p.v == 4:
                packet = struct.pack(">BBHHH", kind, 0, checksum(packet), p.sport, 1) + bytes(56)
            self.s.sendto(packet, (p.dst, 0))

    def _failed(self, e):
        self.result = self.result or lab.ERRORS.get(e.errno, "errno-%d" % (e.errno or 0))
        try:
            _data, control, _flags, _addr = self.s.recvmsg(512, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return
        for level, kind, data in control:
            if (level, kind) in ((0, 11), (41, 25)) and data[4] in (2, 3):
                self.error = data[5], data[6]

    def _ready(self, _s):
        p = self.probe
        try:
            if p.proto == "tcp":
                code = self.s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, "connect")
                self.world.servers.sel.unregister(self.s)
                self.result = self.result or "ok"
            elif p.proto == "udp":
                self.s.recv(64)
                self.result = self.result or "ok"
            else:
                self._echoes()
        except BlockingIOError:
            pass
        except OSError as e:
            self._failed(e)
            if p.proto == "tcp" and self.s in self.world.servers.sel.get_map():
                self.world.servers.sel.unregister(self.s)

    def _echoes(self):
        p, answer = self.probe, 0 if self.probe.v == 4 else 129
        while True:
            data, addr = self.s.recvfrom(2048)
            off = (data[0] & 15) * 4 if p.v == 4 else 0
            if data[off] == answer and data[off + 4:off + 6] == struct.pack(">H", p.sport) and addr[0] == p.dst:
                self.result = "ok"

    def close(self):
        if self.s in self.world.servers.sel.get_map():
            self.world.servers.sel.unregister(self.s)
        if self.probe.proto == "tcp":
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()


def wait_for(world, flights, silence):
    """Until all are answered, or nothing happened for so many seconds."""
    last = time.monotonic()
    while any(f.result is None for f in flights):
        left = last + silence - time.monotonic()
        if left <= 0:
            break
        events = world.servers.sel.select(left)
        for key, _ in events:
            key.data(key.fileobj)
        if events:
            last = time.monotonic()
    for f in flights:
        f.result = f.result or "timeout"
