# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# One of two has as many as it may.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 warm=1 expect=ok:pod2
setup() { vs_node; node ip addr add "${VIP}60/$LEN" dev kube-ipvs0; }
change() {
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m -x 1
	on ext timeout 5 bash -c "exec 3<>/dev/tcp/${VIP}60/80" || true
	rs tcp 60 80 "$POD2" 8080 -m
}
