# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The client's port again, its old connection over: scheduled anew.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 warm=ok expect='ok:pod1|ok:pod2'
setup() { vs_node; set_sysctl net.ipv4.vs.conn_reuse_mode=1; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; rs tcp 60 80 "$POD2" 8080 -m; }
