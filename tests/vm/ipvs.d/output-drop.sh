# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# What IPVS sends on goes through OUTPUT, not FORWARD.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 expect=timeout
setup() {
	vs_node
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
	ipt -A FORWARD -d "$POD1" -p tcp --dport 8080 -j REJECT
	ipt -A OUTPUT -d "$POD1" -p tcp --dport 8080 -m ipvs --vproto 6 --vaddr "${VIP}60" --vport 80 -j DROP
}
