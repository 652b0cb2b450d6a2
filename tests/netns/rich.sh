# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# A node with something of everything that a snapshot must hold. After tests/lib.sh: rich_up.

rich_up() {
	node_up && rich_links && rich_iptables && rich_sets && rich_nft && rich_pods
}

# routes and rules in several tables, every kind of refusal
rich_links() {
	ip -n "$LAB-node" -batch - <<-EOF
		link add dum0 type veth peer name dum1
		link set dum1 up
		addr add 172.17.0.1/24 dev dum0
		addr add 172.17.0.2/24 dev dum0
		addr add fd17::1/64 dev dum0 nodad
		link set dum0 up
		route add blackhole 198.51.100.0/25
		route add prohibit 198.51.100.128/26
		route add unreachable 198.51.100.192/26
		route add 10.247.0.0/24 via 192.0.2.1 src 172.17.0.2
		route add default via 172.17.0.77 table 100
		route add 10.246.0.0/16 via 192.0.2.1 table 101
		route add throw 10.246.1.0/24 table 101
		rule add fwmark 0x10/0xff table 100
		rule add iif cni0 to 10.246.0.0/16 table 101
		rule add uidrange 1000-1999 table 100
		rule add ipproto udp dport 5353 table 100
		route add blackhole fd99::/64
		route add default via fd17::77 table 100
	EOF
	ip -6 -n "$LAB-node" rule add fwmark 0x10/0xff table 100
}

# every kind of set of ipset that this kernel has, with holes, time and lists of lists, and a rule that asks it
rich_sets() {
	local name type members rule m
	while IFS='|' read -r name type members rule; do
		# shellcheck disable=SC2086
		on node ipset create "$name" $type 2>/dev/null || continue
		IFS=';' read -ra members <<<"$members"
		for m in "${members[@]}"; do
			# shellcheck disable=SC2086
			on node ipset add "$name" $m || return 1
		done
		# shellcheck disable=SC2086
		on node ${rule%% *} -A ${rule#* } || return 1
	done <<-EOF
		ips|hash:ip timeout 600|10.244.0.2|iptables-nft FORWARD -p tcp --dport 9001 -m set --match-set ips dst -j DROP
		nets|hash:net|10.244.0.0/24;10.244.0.3/32 nomatch|iptables-nft FORWARD -p tcp --dport 9002 -m set --match-set nets dst -j DROP
		ports|hash:ip,port|192.0.2.1,tcp:8080|iptables-nft FORWARD -m set --match-set ports src,dst -j DROP
		bits|bitmap:port range 8000-9000|8080|iptables-nft INPUT -p tcp -m set --match-set bits dst -j REJECT
		pairs|hash:net,net|192.0.2.0/24,10.244.0.0/16|iptables-nft FORWARD -p tcp --dport 9003 -m set ! --match-set pairs src,dst -j DROP
		ifaces|hash:net,iface|10.244.0.0/24,cni0|iptables-nft FORWARD -p tcp --dport 9004 -m set --match-set ifaces dst,dst -j DROP
		lists|list:set|nets;ips|iptables-nft FORWARD -p tcp --dport 9005 -m set --match-set lists dst -j DROP
		six|hash:net family inet6|fd44::/64|ip6tables-nft FORWARD -p tcp --dport 9005 -m set --match-set six dst -j DROP
	EOF
}

rich_iptables() {
	on node iptables-nft-restore <<-EOF &&
		*mangle
		-A PREROUTING -p tcp --dport 8081 -j MARK --set-xmark 0x10/0xff
		-A OUTPUT -p tcp --dport 8082 -j MARK --set-xmark 0x10/0xff
		COMMIT
		*filter
		-A INPUT -p tcp --dport 9006 -m recent --name seen --rcheck --seconds 600 -j DROP
		-A INPUT -p tcp --dport 9007 -m recent --name seen --set -j ACCEPT
		-A INPUT -p tcp --dport 9008 -m limit --limit 1/hour -j ACCEPT
		-A INPUT -p tcp --dport 9008 -j DROP
		-A INPUT -p tcp --dport 9009 -m connlimit --connlimit-above 3 -j REJECT
		-A INPUT -p tcp --dport 9010 -m hashlimit --hashlimit-name h --hashlimit-upto 1/min --hashlimit-mode srcip -j DROP
		-A OUTPUT -p tcp --dport 9011 -m owner --uid-owner 1000 -j DROP
		COMMIT
	EOF
		on node iptables-legacy -A FORWARD -p tcp --dport 9012 -j DROP
}

# two tables whose chains have one priority; dynamic sets; every kind of map; objects; the hooks before inet's
rich_nft() {
	on node nft -f - <<-EOF
		table inet one {
			set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; size 100; }
			set ranges { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/24 . 9100-9199 }; }
			map vips { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.96.0.1 : 10.244.0.2 . 8080, 10.96.0.2 : 10.244.9.9 . 8080 }; }
			counter c { }
			quota q { over 10 mbytes }
			limit l { rate 10/second }
			chain deep { counter name c; tcp dport 9300 reject with tcp reset; }
			map way { type inet_service : verdict; flags interval; elements = { 9200-9299 : drop, 9300 : jump deep }; }
			chain h-pre { type filter hook prerouting priority 0; tcp dport 9400 ip saddr @seen drop; tcp dport 9401 add @seen { ip saddr }; }
			chain h-in { type filter hook input priority 0; ip saddr . th dport @ranges drop; tcp dport vmap @way; tcp dport 9500 quota name q drop; tcp dport 9501 limit name l drop; }
			chain h-fwd { type filter hook forward priority 0; ip saddr . th dport @ranges drop; tcp dport vmap @way; }
			chain h-nat { type nat hook prerouting priority dstnat; meta l4proto tcp dnat ip to ip daddr map @vips; }
			chain h-natout { type nat hook output priority -100; ip daddr 10.96.0.3 dnat ip to numgen random mod 3 map { 0 : 10.244.0.2, 1 : 10.244.0.3, 2 : 10.244.9.9 }; }
			chain h-post { type nat hook postrouting priority srcnat; oifname "cni0" ip saddr 192.0.2.0/24 masquerade; oifname "veth3" masquerade; }
		}
		table ip two {
			chain h-in { type filter hook input priority 0; tcp dport 9200 accept; tcp dport 9600 drop; }
			chain h-nat { type nat hook prerouting priority dstnat; ip daddr 10.96.0.1 tcp dport 80 dnat to 10.244.0.3:8080; }
		}
		table bridge b { chain h-fwd { type filter hook forward priority 0; ether type ip ip daddr 10.244.0.3 tcp dport 9700 drop; }; }
		table netdev d { chain h-in { type filter hook ingress device eth0 priority 0; tcp dport 9800 drop; }; }
	EOF
}

# pods with rules of their own, of each kind, and a set inside a pod
rich_pods() {
	on pod1 ipset create mine hash:ip &&
		on pod1 ipset add mine 192.0.2.1 &&
		on pod1 iptables-nft -A INPUT -p tcp --dport 8080 -m set --match-set mine src -j DROP &&
		on pod2 iptables-legacy -A INPUT -p tcp --dport 8088 -j REJECT &&
		on pod2 ip6tables-legacy -A OUTPUT -p tcp --sport 8080 -j DROP &&
		on pod3 nft -f - <<-EOF
			table ip sidecar {
				chain h-in { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :15006; }
				chain h-out { type nat hook output priority -100; ip daddr 10.96.0.3 dnat to 10.244.0.2; }
			}
		EOF
}

# a pod that no name is for, only process $1, at 10.244.4.4
rich_nameless() {
	local _
	for _ in $(seq 50); do
		[ "$(readlink "/proc/$1/ns/net")" = "$(readlink /proc/self/ns/net)" ] || break
		sleep 0.1
	done
	ip -n "$LAB-node" link add veth4 type veth peer name eth0 netns "$1" &&
		ip -n "$LAB-node" link set veth4 up &&
		ip -n "$LAB-node" route add 10.244.4.4 dev veth4 &&
		nsenter -n -t "$1" sh -c 'ip link set lo up; ip addr add 10.244.4.4/32 dev eth0; ip link set eth0 up;
			ip route add default dev eth0'
}
