#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""BPF objects that nobody holds any more.

    residue.py                 prints the objects that there are, a line each: KIND ID
    residue.py FILE            prints those that are not in FILE and that no process holds; waits a moment for them to go
"""

import json
import os
import re
import subprocess
import sys
import time


def objects():
    """{(kind, id)}, and what each program and link uses."""
    ids, uses = set(), {}
    for kind in ("prog", "map", "link"):
        try:
            rows = json.loads(subprocess.run(["bpftool", "-j", kind], capture_output=True, text=True, check=False).stdout)
        except ValueError:
            rows = []
        for row in rows:
            ids.add((kind, row["id"]))
            uses[kind, row["id"]] = [("map", m) for m in row.get("map_ids", [])] + \
                ([("prog", row["prog_id"])] if "prog_id" in row else [])
    return ids, uses


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def held(uses):
    """What a process has open, and what that uses."""
    seen = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fds = os.listdir("/proc/%s/fdinfo" % pid)
        except OSError:
            continue
        for fd in fds:
            seen |= {(k, int(n)) for k, n in re.findall(r"(?m)^(prog|map|link)_id:\s*(\d+)", read("/proc/%s/fdinfo/%s" % (pid, fd)))}
    todo = list(seen)
    while todo:
        for used in uses.get(todo.pop(), ()):
            if used not in seen:
                seen.add(used)
                todo.append(used)
    return seen


def left(before):
    """Objects that were not there before and that no process holds. Other tests may load theirs meanwhile, and the kernel frees late."""
    kept = None
    for _ in range(10):
        ids, uses = objects()
        kept = (ids - before - held(uses)) & (ids if kept is None else kept)
        if not kept:
            break
        time.sleep(0.3)
    return sorted(kept)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        known = {(k, int(n)) for k, n in (line.split() for line in read(sys.argv[1]).splitlines())}
        found = left(known)
    else:
        found = sorted(objects()[0])
    for k, n in found:
        print(k, n)
