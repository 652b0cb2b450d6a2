# SPDX-License-Identifier: GPL-2.0-only
"""Reads a queue of netfilter's: nfqueue.py NUMBER accept|drop NETNS says so of each packet, in the background, until the name NETNS
(a path of /run/netns) is another namespace's or nobody's. It comes back when the queue is read."""

import errno
import os
import socket
import struct
import sys

QUEUE, PACKET, VERDICT, CONFIG = 3, 0, 1, 2     # NFNL_SUBSYS_QUEUE, NFQNL_MSG_*
CFG_CMD, CFG_PARAMS, BIND, COPY_PACKET = 1, 2, 1, 2
REQUEST, ACK, ERROR = 1, 4, 2


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind, queue, flags, attrs):
    body = struct.pack(">BBH", 0, 0, queue) + attrs
    return struct.pack("=IHHII", 16 + len(body), QUEUE << 8 | kind, REQUEST | flags, 1, 0) + body


def configure(s, queue, attrs):
    s.send(message(CONFIG, queue, ACK, attrs))
    code = struct.unpack_from("=i", s.recv(4096), 16)[0]
    if code:
        raise OSError(-code, os.strerror(-code))


def packets(data):
    """The numbers of the packets in what the kernel sent."""
    while len(data) >= 20:
        size, kind = struct.unpack_from("=IH", data)
        if kind == QUEUE << 8 | PACKET:
            yield struct.unpack_from(">I", data, 24)[0]     # NFQA_PACKET_HDR is the first attribute
        data = data[(size + 3) & ~3:]


def there(path):
    try:
        return os.path.samestat(os.stat(path), os.stat("/proc/self/ns/net"))
    except OSError:
        return False


def serve(s, queue, verdict, path):
    s.settimeout(0.5)
    while there(path):
        try:
            data = s.recv(1 << 17)
        except OSError as e:
            if isinstance(e, TimeoutError) or e.errno == errno.ENOBUFS:
                continue
            raise
        for number in packets(data):
            s.send(message(VERDICT, queue, 0, attr(2, struct.pack(">II", verdict, number))))


def main():
    queue, verdict, path = int(sys.argv[1]), {"drop": 0, "accept": 1}[sys.argv[2]], sys.argv[3]
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    try:
        s.bind((0, 0))
        configure(s, queue, attr(CFG_CMD, struct.pack(">BBH", BIND, 0, 0)))
        configure(s, queue, attr(CFG_PARAMS, struct.pack(">IB", 0xffff, COPY_PACKET)))
    except OSError as e:
        print("SKIP: no queue to read here:", e.strerror)
        sys.exit(4)
    if os.fork():
        return
    for fd in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    serve(s, queue, verdict, path)


main()
