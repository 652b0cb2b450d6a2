# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# … which the node's own ports do not need.
port=9000 expect=ok:node
setup() { set_sysctl net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0; }
any_backend
