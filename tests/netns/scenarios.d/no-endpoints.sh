# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A service without endpoints: kube-proxy refuses.
to=${VIP}70 port=80 expect=refused
any_backend
