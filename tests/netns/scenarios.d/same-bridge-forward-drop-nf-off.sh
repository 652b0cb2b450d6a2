# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Without, it does not.
from=pod1 to=$POD2 port=8080 services=none expect=ok:pod2
setup() { set_sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; }
rules_iptables() { ipt -A FORWARD -i cni0 -o cni0 -p tcp --dport 8080 -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain forward { type filter hook forward priority 0; iifname "cni0" oifname "cni0" tcp dport 8080 drop; }; }
	EOF
}
