# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Direct routing from the node to its own address: what is not local does not become so.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=${VIP}60 port=9000 expect=timeout
setup() {
	local six=""
	[ "$FAMILY" = 4 ] || six=-6
	ipt -t mangle -A OUTPUT -d "${VIP}60" -p tcp --dport 9000 -j MARK --set-mark 7
	# shellcheck disable=SC2086
	node ipvsadm -A -f 7 $six -s rr
	# shellcheck disable=SC2086
	node ipvsadm -a -f 7 $six -r "$(at "$NODE" 9000)" -g
}
