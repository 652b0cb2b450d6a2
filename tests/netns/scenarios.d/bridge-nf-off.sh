# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Same bridge, no br_netfilter: the answer takes the short way and is not translated back.
from=pod1 to=${VIP}50 port=80
setup() { set_sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; }
any_backend
