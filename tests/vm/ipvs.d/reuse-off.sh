# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same with conn_reuse_mode 0, as kube-proxy has it on old kernels: the old connection decides.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=80 warm=ok expect='ok:pod1|ok:pod2'
setup() { vs_node; set_sysctl net.ipv4.vs.conn_reuse_mode=0; vs tcp 60 80 -s rr; rs tcp 60 80 "$POD1" 8080 -m; rs tcp 60 80 "$POD2" 8080 -m; }
