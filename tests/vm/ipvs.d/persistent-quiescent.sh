# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A template keeps a client on a real server that was silenced.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 warm=ok expect=ok:pod1
setup() { vs_node; vs tcp 60 80 -s rr -p 600; rs tcp 60 80 "$POD1" 8080 -m; }
change() {
	node ipvsadm -a -t "$(at "${VIP}60" 80)" -r "$(at "$POD2" 8080)" -m
	node ipvsadm -e -t "$(at "${VIP}60" 80)" -r "$(at "$POD1" 8080)" -m -w 0
}
