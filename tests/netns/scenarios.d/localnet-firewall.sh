# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# kubelet's protection of 127/8 when route_localnet is on.
to=127.0.0.1 from=node port=9000 expect=ok:node
families 4
rules_nft() { not_here; }
rules_iptables() {
	set_sysctl net.ipv4.conf.all.route_localnet=1
	ipt -N KUBE-FIREWALL; ipt -I INPUT -j KUBE-FIREWALL; ipt -I OUTPUT -j KUBE-FIREWALL
	ipt -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
}
