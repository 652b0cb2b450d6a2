# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The socket that TPROXY should hand the connection to is not transparent: xt drops, nft goes on to the next rule.
port=31000 expect=$([ "$BACKEND" = nft ] && echo refused || echo timeout)
rules_iptables() { ipt -t mangle -A PREROUTING -p tcp --dport 31000 -j TPROXY --on-port 9000 --tproxy-mark 0x1/0x1; }
rules_nft() { nft_load <<-'EOF'
	table inet host { chain pre { type filter hook prerouting priority mangle; meta l4proto tcp tcp dport 31000 tproxy to :9000 meta mark set 1; }; }
	EOF
}
setup() { node ip "-$FAMILY" rule add fwmark 1 table 100; route add local default dev lo table 100; }
