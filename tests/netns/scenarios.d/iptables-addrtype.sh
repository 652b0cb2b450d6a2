# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The client's own idea of a local address: the node's, before translation.
expect=timeout
rules_nft() { not_here; }
rules_iptables() { ipt -t mangle -A PREROUTING -m addrtype --dst-type LOCAL ! --src-type LOCAL -p tcp --dport 30080 -j DROP; }
