# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A refusal left behind at a NodePort that IPVS serves: filter INPUT comes before IPVS.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=$NODE port=30083 services=kube expect=refused met=rules
rules_nft() { :; }
setup() {
	vs_node
	node ipvsadm -A -t "$(at "$NODE" 30083)" -s rr
	node ipvsadm -a -t "$(at "$NODE" 30083)" -r "$(at "$POD1" 8080)" -m
}
