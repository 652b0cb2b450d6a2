# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${VIP}50 port=80 expect='timeout|host-unreachable'
setup() { ip -n "$LAB-pod2" link set eth0 down; }
any_backend
