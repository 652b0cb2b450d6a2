# SPDX-License-Identifier: GPL-2.0-only
"""What the drivers in this folder share: sockets inside namespaces, servers that answer with their
own name, sniffers, and the kernel's own word on rules (nft trace, counters of iptables-legacy)."""

import contextlib
import ctypes
import errno
import fcntl
import itertools
import json
import os
import re
import select
import selectors
import socket
import struct
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
KTRACE = os.environ.get("KTRACE", os.path.join(TOP, "build", "ktrace"))
WAIT = float(os.environ.get("LAB_WAIT", "0.4"))    # what counts as silence

_libc = ctypes.CDLL(None, use_errno=True)
_home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _setns(fd):
    if _libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(ns):
    """The calling thread inside a named namespace; sockets made there stay there."""
    fd = os.open("/run/netns/" + ns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(fd)
        try:
            yield
        finally:
            _setns(_home)
    finally:
        os.close(fd)


def shell(text, **env):
    """A few lines of bash with tests/lib.sh loaded."""
    return subprocess.run(["bash", "-c", '. "$0"; ' + text, os.path.join(TOP, "tests", "lib.sh")],
                          env={**os.environ, **env}, capture_output=True, text=True, check=False)


def run_in(ns, argv, **kw):
    """Without the mounts of `ip netns exec`, and its process."""
    with inside(ns):
        return subprocess.run(argv, capture_output=True, text=True, check=False, **kw)


_plan = []


def node_up(prefix):
    """What node_up of tests/lib.sh does, with few processes."""
    if not _plan:
        lines = shell("lab_plan @").stdout.splitlines()
        _plan.extend((tuple(key), [words for *_, words in group]) for key, group in
                     itertools.groupby((line.split(" ", 2) for line in lines), lambda x: x[:2]))
    places = dict.fromkeys(place for (_, place), _ in _plan)
    _must(["ip", "-batch", "-"], "".join("netns add %s-%s\n" % (prefix, x) for x in places))
    for (kind, place), words in _plan:
        with inside(prefix + "-" + place):
            if kind == "ip":
                _must(["ip", "-batch", "-"], "\n".join(words).replace("@", prefix) + "\n")
            else:
                for name, value in (w.split("=") for w in words):
                    _sysctl(name, value, kind == "try")
    # The kernel may believe in a new link's carrier up to a second late. Until then a bridge's port forwards nothing, and
    # IPv6 has no route to the bridge.
    end = now() + 5
    with inside(prefix + "-node"):
        while set(_port_states()) != {3} or not any(
                r.startswith("fd44" + 28 * "0" + " 40 ") and not r.endswith(" lo") for r in _read("/proc/thread-self/net/ipv6_route")):
            if now() > end:
                raise RuntimeError("cni0 or its ports are not ready")
            time.sleep(0.01)


def _port_states():
    """IFLA_BRPORT_STATE of each port of this namespace's bridges; 3 is forwarding."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        # RTM_GETLINK with NLM_F_DUMP, of AF_BRIDGE
        s.send(struct.pack("=IHHII", 32, 18, 0x301, 1, 0) + struct.pack("=BxHiII", 7, 0, 0, 0, 0))
        while True:
            data, at = s.recv(1 << 16), 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:       # NLMSG_DONE
                    return
                port = Trace._attrs(Trace._attrs(data[at + 32:at + size]).get(12, b""))   # IFLA_PROTINFO
                if 1 in port:
                    yield port[1][0]
                at += (size + 3) & ~3


def node_down(prefix):
    """The namespaces of a lab in which nothing runs any more."""
    names = [n for n in os.listdir("/run/netns") if n.startswith(prefix + "-")] if os.path.isdir("/run/netns") else []
    if names:
        subprocess.run(["ip", "-force", "-batch", "-"], input="".join("netns del %s\n" % n for n in names), text=True,
                       capture_output=True, check=False)


def _must(argv, text):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(argv), done.stderr.strip()))


def _sysctl(name, value, optional):
    path = "/proc/sys/" + name.replace(".", "/")
    if not optional or os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.write(value)


def _read(path):
    with open(path, encoding="ascii") as f:
        return f.read().splitlines()


class Servers:
    """Listeners in any namespace; each answers a connection or datagram with its place's name."""

    def __init__(self):
        self.sel = selectors.DefaultSelector()
        self.wake_r, self.wake_w = os.pipe()
        self.sel.register(self.wake_r, selectors.EVENT_READ, None)
        self.stop = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def listen(self, ns, name, port, family, address=None, protos=("tcp", "udp")):
        with inside(ns):
            for proto in protos:
                kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((address or "", port))
                if proto == "tcp":
                    s.listen(16)
                s.setblocking(False)
                self.sel.register(s, selectors.EVENT_READ, (name, proto))
        os.write(self.wake_w, b".")

    def _serve(self):
        while not self.stop:
            for key, _ in self.sel.select(1):
                if key.data is None:
                    os.read(self.wake_r, 64)
                    continue
                name, proto = key.data
                with contextlib.suppress(OSError):
                    if proto == "tcp":
                        c, _addr = key.fileobj.accept()
                        c.sendall(name.encode())
                        c.close()
                    else:
                        _data, addr = key.fileobj.recvfrom(64)
                        key.fileobj.sendto(name.encode(), addr)

    def close(self):
        self.stop = True
        os.write(self.wake_w, b".")
        self.thread.join()
        for key in list(self.sel.get_map().values()):
            if key.data is not None:
                key.fileobj.close()
        self.sel.close()
        os.close(self.wake_r)
        os.close(self.wake_w)


ERRORS = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "host-unreachable",
          errno.ENETUNREACH: "net-unreachable", errno.EACCES: "prohibited", errno.EPERM: "not-permitted",
          errno.ECONNRESET: "reset", errno.EINVAL: "invalid", errno.ENOPROTOOPT: "no-protocol",
          errno.EPROTO: "prohibited", errno.EADDRNOTAVAIL: "no-address"}


def connect(ns, proto, address, port, sport=0, bind="", mark=0, wait=WAIT):
    """One real connection. "ok:NAME" of who answered, "timeout", or how it was refused."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(ns):
        s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if mark:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        if bind:        # an address that the place need not have
            level, freebind = (socket.IPPROTO_IP, 15) if family == socket.AF_INET else (socket.IPPROTO_IPV6, 78)
            s.setsockopt(level, freebind, 1)
        s.bind((bind, sport))
        s.setblocking(False)
        done = now() + wait
        code = s.connect_ex((address, port))
        while code == errno.EINPROGRESS or code == errno.EALREADY:
            if now() > done:
                return "timeout"
            ready = select.select([], [s], [], 0.02)[1]
            # An ICMP error that comes in while connect() still holds the socket (all of this lab is one
            # CPU's softirq) is only a soft error until the SYN is sent again: SO_ERROR tells it at once.
            code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code and not ready:
                code = errno.EINPROGRESS
        if code:
            raise OSError(code, "connect")
        s.settimeout(max(done - now(), 0.05))
        if proto == "udp":
            s.send(b"?")
        name = s.recv(64).decode()
        if proto == "tcp":      # its FIN before our RST: conntrack tells the two orders apart
            s.recv(1)
        return "ok:" + name
    except (TimeoutError, socket.timeout):
        return "timeout"
    except OSError as e:
        return ERRORS.get(e.errno, "errno-%d" % (e.errno or 0))
    finally:
        if proto == "tcp":      # RST, so that nothing lingers
            with contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


class Sniffer:
    """Did a request (a SYN, or a datagram) come in at a place's interfaces?"""

    def __init__(self, ns):
        with inside(ns):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.s.setblocking(False)

    def requests(self, proto):
        """(source address, port, destination address, port) of each request seen since."""
        seen = []
        while True:
            try:
                data, addr = self.s.recvfrom(2048)
            except BlockingIOError:
                return seen
            if addr[2] == 4:        # PACKET_OUTGOING
                continue
            t = headers(data)
            if t and t["proto"] == proto and (proto == "udp" and t["payload"] == b"?" or
                                              proto == "tcp" and t["flags"] & 0x12 == 2):
                seen.append((t["src"], t["sport"], t["dst"], t["dport"]))

    def close(self):
        self.s.close()


def headers(ip, th=None):
    """The tuple in raw IPv4 or IPv6 bytes; th where the transport header comes apart."""
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        off, proto = (ip[0] & 15) * 4, ip[9]
        src, dst = socket.inet_ntop(socket.AF_INET, ip[12:16]), socket.inet_ntop(socket.AF_INET, ip[16:20])
    elif len(ip) >= 40 and ip[0] >> 4 == 6:
        off, proto = 40, ip[6]
        src, dst = socket.inet_ntop(socket.AF_INET6, ip[8:24]), socket.inet_ntop(socket.AF_INET6, ip[24:40])
    else:
        return None
    names = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp", 132: "sctp"}
    out = {"src": src, "dst": dst, "proto": names.get(proto, str(proto)), "sport": 0, "dport": 0,
           "flags": 0, "payload": b""}
    th = ip[off:] if th is None else th
    if proto in (6, 17) and len(th) >= 8:
        out["sport"], out["dport"] = struct.unpack(">HH", th[:4])
        if proto == 6 and len(th) >= 14:
            out["flags"] = th[13]
        if proto == 17:
            out["payload"] = th[8:struct.unpack(">H", th[4:6])[0]]
    return out


class Trace:
    """The kernel's own trace of nf_tables: which rules a flow's packets met, and which ended them."""

    FAMILY = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
    TABLE = """table inet trace-tap {
        chain pre { type filter hook prerouting priority -1000; meta l4proto { tcp, udp } meta nftrace set 1; }
        chain out { type filter hook output priority -1000; meta l4proto { tcp, udp } meta nftrace set 1; }
    }"""
    # earlier hooks, each where this kernel has it
    EARLY = """table bridge trace-tap {
        chain pre { type filter hook prerouting priority -1000; meta l4proto { tcp, udp } meta nftrace set 1; }
    }""", """table netdev trace-tap {
        chain eth0 { type filter hook ingress device eth0 priority -500; meta l4proto { tcp, udp } meta nftrace set 1; }
        chain veth1 { type filter hook ingress device veth1 priority -500; meta l4proto { tcp, udp } meta nftrace set 1; }
    }"""

    def __init__(self, ns, early=False):
        self.ns, self.early = ns, early
        done = run_in(ns, ["nft", "-f", "-"], input=self.TABLE)
        if done.returncode:
            raise RuntimeError("trace table: " + done.stderr)
        if early:
            for table in self.EARLY:
                run_in(ns, ["nft", "-f", "-"], input=table)
        with inside(ns):
            self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)   # NETLINK_NETFILTER
        self.s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)                    # SO_RCVBUFFORCE
        self.s.bind((0, 0))
        self.s.setsockopt(270, 1, 9)                                         # join NFNLGRP_NFTRACE
        self.s.setblocking(False)

    @staticmethod
    def _attrs(data):
        out, at = {}, 0
        while at + 4 <= len(data):
            size, kind = struct.unpack_from("=HH", data, at)
            if size < 4:
                break
            out[kind & 0x3fff] = data[at + 4:at + size]
            at += (size + 3) & ~3
        return out

    def _message(self, family, body):
        a = self._attrs(body)
        text = lambda n: a[n].rstrip(b"\0").decode() if n in a else None
        num = lambda n: int.from_bytes(a[n], "big") if n in a else None
        verdict = self._attrs(a[5]) if 5 in a else {}
        code = struct.unpack(">i", verdict[1])[0] if 1 in verdict else None
        return {"family": self.FAMILY.get(family, str(family)), "table": text(1), "chain": text(2),
                "handle": num(3), "type": {1: "policy", 2: "return", 3: "rule"}.get(num(4)), "verdict": code,
                "id": num(6), "policy": num(16),
                "packet": headers(a[8], a.get(9, b"")) if 8 in a else None}

    def events(self):
        out = []
        while True:
            try:
                data = self.s.recv(1 << 20)
            except BlockingIOError:
                return [e for e in out if e["table"] != "trace-tap" or e["packet"]]
            at = 0
            while at + 20 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if size < 20:
                    break
                if kind == 0x0a11:          # NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE
                    out.append(self._message(data[at + 16], data[at + 20:at + size]))
                at += (size + 3) & ~3

    def close(self):
        """The tables stay, and go with the namespace."""
        self.s.close()


class Legacy:
    """The packet counters of iptables-legacy, of tables that exist already (reading one creates it)."""

    def __init__(self, ns):
        self.ns = ns
        self.before = self._read()

    def _read(self):
        out = {}
        for family, tool, names in (("ip", "iptables-legacy-save", "ip_tables_names"),
                                    ("ip6", "ip6tables-legacy-save", "ip6_tables_names")):
            with inside(self.ns):
                try:
                    with open("/proc/thread-self/net/" + names, encoding="ascii") as f:
                        tables = f.read().split()
                except OSError:
                    tables = []
            # all that there are, each "*TABLE" and its rules
            table, index = None, {}
            for line in run_in(self.ns, [tool, "-c"]).stdout.splitlines() if tables else ():
                if line.startswith("*"):
                    table, index = line[1:], {}
                    continue
                m = re.match(r"\[(\d+):\d+\] -A (\S+) ?(.*)", line)
                if m:
                    index[m[2]] = index.get(m[2], 0) + 1
                    out[family, table, m[2], index[m[2]]] = (int(m[1]), m[3])
                    continue
                m = re.match(r":(\S+) (ACCEPT|DROP) \[(\d+):", line)
                if m:
                    out[family, table, m[1], 0] = (int(m[3]), "-j " + m[2])
        return out

    def moved(self):
        """{(family, table, chain, index): rule} of all whose packet counter moved; index 0 is the policy."""
        return {k: text for k, (n, text) in self._read().items() if n != self.before.get(k, (0, ""))[0]}


def lock(path):
    """An exclusive lock for as long as the process lives."""
    f = open(path, "w", encoding="ascii")
    fcntl.flock(f, fcntl.LOCK_EX)
    return f


def ktrace(ns, args, env=None, binary=None):
    """(exit status, JSON or None, stderr)"""
    done = run_in(ns, [binary or KTRACE, "-o", "json", "--color", "never", *args],
                  env={**os.environ, **(env or {})}, timeout=75 * WAIT)
    try:
        doc = json.loads(done.stdout) if done.stdout.strip() else None
    except ValueError as e:
        doc, done.stderr = None, "not JSON (%s): %s\n%s" % (e, done.stdout[:200], done.stderr)
    return done.returncode, doc, done.stderr.strip()


def now():
    return time.monotonic()
