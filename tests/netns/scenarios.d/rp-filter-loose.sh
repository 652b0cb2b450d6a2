# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
bind=10.244.9.9 expect=timeout
families 4
setup() { set_sysctl net.ipv4.conf.eth0.rp_filter=2; ip -n "$LAB-ext" addr add 10.244.9.9/32 dev lo; route del 10.244.9.9; route add unreachable 10.244.9.9; }
any_backend
