# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
# An XDP program drops TCP to 30080.
expect=timeout
setup() {
	local work ip=0x0008 at=23
	command -v clang >/dev/null || skip "needs clang"
	[ "$FAMILY" = 4 ] || ip=0xdd86 at=20
	work=$(mktemp -d)
	clang -O2 -target bpf -x c -c -o "$work/drop.o" - <<-EOF
		__attribute__((section("xdp"), used)) int drop(unsigned int *ctx)
		{
			unsigned char *p = (void *)(long)ctx[0], *end = (void *)(long)ctx[1];
			unsigned char *port = p + ($at == 23 ? 36 : 56);

			if (port + 2 > end || *(unsigned short *)(p + 12) != $ip || p[$at] != 6)
				return 2;
			return port[0] << 8 == (30080 & 0xff00) && port[1] == (30080 & 0xff) ? 1 : 2;
		}
	EOF
	node ip link set dev eth0 xdpgeneric obj "$work/drop.o" sec xdp
	rm -r "$work"
}
any_backend
