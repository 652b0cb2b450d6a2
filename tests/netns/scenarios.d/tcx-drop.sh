# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
expect=timeout unseen="at ingress of eth0"
setup() { node python3 "$TOP/tests/netns/tcx.py" eth0 ingress "$FAMILY"; }
any_backend
