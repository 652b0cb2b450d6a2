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
from eyes import ACK, FIN, PSH, SYN
from words import ADDR, MARKS, PORTS, SPORT_HIGH, SPORT_LONG, SPORT_LOW, TOS, UIDS

_libc = ctypes.CDLL(None, use_errno=True)


# where a frame of each place comes in, and whose address it bears
ENTRY = {"ext": ("eth0", "eth0"), "far": ("eth0", "eth0"), "pod1": ("veth1", "cni0"), "pod2": ("veth2", "cni0"), "pod3": ("veth3", "veth3")}


class Probe:
    """One packet, and those of its connection that follow. kind: "sctp", "stray" (TCP of no connection, but not what opens one), or
    None: what the dice say."""

    def __init__(self, dice, v, kind=None):
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
        self.long = kind == "stray"         # its connection goes on, past what opens it
        self.opens = d.of([ACK, ACK, PSH | ACK, FIN | ACK, SYN | ACK]) if kind == "stray" else SYN
        self.proto = {"stray": "tcp", "sctp": "sctp"}.get(kind, self.proto)
        self.begin()

    def begin(self):
        self.flags, self.sport = self.opens, next_sport(self.long)
        self.src, self.size, self.priority = None, 0, 0

    def midway(self):
        return self.proto == "tcp" and self.flags != SYN

    def goes_on(self, s):
        """The next packet comes from this socket, with an octet of data behind the usual timestamps."""
        self.flags, self.src = PSH | ACK, s.getsockname()[0]
        self.size, self.priority = 13, s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY)

    def mid(self, world):
        """What ask.c is to know of a packet in the midst of a connection."""
        if not self.src:
            self._stray(world)
        words = [self.flags, (40 if self.v == 4 else 60) + self.size, self.priority, self.src]
        if self.place != "node":
            device, whom = ENTRY[self.place]
            near = [p for p in ("pod1", "pod2") if self.place in ("pod1", "pod2") and self.dst == ADDR[self.v][p]]
            words += [device, world.mac[self.src_ns(), "eth0"], world.mac[(near[0], "eth0") if near else ("node", whom)]]
        return "mid=" + ",".join(map(str, words))

    def _stray(self, world):
        """The address and priority that the kernel gives it."""
        with lab.inside(world.ns(self.src_ns())):
            s = socket.socket(socket.AF_INET if self.v == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        with s:
            dress(s, self)
            try:
                s.bind((self.bind(), 0))
                s.connect((self.dst, self.dport))
            except OSError:
                pass
            self.src, self.priority = s.getsockname()[0], s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY)

    def src_ns(self):
        return "ext" if self.place == "far" else self.place

    def bind(self):
        return ADDR[self.v]["far"] if self.place == "far" else ""

    def args(self, world):
        host = "[%s]" % self.dst if self.v == 6 else self.dst
        to = host + "/icmp" if self.proto == "icmp" else "%s:%d/%s" % (host, self.dport, self.proto)
        source = {"node": "node", "ext": ADDR[self.v]["ext"] + "%eth0", "far": ADDR[self.v]["far"] + "%eth0"}.get(
            self.place, "netns/" + world.ns(self.place))
        out = [self.mid(world)] if self.midway() else []
        out += ["--to", to, "--from", source, "--sport", str(self.sport)]
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


def dress(s, p):
    if p.mark:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, p.mark)
    if p.tos:
        s.setsockopt(*((socket.IPPROTO_IP, socket.IP_TOS) if p.v == 4 else (socket.IPPROTO_IPV6, 67)), p.tos)


def checksum(data):
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def segment(p):
    """A bare TCP header; the kernel sums that of IPv6."""
    head = struct.pack(">HHIIBBHHH", p.sport, p.dport, 1000000, 2000000, 0x50, p.flags, 8192, 0, 0)
    if p.v == 6:
        return head
    n = checksum(socket.inet_aton(p.src) + socket.inet_aton(p.dst) + struct.pack(">HH", 6, len(head)) + head)
    return head[:16] + struct.pack(">H", n) + head[18:]


def init(p):
    """SCTP's INIT, as long as they mostly are (two wishes for a cookie's age), with its CRC32c: the one field of the network that is
    little endian."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 36, 0x6b747263, 65536, 1, 1, 1) + struct.pack(">HHI", 9, 8, 1) * 2
    head, crc = struct.pack(">HHI", p.sport, p.dport, 0), 0xffffffff
    for b in head + bytes(4) + chunk:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return head + struct.pack("<I", crc ^ 0xffffffff) + chunk


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
        kind, proto = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_RAW, 132),
                       "icmp": (socket.SOCK_RAW, 1 if p.v == 4 else 58)}[p.proto]
        if p.midway():
            kind, proto = socket.SOCK_RAW, 6
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
        dress(s, p)
        if kind == socket.SOCK_RAW:
            if p.v == 6 and proto == 6:
                s.setsockopt(socket.IPPROTO_IPV6, 7, 16)        # IPV6_CHECKSUM: where it stands
        else:
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
            if p.proto == "sctp" or p.midway():
                if p.bind():
                    self.s.bind((p.bind(), 0))
                self.s.sendto(init(p) if p.proto == "sctp" else segment(p), (p.dst, 0))
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

    def goes_on(self):
        """Is there to be another packet?"""
        p = self.probe
        if p.proto != "tcp":
            return True
        if p.midway() or not p.long or self.result != "ok" or self.s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return False
        # a proxied handshake may have no server behind it, who lets nothing through: tcpi_snd_wnd
        if not struct.unpack_from("=I", self.s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232), 228)[0]:
            return False
        p.goes_on(self.s)
        return True

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
        elif p.proto == "tcp":
            self.s.send(b"x")
        elif p.proto == "sctp":
            self.s.sendto(init(p), (p.dst, 0))
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
        if self.s.type == socket.SOCK_STREAM:
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
