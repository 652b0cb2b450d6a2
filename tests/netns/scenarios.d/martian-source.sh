# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# The node's own address as a source from outside.
bind=10.244.0.1 expect=timeout
families 4
setup() { ip -n "$LAB-ext" addr add 10.244.0.1/32 dev lo; }
any_backend
