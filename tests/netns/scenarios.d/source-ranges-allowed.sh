# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
to=${LB}11 port=80 bind=${NOWHERE}7 expect=ok:pod2
setup() { ip -n "$LAB-ext" addr add "${NOWHERE}7/$LEN" dev lo; route add "${NOWHERE}7/$LEN" via "$EXT"; }
any_backend
