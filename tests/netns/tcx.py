# SPDX-License-Identifier: GPL-2.0-only
"""Attaches a tcx program that drops TCP: tcx.py DEVICE ingress|egress 4|6. It stays there when this ends, until its device goes."""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}.get(platform.machine())
PROG_LOAD, PROG_ATTACH = 5, 8
SCHED_CLS = 3
TCX = {"ingress": 46, "egress": 47}
PROTOCOL_AT = {"4": 14 + 9, "6": 14 + 6}
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    """The system call; attr: union bpf_attr"""
    attr = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    got = libc.syscall(BPF, command, attr, 128)
    if got < 0:
        code = ctypes.get_errno()
        if code in (errno.EINVAL, errno.EPERM, errno.ENOSYS):
            print("SKIP: no tcx programs here:", os.strerror(code))
            sys.exit(4)
        raise OSError(code, os.strerror(code))
    return got


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("=BBhi", code, src << 4 | dst, off, imm)


def drop_tcp(at):
    """r0 = TCX_DROP where the byte at `at` of the frame is TCP's number, else TCX_NEXT"""
    return b"".join([
        insn(0xbf, 6, 1),               # r6 = context
        insn(0x30, imm=at),             # r0 = frame[at]
        insn(0x15, 0, off=2, imm=socket.IPPROTO_TCP),
        insn(0xb7, 0, imm=-1),
        insn(0x95),
        insn(0xb7, 0, imm=2),
        insn(0x95),
    ])


def main():
    device, way, family = sys.argv[1:]
    text = ctypes.create_string_buffer(drop_tcp(PROTOCOL_AT[family]))
    license_ = ctypes.create_string_buffer(b"GPL")
    program = bpf(PROG_LOAD, struct.pack("=IIQQIIQII16s", SCHED_CLS, (len(text) - 1) // 8, ctypes.addressof(text),
                                         ctypes.addressof(license_), 0, 0, 0, 0, 0, b"drop_tcp"))
    bpf(PROG_ATTACH, struct.pack("=IIII", socket.if_nametoindex(device), program, TCX[way], 0))


if __name__ == "__main__":
    main()
