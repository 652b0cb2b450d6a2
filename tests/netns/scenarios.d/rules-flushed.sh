# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# Somebody flushed everything: the node itself answers the NodePort.
services=none expect=refused
any_backend
