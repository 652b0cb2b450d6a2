# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab: one Kubernetes-like node in network namespaces. Sourced by bash.
#
#   ext ──eth0── node ──cni0── pod1, pod2 (bridge ports veth1, veth2)
#                   └──veth3── pod3       (routed, no bridge)
#
# Every namespace is called PREFIX-ext, PREFIX-node …; PREFIX is ktPID… of the process that owns
# it, so that tests may run side by side and what a killed one left behind can be told apart.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KTRACE=${KTRACE:-$TOP/build/ktrace}
LAB=${LAB:-kt$$}
LAB_PLACES="node ext pod1 pod2 pod3"

# An exit status with a reason: 4 is "skipped", as in the kernel's own selftests.
skip() { echo "SKIP: $*"; exit 4; }
fail() { echo "FAIL: $*"; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need() { command -v "$1" >/dev/null || skip "needs $1"; }

# lab_begin: call once at the start of a script that owns a lab; whatever happens, it is taken down.
lab_begin() {
	need_root
	lab_sweep
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

lab_end() {
	trap - EXIT
	lab_down "$LAB"
}

# All namespaces of a prefix, with the processes inside them.
lab_down() {
	local ns pid
	for ns in $(ip netns list | awk -v p="$1-" 'index($1, p) == 1 { print $1 }'); do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			[ "$pid" = $$ ] || [ "$pid" = "$PPID" ] || kill -9 "$pid" 2>/dev/null
		done
		ip netns del "$ns" 2>/dev/null
	done
	return 0
}

# Labs of processes that are no more (killed by -9).
lab_sweep() {
	local prefix pid
	for prefix in $(ip netns list | sed -nE 's/^(kt[0-9]+[a-z0-9]*)-.*/\1/p' | sort -u); do
		pid=${prefix#kt}
		pid=${pid%%[!0-9]*}
		grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" || lab_down "$prefix"
	done
}

# on PLACE COMMAND…: runs it in that namespace of the lab.
on() { local place=$1; shift; ip netns exec "$LAB-$place" "$@"; }

# The addresses of both families: addresses FAMILY sets NODE EXT POD1 POD2 POD3 and the services' own.
addresses() {
	case $1 in
	4)
		NODE=192.0.2.10 EXT=192.0.2.1 BRIDGE=10.244.0.1 POD1=10.244.0.2 POD2=10.244.0.3 POD3=10.244.9.9
		FAR=10.244.1.2 PODS=10.244.0.0/16 SERVICES=10.96.0.0/16 VIP=10.96.0. LB=203.0.113. LOCALHOST=127.0.0.1
		ANY=0.0.0.0/0 LEN=32 EXTNET=192.0.2.0/24 NOWHERE=198.51.100.
		;;
	6)
		NODE=fd02::10 EXT=fd02::1 BRIDGE=fd44::1 POD1=fd44::2 POD2=fd44::3 POD3=fd44:9::9
		FAR=fd44:0:0:1::2 PODS=fd44::/16 SERVICES=fd96::/112 VIP=fd96:: LB=2001:db8:: LOCALHOST=::1
		ANY=::/0 LEN=128 EXTNET=fd02::/64 NOWHERE=2001:db8:99::
		;;
	esac
	FAMILY=$1
	export NODE EXT BRIDGE POD1 POD2 POD3 FAR PODS SERVICES VIP LB LOCALHOST ANY LEN EXTNET NOWHERE FAMILY
}

# node_up [PREFIX]: the whole lab, both families, nothing filtered, forwarding on.
node_up() {
	local p=${1:-$LAB} place
	for place in $LAB_PLACES; do
		ip netns add "$p-$place" || return 1
		# no duplicate address detection: addresses are usable at once
		ip netns exec "$p-$place" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.default.dad_transmits=0 net.ipv6.conf.default.accept_ra=0 \
			net.ipv6.conf.lo.disable_ipv6=0 || return 1
	done
	ip netns exec "$p-node" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 || return 1
	# a kernel without br_netfilter has no such switches; scenarios that need them say so
	ip netns exec "$p-node" sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null
	# eth0's index differs from its peer's: for a device whose IFLA_LINK equals its own index the
	# kernel believes in carrier changes up to a second late (linkwatch_urgent_event); addresses of
	# its own choice would differ in every recording
	ip -n "$p-node" -batch - <<-EOF || return 1
		link set lo up
		link add eth0 index 20 address 02:00:00:00:00:10 type veth peer name eth0 address 02:00:00:00:00:01 netns $p-ext
		addr add 192.0.2.10/24 dev eth0
		addr add fd02::10/64 dev eth0 nodad
		link set eth0 up
		link add cni0 type bridge
		link add veth1 address 02:00:00:00:01:01 type veth peer name eth0 address 02:00:00:00:02:01 netns $p-pod1
		link add veth2 address 02:00:00:00:01:02 type veth peer name eth0 address 02:00:00:00:02:02 netns $p-pod2
		link add veth3 address 02:00:00:00:01:03 type veth peer name eth0 address 02:00:00:00:02:03 netns $p-pod3
		link set veth1 master cni0 up
		link set veth2 master cni0 up
		addr add 10.244.0.1/24 dev cni0
		addr add fd44::1/64 dev cni0 nodad
		link set cni0 up
		addr add fe80::1/64 dev veth3 nodad
		link set veth3 up
		route add 10.244.9.9 dev veth3
		route add fd44:9::9 dev veth3
	EOF
	ip netns exec "$p-node" sysctl -qw net.ipv4.conf.veth3.proxy_arp=1 \
		net.ipv4.neigh.veth3.proxy_delay=0 || return 1
	# with the best local address as the sender: a node does not answer ARP from a martian
	ip netns exec "$p-ext" sysctl -qw net.ipv4.conf.all.arp_announce=2 || return 1
	ip -n "$p-ext" -batch - <<-EOF || return 1
		link set lo up
		addr add 192.0.2.1/24 dev eth0
		addr add fd02::1/64 dev eth0 nodad
		addr add 10.244.1.2/32 dev lo
		addr add fd44:0:0:1::2/128 dev lo nodad
		link set eth0 up
		route add 10.244.0.0/24 via 192.0.2.10
		route add 10.244.9.0/24 via 192.0.2.10
		route add 10.96.0.0/16 via 192.0.2.10
		route add 203.0.113.0/24 via 192.0.2.10
		route add 198.51.100.0/24 via 192.0.2.10
		route add fd44::/64 via fd02::10
		route add fd44:9::/64 via fd02::10
		route add fd96::/112 via fd02::10
		route add 2001:db8::/32 via fd02::10
	EOF
	ip -n "$p-node" -batch - <<-EOF || return 1
		route add default via 192.0.2.1
		route add default via fd02::1
		route add 10.244.1.0/24 via 192.0.2.1
		route add fd44:0:0:1::/64 via fd02::1
	EOF
	for place in 1 2; do
		ip -n "$p-pod$place" -batch - <<-EOF || return 1
			link set lo up
			addr add 10.244.0.$((place + 1))/24 dev eth0
			addr add fd44::$((place + 1))/64 dev eth0 nodad
			link set eth0 up
			route add default via 10.244.0.1
			route add default via fd44::1
		EOF
	done
	ip -n "$p-pod3" -batch - <<-EOF || return 1
		link set lo up
		addr add 10.244.9.9/32 dev eth0
		addr add fd44:9::9/128 dev eth0 nodad
		link set eth0 up
		route add 169.254.1.1 dev eth0
		route add default via 169.254.1.1
		route add default via fe80::1 dev eth0
	EOF
}
