# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The distribution's last INPUT rule: a pod cannot reach a service that lives on the node.
from=pod1 to=${VIP}64 port=80
rules_iptables() {
	ipt -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	[ "$FAMILY" = 4 ] || ipt -A INPUT -p icmpv6 -j ACCEPT
	ipt -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
	ipt -A INPUT -j REJECT --reject-with "$([ "$FAMILY" = 4 ] && echo icmp-host-prohibited || echo icmp6-adm-prohibited)"
}
rules_nft() { nft_load <<-'EOF'
	table inet host { chain input { type filter hook input priority 0; ct state established,related accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
		tcp dport 22 accept
		reject with icmpx type admin-prohibited; }; }
	EOF
}
