# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Forwarding is per interface where the packet comes in.
setup() { family_sysctl conf/eth0/forwarding=0; }
families 4
any_backend
