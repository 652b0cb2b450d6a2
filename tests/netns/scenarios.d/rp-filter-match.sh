# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The same test as a rule (Calico, firewalld).
bind=10.244.0.99 expect=timeout
families 4
setup() { ip -n "$LAB-ext" addr add 10.244.0.99/32 dev lo; }
rules_iptables() { ipt -t raw -A PREROUTING -i eth0 -m rpfilter --invert -j DROP; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain raw { type filter hook prerouting priority raw; iifname "eth0" fib saddr . iif oif missing drop; }; }
	EOF
}
