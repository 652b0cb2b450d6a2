# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A mode switch without clean-up, iptables and nftables: the stale rules were registered last, and win.
to=${VIP}50 port=80 expect=ok:pod1 met=other unseen=$(order_untold)
rules_iptables() { kube_nft | sed "s/$POD2/$POD1/g" | node nft -f -; }
rules_nft() { kube_iptables | sed "s/$POD2/$POD1/g" | node "$(ipt_name legacy)-restore" -w; }
