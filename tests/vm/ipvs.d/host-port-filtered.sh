# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same behind KUBE-IPVS-FILTER.
# shellcheck source=tests/vm/ipvs.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ipvs.sh"
to=${VIP}60 port=9000 expect=refused
setup() {
	local six="" reject=icmp-port-unreachable
	[ "$FAMILY" = 4 ] || six="family inet6" reject=icmp6-port-unreachable
	vs_node
	vs tcp 60 80 -s rr
	rs tcp 60 80 "$POD1" 8080 -m
	# shellcheck disable=SC2086
	node ipset create KUBE-IPVS-IPS hash:ip $six
	# shellcheck disable=SC2086
	node ipset create KUBE-CLUSTER-IP hash:ip,port $six
	node ipset add KUBE-IPVS-IPS "${VIP}60"
	node ipset add KUBE-CLUSTER-IP "${VIP}60,tcp:80"
	ipt -N KUBE-IPVS-FILTER
	ipt -A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
	ipt -A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
	ipt -A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT --reject-with $reject
}
