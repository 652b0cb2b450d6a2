# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout
rules_iptables() { not_here; }
rules_nft() { nft_load <<-EOF
	table @IP@ host {
		set banned { type @TYPE@; flags timeout; timeout 1h; elements = { $EXT timeout 30m }; }
		chain pre { type filter hook prerouting priority raw; @IP@ saddr @banned meta l4proto tcp drop; }
	}
	EOF
}
