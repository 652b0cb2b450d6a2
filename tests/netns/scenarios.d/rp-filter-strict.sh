# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A source that the node would answer through another interface.
bind=10.244.0.99 expect=timeout
families 4
setup() { set_sysctl net.ipv4.conf.all.rp_filter=1; ip -n "$LAB-ext" addr add 10.244.0.99/32 dev lo; }
any_backend
