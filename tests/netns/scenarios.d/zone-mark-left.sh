# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# All packets that one CT rule gives a zone share its template, and CONNMARK writes to that: the second is dropped for the first one's mark.
backends iptables-nft iptables-legacy
to=$NODE port=9000 services=none warm=ok expect=timeout unseen="a zone's template"
rules_iptables() {
	ipt -t raw -A PREROUTING -p tcp --dport 9000 -j CT --zone 1
	ipt -t raw -A PREROUTING -p tcp --dport 9000 --syn -m connmark --mark 1 -j DROP
	ipt -t raw -A PREROUTING -p tcp --dport 9000 ! --syn -j CONNMARK --set-mark 1
	ipt -t raw -A OUTPUT -p tcp --sport 9000 -j CT --zone 1
}
