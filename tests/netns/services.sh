# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The services of the lab, in the shapes that kube-proxy 1.36 writes them. addresses() was called.
#
#   VIP.50:80    web, tcp and udp    pod2:8080          also NodePort 30080, LB.10 (ranges: ext), LB.11 (ranges: not ext)
#   VIP.60:80    both                pod1, pod2:8080
#   VIP.61:80    far                 a pod behind another node
#   VIP.62:80    routed              pod3:8080
#   VIP.63:80    wrong-port          pod2:9999
#   VIP.64:80    host                the node's own 9000
#   VIP.65:80    loopback            pod2:8088
#   VIP.66:80    gone                an address that no pod has
#   VIP.70:80    none                no endpoints       also NodePort 30083
#   VIP.71:80    nolocal             no local endpoints
#   VIP.72:80    sticky              pod1, pod2:8080 with ClientIP affinity

at() { if [ "$FAMILY" = 4 ]; then echo "$1:$2"; else echo "[$1]:$2"; fi; }

# name id port-of-the-service proto endpoints…
services() {
	cat <<-EOF
		web      50 tcp $POD2 8080
		web-udp  50 udp $POD2 8080
		both     60 tcp $POD1,$POD2 8080
		far      61 tcp $FAR 8080
		routed   62 tcp $POD3 8080
		wrong    63 tcp $POD2 9999
		host     64 tcp $NODE 9000
		loopback 65 tcp $POD2 8088
		gone     66 tcp ${POD2%3}77 8080
		sticky   72 tcp $POD1,$POD2 8080
	EOF
}

chain_id() { printf %s "$1" | tr 'a-z-' 'A-Z0'; }

kube_iptables() {
	local name id proto addrs port addr list i n x sep unreach=icmp-port-unreachable nth
	[ "$FAMILY" = 4 ] || unreach=icmp6-port-unreachable
	cat <<-EOF
		*nat
		:KUBE-SERVICES -
		:KUBE-NODEPORTS -
		:KUBE-MARK-MASQ -
		:KUBE-POSTROUTING -
		:KUBE-EXT-WEB -
		:KUBE-EXT-WEB0UDP -
		:KUBE-FW-WEB -
		-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
		-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
		-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
		-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
		-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
	EOF
	while read -r name id proto addrs port; do
		x=$(chain_id "$name")
		echo ":KUBE-SVC-$x -"
		echo "-A KUBE-SERVICES -d $VIP$id/$LEN -p $proto -m comment --comment \"default/$name:p cluster IP\" -m $proto --dport 80 -j KUBE-SVC-$x"
		echo "-A KUBE-SVC-$x ! -s $PODS -d $VIP$id/$LEN -p $proto -m comment --comment \"default/$name:p cluster IP\" -m $proto --dport 80 -j KUBE-MARK-MASQ"
		IFS=, read -ra list <<<"$addrs"
		n=${#list[@]} i=0
		if [ "$name" = sticky ]; then
			for addr in "${list[@]}"; do
				echo ":KUBE-SEP-$x$i -"
				echo "-A KUBE-SVC-$x -m comment --comment \"default/$name:p -> $(at "$addr" "$port")\" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-$x$i --mask $([ "$FAMILY" = 4 ] && echo 255.255.255.255 || echo ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff) --rsource -j KUBE-SEP-$x$i"
				i=$((i + 1))
			done
			i=0
		fi
		for addr in "${list[@]}"; do
			sep=KUBE-SEP-$x$i nth=
			[ $((n - i)) = 1 ] || nth="-m statistic --mode random --probability $(awk "BEGIN { printf \"%.10f\", 1 / ($n - $i) }")"
			[ "$name" = sticky ] || echo ":$sep -"
			echo "-A KUBE-SVC-$x -m comment --comment \"default/$name:p -> $(at "$addr" "$port")\" $nth -j $sep"
			echo "-A $sep -s $addr/$LEN -m comment --comment \"default/$name:p\" -j KUBE-MARK-MASQ"
			echo "-A $sep -p $proto -m comment --comment \"default/$name:p\" $([ "$name" = sticky ] && echo "-m recent --set --name $sep --rsource") -m $proto -j DNAT --to-destination $(at "$addr" "$port")"
			i=$((i + 1))
		done
	done < <(services)
	cat <<-EOF
		-A KUBE-EXT-WEB -m comment --comment "masquerade traffic for default/web:p external destinations" -j KUBE-MARK-MASQ
		-A KUBE-EXT-WEB -j KUBE-SVC-WEB
		-A KUBE-EXT-WEB0UDP -m comment --comment "masquerade traffic for default/web-udp:p external destinations" -j KUBE-MARK-MASQ
		-A KUBE-EXT-WEB0UDP -j KUBE-SVC-WEB0UDP
		-A KUBE-FW-WEB -s $NOWHERE$([ "$FAMILY" = 4 ] && echo 0/24 || echo /48) -m comment --comment "default/web:p loadbalancer IP" -j KUBE-EXT-WEB
		-A KUBE-SERVICES -d ${LB}10/$LEN -p tcp -m comment --comment "default/web:p loadbalancer IP" -m tcp --dport 80 -j KUBE-EXT-WEB
		-A KUBE-SERVICES -d ${LB}11/$LEN -p tcp -m comment --comment "default/web:p loadbalancer IP" -m tcp --dport 80 -j KUBE-FW-WEB
		-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
		-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web:p" -m tcp --dport 30080 -j KUBE-EXT-WEB
		-A KUBE-NODEPORTS -p udp -m comment --comment "default/web-udp:p" -m udp --dport 30080 -j KUBE-EXT-WEB0UDP
		COMMIT
		*filter
		:KUBE-SERVICES -
		:KUBE-EXTERNAL-SERVICES -
		:KUBE-PROXY-FIREWALL -
		:KUBE-FORWARD -
		-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
		-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
		-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
		-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
		-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
		-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
		-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "default/none:p has no endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30083 -j REJECT --reject-with $unreach
		-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
		-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
		-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A KUBE-PROXY-FIREWALL -d ${LB}11/$LEN -p tcp -m comment --comment "default/web:p traffic not accepted by KUBE-FW-WEB" -m tcp --dport 80 -j DROP
		-A KUBE-SERVICES -d ${VIP}70/$LEN -p tcp -m comment --comment "default/none:p has no endpoints" -m tcp --dport 80 -j REJECT --reject-with $unreach
		-A KUBE-SERVICES -d ${VIP}71/$LEN -p tcp -m comment --comment "default/nolocal:p has no local endpoints" -m tcp --dport 80 -j DROP
		COMMIT
	EOF
}

kube_nft() {
	local name id proto addrs port list addr i n f ip=ip type=ipv4_addr map ips="" vips="" hair="" chains="" c
	[ "$FAMILY" = 4 ] || ip=ip6 type=ipv6_addr
	f=$ip
	while read -r name id proto addrs port; do
		c="$proto-default/$name/$proto/p"
		ips="$ips $VIP$id . $proto . 80 : goto service-$c,"
		vips="$vips $VIP$id,"
		IFS=, read -ra list <<<"$addrs"
		n=${#list[@]} i=0 map=
		if [ "$name" = sticky ]; then
			chains="$chains
	chain service-$c {"
			for addr in "${list[@]}"; do
				chains="$chains
		$ip saddr @affinity-$c/$i goto endpoint-$c/$i"
				i=$((i + 1))
			done
			i=0
			for addr in "${list[@]}"; do map="$map $i : goto endpoint-$c/$i,"; i=$((i + 1)); done
			chains="$chains
		numgen random mod $n vmap { ${map%,} }
	}"
			i=0
			for addr in "${list[@]}"; do
				chains="	set affinity-$c/$i { type $type; flags dynamic,timeout; timeout 3h; size 65535; }
	chain endpoint-$c/$i {
		update @affinity-$c/$i { $ip saddr }
		meta l4proto $proto dnat to $(at "$addr" "$port")
	}
$chains"
				i=$((i + 1))
			done
			continue
		fi
		for addr in "${list[@]}"; do
			map="$map $i : $addr . $port,"
			case $addr in "$POD1" | "$POD2" | "$POD3") hair="$hair $addr . $addr . $proto . $port," ;; esac
			i=$((i + 1))
		done
		chains="$chains
	chain service-$c {
		meta l4proto $proto dnat $ip to numgen random mod $n map { ${map%,} }
	}"
	done < <(services)
	cat <<-EOF
		table $f kube-proxy {
		comment "rules for kube-proxy"
		set cluster-ips { type $type; elements = { ${vips%,}, ${VIP}70, ${VIP}71 }; }
		set nodeport-ips { type $type; elements = { $NODE }; }
		set hairpin-connections { type $type . $type . inet_proto . inet_service; elements = { ${hair%,} }; }
		chain reject-chain { reject; }
		chain mark-external { meta mark set meta mark | 0x4000; }
		$chains
		chain external-web-tcp {
			meta mark set meta mark | 0x00004000 comment "masquerade"
			goto service-tcp-default/web/tcp/p
		}
		chain external-web-udp {
			meta mark set meta mark | 0x00004000 comment "masquerade"
			goto service-udp-default/web-udp/udp/p
		}
		chain firewall-web { $ip saddr != { $NOWHERE$([ "$FAMILY" = 4 ] && echo 0/24 || echo /48) } drop; }
		map no-endpoint-services {
			type $type . inet_proto . inet_service : verdict
			elements = { ${VIP}70 . tcp . 80 comment "default/none:p" : goto reject-chain,
				${VIP}71 . tcp . 80 comment "default/nolocal:p" : drop }
		}
		map no-endpoint-nodeports {
			type inet_proto . inet_service : verdict
			elements = { tcp . 30083 comment "default/none:p" : goto reject-chain }
		}
		map firewall-ips {
			type $type . inet_proto . inet_service : verdict
			elements = { ${LB}11 . tcp . 80 : goto firewall-web }
		}
		map service-ips {
			type $type . inet_proto . inet_service : verdict
			elements = { $ips ${LB}10 . tcp . 80 : goto external-web-tcp, ${LB}11 . tcp . 80 : goto external-web-tcp }
		}
		map service-nodeports {
			type inet_proto . inet_service : verdict
			elements = { tcp . 30080 : goto external-web-tcp, udp . 30080 : goto external-web-udp }
		}
		chain nodeport-endpoints-check { $ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }
		chain service-endpoints-check { $ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
		chain firewall-check { $ip daddr . meta l4proto . th dport vmap @firewall-ips; }
		chain cluster-ips-check {
			$ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
			$ip daddr $SERVICES drop comment "Drop traffic to unallocated ClusterIPs"
		}
		chain services {
			$ip daddr @cluster-ips $ip saddr != $PODS meta mark set meta mark | 0x00004000 comment "masquerade clusterIP traffic from outside cluster"
			$ip daddr . meta l4proto . th dport vmap @service-ips
			$ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
		}
		chain masquerading {
			meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random
			ct status dnat $ip saddr . $ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
		}
		chain filter-prerouting-pre-dnat { type filter hook prerouting priority dstnat - 10; policy accept; ct state new jump firewall-check; }
		chain filter-output-pre-dnat { type filter hook output priority -110; policy accept; ct state new jump firewall-check; }
		chain filter-input { type filter hook input priority 0; policy accept; ct state new jump nodeport-endpoints-check
			ct state new jump service-endpoints-check; }
		chain filter-forward { type filter hook forward priority 0; policy accept; ct state new jump service-endpoints-check
			ct state new jump cluster-ips-check; }
		chain filter-output { type filter hook output priority 0; policy accept; ct state new jump service-endpoints-check
			ct state new jump cluster-ips-check; }
		chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
		chain nat-output { type nat hook output priority -100; policy accept; jump services; }
		chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; jump masquerading; }
		}
	EOF
}
