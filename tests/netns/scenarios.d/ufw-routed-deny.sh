# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
from=pod1 to=${VIP}61 port=80 expect=timeout
rules_iptables() {
	local c
	for c in ufw-before-forward ufw-user-forward ufw-after-forward ufw-reject-forward ufw-skip-to-policy-forward; do ipt -N $c; done
	ipt -P FORWARD DROP
	ipt -I FORWARD -j ufw-before-forward
	ipt -A FORWARD -j ufw-after-forward
	ipt -A FORWARD -j ufw-reject-forward
	ipt -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	ipt -A ufw-before-forward -j ufw-user-forward
	ipt -A ufw-user-forward -p tcp -m multiport --dports 80,443 -d "${NOWHERE}1/$LEN" -j ACCEPT
	ipt -A ufw-after-forward -m addrtype --dst-type BROADCAST -j ufw-skip-to-policy-forward
	ipt -A ufw-skip-to-policy-forward -j DROP
}
rules_nft() { not_here; }
families 4
