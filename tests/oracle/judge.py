# SPDX-License-Identifier: GPL-2.0-only
"""What ktrace said of a packet, held against what the kernel did with it."""

import ipaddress
import re

from words import ADDR, OPEN, TPROXY
from world import OWN

# "reject with" in the words of either tool: what goes back, for IPv4 and IPv6
REJECTS = {
    "net-unreachable": ((3, 0), None), "host-unreachable": ((3, 1), None), "prot-unreachable": ((3, 2), None), "proto-unreachable": ((3, 2), None),
    "port-unreachable": ((3, 3), (1, 4)), "net-prohibited": ((3, 9), None), "host-prohibited": ((3, 10), None),
    "admin-prohibited": ((3, 13), (1, 1)), "no-route": ((3, 0), (1, 0)), "adm-prohibited": (None, (1, 1)),
    "addr-unreachable": (None, (1, 3)), "policy-fail": (None, (1, 5)), "reject-route": (None, (1, 6)),
}


def plain(proto, t):
    """ICMP's ports are left out."""
    return (t[0], 0, t[2], 0) if proto == "icmp" else t


def packet_of(proto, p):
    return plain(proto, (p["src"], p["sport"], p["dst"], p["dport"]))


def predicted(proto, path):
    """(request, reply): what ktrace says happens on the node, in the words of eyes.Seen."""
    out, last = {False: [], True: []}, {False: [], True: []}
    for hop in path["hops"]:
        if hop["netns"] is not None:
            continue
        # a rule that forwards a frame is traced when that is done, behind all that the frame met then
        row, taken, tap = out[hop["reply"]], last[hop["reply"]], None
        for e in hop["evidence"]:
            if e["kind"] not in ("rule", "policy") or e["effect"] == "none":
                continue
            if e["table"] == "trace-tap":
                tap = e["chain"]
                continue
            nft = e["backend"] == "nf_tables"
            if e["kind"] == "policy" and nft and e["effect"] != "verdict":
                continue
            n = 0 if e["kind"] == "policy" else e["handle"] if nft else e["index"]
            (taken if nft and re.search(r"\bfwd (ip6? )?to ", e["text"] or "") else row).append(
                ("rule", e["family"], e["table"], e["chain"], n))
        if tap and tap.endswith("_end"):
            row.append(("at", tap[:-4], packet_of(proto, hop["out"]), hop["out"]["mark"]))
    return out[False] + last[False][::-1], out[True] + last[True][::-1]


def same(a, b):
    """A port that ktrace leaves open is any."""
    if a is None or b is None or a[0] != b[0]:
        return False
    if a[0] == "rule":
        return a == b
    return a[1] == b[1] and a[3] == b[3] and all(x is None or x == y for x, y in zip(a[2], b[2]))


# a rule of which only the traffic so far, the moment or the process tells whether it matches: one that changes nothing, or any where
# the ways were too many to be kept apart
DOUBT = {False: ("may match, no effect",), True: ("may match, no effect", "may match")}


def doubtful(path, folded):
    rules = [e for h in path["hops"] for e in h["evidence"] if e["kind"] == "rule"]
    # nor is it told whether an element is in an ipset that rules on its way wrote to
    written = {name for e in rules if e["effect"] != "none" for name in re.findall(r"--(?:add|del)-set (\S+)", e["text"] or "")}
    return {("rule", e["family"], e["table"], e["chain"], e["handle"] if e["backend"] == "nf_tables" else e["index"])
            for e in rules if e["effect"] == "none" and (
                e["says"] in DOUBT[folded] or written.intersection(re.findall(r"--match-set (\S+)", e["text"] or "")))}


def difference(what, ours, kernel, doubt=()):
    kernel = [k for k in kernel if k not in doubt]
    for i in range(max(len(ours), len(kernel))):
        a, b = (x[i] if i < len(x) else None for x in (ours, kernel))
        if not same(a, b):
            return ["%s, step %d: ktrace %s, the kernel %s" % (what, i + 1, a, b)]
    return []


def end_of(probe, path):
    """Whether a local socket knows of a packet in the midst of a connection is not asked: that it gets there is enough."""
    kind = path["end"]["kind"]
    return "no-listener" if kind == "unknown" and probe.midway() and path["hops"][-1]["stage"] == "socket" else kind


def copies(path):
    """{way: how many copies the rules on it make}"""
    out = {"request": 0, "reply": 0}
    for hop in path["hops"]:
        for e in hop["evidence"] if hop["netns"] is None else ():
            if e["kind"] == "rule" and e["effect"] != "none" and e["table"] != "trace-tap":
                out["reply" if hop["reply"] else "request"] += len(re.findall(r"\bdup to |-j TEE\b", e["text"] or ""))
    return out


PROXIED = ("synproxy", "SYNPROXY")


def judge_proxied(probe, seen, path):
    """The rule that answers a handshake has it, and nothing else gets it. What then comes, under the same addresses and ports, is the
    node's own."""
    request, reply = predicted(probe.proto, path)
    norm = lambda row: [x if x[0] == "rule" else (x[0], x[1], plain(probe.proto, x[2]), x[3]) for x in row]
    doubt = doubtful(path, False)
    if any(h["reply"] for h in path["hops"]):
        return difference("request", request, norm(seen.request), doubt) + (
            difference("reply", reply, norm(seen.reply)[:len(reply)], doubt) if seen.reply else [])
    if probe.midway():
        bad = difference("request", request, norm(seen.request), doubt)
        return bad + (["ktrace: %s; it arrives at %s" % (path["end"]["why"], seen.arrived or "the node")]
                      if seen.arrived or seen.local else [])
    bad = difference("request", request, norm(seen.request)[:len(request)], doubt)
    return bad + ([] if seen.answered else ["ktrace: %s; the kernel sends no answer" % path["end"]["why"]])


def judge(probe, seen, doc):
    """What does not fit, for the path that fits best; [] if one fits. None: unknown."""
    best, unknown = None, False
    for path in doc["paths"]:
        proxied = path["end"]["kind"] == "unknown" and any(w in (path["end"]["why"] or "") for w in PROXIED)
        if "program behind the queue" in (path["end"]["why"] or ""):
            continue                    # the one that reads here lets everything pass
        if end_of(probe, path) == "unknown" and not proxied:
            unknown = True
            continue
        if not path["share"]:
            continue
        bad = judge_proxied(probe, seen, path) if proxied else judge_path(probe, seen, path, doc["folded"])
        if best is None or len(bad) < len(best):
            best = bad
    if best == [] or not unknown:
        return best if best is not None else ["no path"]
    return None


def judge_path(probe, seen, path, folded):
    bad = []
    kind = end_of(probe, path)
    hops = [h for h in path["hops"] if not h["reply"]]
    last, answered = hops[-1] if hops else None, len(hops) < len(path["hops"])
    request, reply = predicted(probe.proto, path)
    norm = lambda row: [x if x[0] == "rule" else (x[0], x[1], plain(probe.proto, x[2]), x[3]) for x in row]
    doubt = doubtful(path, folded)
    if doubt & set(seen.request + seen.reply):
        return []                   # the kernel took what ktrace could not tell: anything may follow
    # an answer that went astray may be answered itself, by whoever got it
    astray = "the answer " in (path["end"]["why"] or "") and seen.client != "ok"
    # a neighbour that is not there: nobody can tell before asking, and no frame goes out to it
    absent = bool((kind == "sent" or answered) and last and nobody(probe.v, receiver(hops)))
    while absent and len(request) > len(seen.request) and request[-1][:2] == ("rule", "netdev"):
        request.pop()
    bad += difference("request", request, norm(seen.request)[:len(request) if astray else None], doubt)
    if answered and seen.reply:
        bad += difference("reply", reply, norm(seen.reply)[:len(reply) if astray else None], doubt)
    made = copies(path)
    for way in ("request", "reply") if answered and seen.reply else ("request",):
        if not bad and not astray and made[way] != seen.copies[way]:
            bad.append("%s: ktrace sees %d copies of it made, the kernel makes %d" % (way, made[way], seen.copies[way]))
    # where it is, and as whom
    where, got = whereabouts(seen, probe)
    # past the node, where a sniffer sees it already
    beyond = last and last["netns"] is not None and any(h["netns"] is None for h in path["hops"])
    arrives = kind in ("delivered", "sent", "no-listener") or answered or beyond
    if absent:
        arrives, where = False, None
    if arrives != (where is not None):
        bad.append("ktrace: %s (%s); the kernel: %s" % (kind, path["end"]["why"], where or "it arrives nowhere"))
    elif arrives and last:
        want, got = packet_of(probe.proto, last["out"]), plain(probe.proto, got)
        if not astray and not all(x is None or x == y for x, y in zip(want, got)):
            bad.append("it arrives as %s, ktrace says %s" % (got, want))
    ok = kind in ("delivered", "sent") and (where is None or answers(where, got, probe) or
                                            path["end"]["why"].endswith(":%d" % TPROXY))
    # it meets itself, or whom it came from as an address that nobody has: no answer finds back
    alone = bool(where) and where != "node" and (got[0] in [ADDR[probe.v][o] for o in OWN[where]] or got[0] not in ADDR[probe.v].values())
    # the raw socket that waits for an echo reply takes it at any address
    alone |= probe.proto == "icmp" and "the sender waits for" in (path["end"]["why"] or "")
    # what left without its answer being followed may be answered or not
    alone |= kind == "sent" and not answered
    # of a longer connection the handshake's last packet may be refused
    alone |= probe.long and ok
    # a copy may be refused, and to the sender that is the packet's refusal
    refused = any(seen.copies.values()) and bool(seen.errors)
    alone |= refused
    if arrives and where and not alone and ok != (seen.client == "ok"):
        bad.append("ktrace: %s (%s); the client: %s" % (kind, path["end"]["why"], seen.client))
    if not refused:
        bad += judge_error(probe, seen, path, last, answered)
    return bad + judge_entry(probe, seen, hops)


def whereabouts(seen, probe):
    if seen.local:
        return "node", seen.local
    for place, t in seen.arrived.items():
        if place != probe.src_ns():
            return place, t
    return next(iter(seen.arrived.items()), (None, None))


def answers(place, t, probe):
    """Would this place answer? ext answers for its own addresses alone."""
    if probe.proto == "sctp" or probe.midway():
        return False
    own = [ADDR[probe.v][o] for o in OWN[place]]
    if place != "node" and (t[0] in own or t[2] not in own):    # meets itself, and answers past the node
        return False
    return probe.proto == "icmp" or t[3] in OPEN


def receiver(hops):
    """Whom the last frame is for: whom a rule of a device handed it to since it last came in, or whom the packet is for."""
    came = max([i for i, h in enumerate(hops) if h["stage"].startswith("ingress")], default=len(hops))
    rules = [e["text"] or "" for h in hops[came:] for e in h["evidence"] if e["kind"] == "rule" and e["effect"] == "verdict"]
    to = [m[1] for m in map(re.compile(r"\bfwd ip6? to (\S+) device").search, rules) if m]
    return to[-1] if to else hops[-1]["out"]["dst"]


def nobody(v, dst):
    """An address of the outer network that no host has."""
    a = ipaddress.ip_address(dst)
    return a in ipaddress.ip_network("192.0.2.0/24" if v == 4 else "fd02::/64") and dst not in ADDR[v].values()


def judge_error(probe, seen, path, last, answered):
    """What the node sends back: of the kind that the rule names, and nothing where ktrace says that it is silent."""
    kind = path["end"]["kind"]
    if answered or not last or last["netns"] is not None:
        return []
    if kind == "drop" and seen.errors:
        return ["ktrace: drop (%s); the kernel sends %s back" % (path["end"]["why"], seen.errors)]
    rule = [e for e in last["evidence"] if e["kind"] == "rule" and e["effect"] == "verdict"]
    if kind != "reject" or not rule:
        return []
    text = rule[-1]["text"]
    want = "rst" if re.search(r"tcp[- ]reset", text) else None
    for name, code in REJECTS.items():
        if re.search(r"(with |icmp6?-|icmpv6 |icmpx )%s\b" % name, text):
            want = code[probe.v == 6]
    if want is None and "REJECT" not in text and not text.endswith("reject"):
        return []
    want = want or ((3, 3) if probe.v == 4 else (1, 4))
    bad = []
    if seen.errors and seen.errors[0] != want:
        bad.append("%s: ktrace expects %s to go back, the kernel sends %s" % (text, want, seen.errors))
    if seen.error and seen.error != want:
        bad.append("%s: ktrace expects %s to go back, the sender gets %s" % (text, want, seen.error))
    return bad


def judge_entry(probe, seen, hops):
    """conntrack's entry is what ktrace says it rewrote."""
    ours = [h for h in hops if h["netns"] is None]
    ends = [h for h in ours if any(e["table"] == "trace-tap" and e["chain"] in ("post_end", "in_end") for e in h["evidence"])]
    if not ends or ends[-1]["out"]["ct"] not in ("new", "established", "related"):
        return []
    # "Never alter conntrack for OPS conns" (ip_vs_update_conntrack())
    if any(e["kind"] == "ipvs" and re.search(r"^-A .* -o\b", e["text"] or "") for h in ours for e in h["evidence"]):
        return []
    if not seen.entry:
        if seen.reset:
            return []               # a RST ends the entry
        return ["conntrack has no entry, ktrace says %s" % ends[-1]["out"]["ct"]] if seen.tracking else []
    out = packet_of(probe.proto, ends[-1]["out"])
    back = plain(probe.proto, seen.entry[1][:4])
    if not all(x is None or x == y for x, y in zip((out[2], out[3], out[0], out[1]), back)):
        return ["conntrack expects the answer as %s, ktrace sends it on as %s" % (back, out)]
    return []
