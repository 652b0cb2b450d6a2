# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
setup() { set_sysctl net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0; }
any_backend
