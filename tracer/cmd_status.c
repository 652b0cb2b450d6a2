/* SPDX-License-Identifier: GPL-2.0-only */
/* What commands share: how a failure is told, which exit status it has, how to print. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracer/cmd.h"
#include "tracer/word.h"

static const struct { int error; enum status status; } status_rows[] = {
	{ EPERM, STATUS_CANNOT }, { EACCES, STATUS_CANNOT }, { ENOSYS, STATUS_CANNOT },
	{ ENOTSUP, STATUS_CANNOT }, { EPROTONOSUPPORT, STATUS_CANNOT }, { EAFNOSUPPORT, STATUS_CANNOT },
	{ EINVAL, STATUS_CALL }, { ENOENT, STATUS_CALL }, { ENODEV, STATUS_CALL }, { ESRCH, STATUS_CALL },
	{ EADDRNOTAVAIL, STATUS_CALL }, { ENETUNREACH, STATUS_CALL },
};

enum status cmd_fail(const struct err *err, int rc)
{
	struct arena *a = arena_new();

	/* Names in it are what rules and files hold: they must not steer the terminal or make two lines of one. */
	fprintf(stderr, "ktrace: %s\n", word_clean(a, err->text[0] ? err->text : strerror(-rc)));
	arena_free(a);
	for (size_t i = 0; i < ARRAY_SIZE(status_rows); i++)
		if (status_rows[i].error == -rc)
			return status_rows[i].status;
	return STATUS_UNKNOWN;
}

static bool has_cap(const struct __user_cap_data_struct *data, int cap)
{
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

int cmd_may_read(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* libc has no capget(); where it fails the kernel's own refusals will tell */
	if (syscall(SYS_capget, &header, data) || has_cap(data, CAP_NET_ADMIN))
		return 0;
	return err_set(err, -EPERM, "reading this node's rules needs CAP_NET_ADMIN%s: run ktrace as root, or predict from a snapshot with --in FILE",
		       has_cap(data, CAP_SYS_ADMIN) ? "" : ", and looking into pods' network namespaces CAP_SYS_ADMIN");
}

struct out_options cmd_out_options(const struct options *o)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct out_options out = { .all = o->all, .color = o->color == COLOR_ALWAYS };
	bool tty = isatty(STDOUT_FILENO);
	struct winsize ws;

	/* https://no-color.org: present and not empty */
	if (o->color == COLOR_AUTO)
		out.color = tty && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
	if (tty && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		out.width = ws.ws_col;
	return out;
}
