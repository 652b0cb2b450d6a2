# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# A client outside loadBalancerSourceRanges.
to=${LB}11 port=80 expect=timeout
any_backend
