# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The table has room for one connection, which it has. The limit is the whole machine's.
expect=timeout
setup() {
	node conntrack -I -p tcp -s "${NOWHERE}1" -d "${NOWHERE}2" --sport 1 --dport 2 --state ESTABLISHED --timeout 600 -u ASSURED >/dev/null 2>&1
	sysctl -qw net.netfilter.nf_conntrack_max=1
}
any_backend
