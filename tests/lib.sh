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

# lab_plan PREFIX: the whole lab, both families, nothing filtered, forwarding on. One step a line, "KIND PLACE WORDS": sysctl
# (name=value), try (the same, where this kernel has it), ip (arguments of ip).
lab_plan() {
	local p=$1 place
	# no duplicate address detection: addresses are usable at once
	for place in $LAB_PLACES; do
		cat <<-EOF
			sysctl $place net.ipv6.conf.default.accept_dad=0
			sysctl $place net.ipv6.conf.default.dad_transmits=0
			sysctl $place net.ipv6.conf.default.accept_ra=0
			sysctl $place net.ipv6.conf.lo.disable_ipv6=0
		EOF
	done
	# A kernel without br_netfilter has no such switches; scenarios that need them say so.
	# eth0's index differs from its peer's: for a device whose IFLA_LINK equals its own index the
	# kernel believes in carrier changes up to a second late (linkwatch_urgent_event). Addresses of
	# its own choice would differ in every recording (tests/golden/record).
	cat <<-EOF
		sysctl node net.ipv4.ip_forward=1
		sysctl node net.ipv6.conf.all.forwarding=1
		sysctl node net.ipv4.conf.all.rp_filter=0
		sysctl node net.ipv4.conf.default.rp_filter=0
		sysctl node net.ipv4.conf.all.send_redirects=0
		sysctl node net.ipv4.conf.default.send_redirects=0
		try node net.bridge.bridge-nf-call-iptables=1
		try node net.bridge.bridge-nf-call-ip6tables=1
		ip node link set lo up
		ip node link add eth0 index 20 address 02:00:00:00:00:10 type veth peer name eth0 address 02:00:00:00:00:01 netns $p-ext
		ip node addr add 192.0.2.10/24 dev eth0
		ip node addr add fd02::10/64 dev eth0 nodad
		ip node link set eth0 up
		ip node link add cni0 type bridge
		ip node link add veth1 address 02:00:00:00:01:01 type veth peer name eth0 address 02:00:00:00:02:01 netns $p-pod1
		ip node link add veth2 address 02:00:00:00:01:02 type veth peer name eth0 address 02:00:00:00:02:02 netns $p-pod2
		ip node link add veth3 address 02:00:00:00:01:03 type veth peer name eth0 address 02:00:00:00:02:03 netns $p-pod3
		ip node link set veth1 master cni0 up
		ip node link set veth2 master cni0 up
		ip node addr add 10.244.0.1/24 dev cni0
		ip node addr add fd44::1/64 dev cni0 nodad
		ip node link set cni0 up
		ip node addr add fe80::1/64 dev veth3 nodad
		ip node link set veth3 up
		ip node route add 10.244.9.9 dev veth3
		ip node route add fd44:9::9 dev veth3
		sysctl node net.ipv4.conf.veth3.proxy_arp=1
		sysctl node net.ipv4.neigh.veth3.proxy_delay=0
	EOF
	# with the best local address as the sender: a node does not answer ARP from a martian
	cat <<-EOF
		sysctl ext net.ipv4.conf.all.arp_announce=2
		ip ext link set lo up
		ip ext addr add 192.0.2.1/24 dev eth0
		ip ext addr add fd02::1/64 dev eth0 nodad
		ip ext addr add 10.244.1.2/32 dev lo
		ip ext addr add fd44:0:0:1::2/128 dev lo nodad
		ip ext link set eth0 up
		ip ext route add 10.244.0.0/24 via 192.0.2.10
		ip ext route add 10.244.9.0/24 via 192.0.2.10
		ip ext route add 10.96.0.0/16 via 192.0.2.10
		ip ext route add 203.0.113.0/24 via 192.0.2.10
		ip ext route add 198.51.100.0/24 via 192.0.2.10
		ip ext route add fd44::/64 via fd02::10
		ip ext route add fd44:9::/64 via fd02::10
		ip ext route add fd96::/112 via fd02::10
		ip ext route add 2001:db8::/32 via fd02::10
		ip node route add default via 192.0.2.1
		ip node route add default via fd02::1
		ip node route add 10.244.1.0/24 via 192.0.2.1
		ip node route add fd44:0:0:1::/64 via fd02::1
	EOF
	for place in 1 2; do
		cat <<-EOF
			ip pod$place link set lo up
			ip pod$place addr add 10.244.0.$((place + 1))/24 dev eth0
			ip pod$place addr add fd44::$((place + 1))/64 dev eth0 nodad
			ip pod$place link set eth0 up
			ip pod$place route add default via 10.244.0.1
			ip pod$place route add default via fd44::1
		EOF
	done
	cat <<-EOF
		ip pod3 link set lo up
		ip pod3 addr add 10.244.9.9/32 dev eth0
		ip pod3 addr add fd44:9::9/128 dev eth0 nodad
		ip pod3 link set eth0 up
		ip pod3 route add 169.254.1.1 dev eth0
		ip pod3 route add default via 169.254.1.1
		ip pod3 route add default via fe80::1 dev eth0
	EOF
}

# lab_step PREFIX KIND PLACE, the words on stdin: several lines of the plan at once
lab_step() {
	case $2 in
	ip) ip -n "$1-$3" -batch - ;;
	sysctl) ip netns exec "$1-$3" sysctl -qp - ;;
	try) ip netns exec "$1-$3" sysctl -eqp - 2>/dev/null || true ;;
	esac
}

# node_up [PREFIX]: as planned. tests/netns/lab.py does the same with fewer processes.
node_up() {
	local p=${1:-$LAB} kind place words last="" text=""
	for place in $LAB_PLACES; do echo "netns add $p-$place"; done | ip -batch - || return 1
	while read -r kind place words; do
		if [ "$kind $place" != "$last" ]; then
			# shellcheck disable=SC2086
			[ -z "$last" ] || lab_step "$p" $last <<<"$text" || return 1
			last="$kind $place" text=
		fi
		text+=$words$'\n'
	done < <(lab_plan "$p"; echo end)
}
