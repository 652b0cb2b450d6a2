# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A service by mark without real server, and cache_bypass: to where it was sent.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
from=node to=$EXT port=8080 expect=ok:ext
setup() {
	local six=""
	[ "$FAMILY" = 4 ] || six=-6
	ipt -t mangle -A OUTPUT -d "$EXT" -p tcp --dport 8080 -j MARK --set-mark 7
	# shellcheck disable=SC2086
	node ipvsadm -A -f 7 $six -s rr
	set_sysctl net.ipv4.vs.cache_bypass=1
}
