/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints the hook rows of the namespace it runs in, one a line in running order: what tests/netns/hook-order reads.
 *   hooks_dump            live        hooks_dump -w FILE   live, recorded        hooks_dump -r FILE   replayed
 * Exit status 4: this kernel or these privileges cannot do it.
 */
#include "bpf/hooks.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

static const char *pf_name(uint8_t pf)
{
	switch (pf) {
	case NFPROTO_IPV4: return "ip";
	case NFPROTO_IPV6: return "ip6";
	case NFPROTO_BRIDGE: return "bridge";
	case NFPROTO_NETDEV: return "netdev";
	default: return "?";
	}
}

static const char *hook_name(const struct hook_row *r)
{
	static const char *const inet[] = { "prerouting", "input", "forward", "output", "postrouting" };
	static const char *const netdev[] = { "ingress", "egress" };

	if (r->pf == NFPROTO_NETDEV)
		return r->hook < ARRAY_SIZE(netdev) ? netdev[r->hook] : "?";
	return r->hook < ARRAY_SIZE(inet) ? inet[r->hook] : "?";
}

static void print(const struct hook_row *r)
{
	static const char *const kind[] = {
		[HOOK_ROW_NFT] = "nft", [HOOK_ROW_LEGACY] = "legacy", [HOOK_ROW_OTHER] = "other",
	};

	printf("%s %s %d %s %s %u %s %s %d %s\n", pf_name(r->pf), hook_name(r), r->priority, r->in_nat ? "nat" : "-",
	       kind[r->kind], r->family, r->table ? r->table : "-", r->chain ? r->chain : "-", r->ifindex,
	       r->function ? r->function : "-");
}

int main(int argc, char **argv)
{
	const char *mode = argc == 3 ? argv[1] : "", *file = argc == 3 ? argv[2] : NULL;
	struct arena *a = arena_new();
	const struct hook_row *row;
	struct err err = { "" };
	struct io *io = NULL;
	size_t n, i;
	int rc;

	if (!strcmp(mode, "-r"))
		rc = io_open_replay(a, file, &io, &err);
	else
		rc = io_open_live(a, strcmp(mode, "-w") ? IO_LIVE : IO_RECORD, &io, &err);
	if (!rc)
		rc = bpf_hooks_read(io, a, 0, &row, &n, &err);
	for (i = 0; !rc && i < n; i++)
		print(&row[i]);
	if (!rc && !strcmp(mode, "-w"))
		rc = io_save(io, file, &err);
	if (rc)
		fprintf(stderr, "hooks_dump: %s\n", err.text);
	io_close(io);
	arena_free(a);
	return !rc ? 0 : rc == -EPERM || rc == -ENOTSUP ? 4 : 1;
}
