/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink questions over io.h: framing is checked here before anybody parses, interrupted dumps
 * are drained and asked again, and a refusal carries the kernel's own extended ack.
 */
#ifndef KTRACE_BASE_NL_H
#define KTRACE_BASE_NL_H

#include <libmnl/libmnl.h>

#include "io.h"

/* One reply message, framing and length already checked. Not 0: stop, and nl_ask returns it. */
typedef int (*nl_cb)(const struct nlmsghdr *nlh, void *ctx);

/*
 * Sends req (built with libmnl in a buffer that leaves 64 bytes free; seq and pid are ours to set)
 * on bus (NETLINK_*) in netns and hands each reply to cb in order once all have arrived, so a
 * torn dump is never seen. NLM_F_DUMP decides between one answer and many. Returns 0, the
 * kernel's -errno, -EINTR if a dump stayed interrupted after several tries, -ENODATA in
 * replay if this was not recorded. err (may be NULL) gets the kernel's extended ack.
 */
int nl_ask(struct io *io, uint32_t netns, int bus, struct nlmsghdr *req, nl_cb cb, void *ctx,
	   struct err *err);

/* The message at *p of *left bytes, which then stand behind it; NULL where no whole one is left. For what does not come through io.h. */
const struct nlmsghdr *nl_next(const uint8_t **p, size_t *left);

/* Starts an nfnetlink request in buf: subsystem, command, flags besides NLM_F_REQUEST, NFPROTO_*. */
struct nlmsghdr *nl_nfnl(void *buf, uint8_t subsys, uint8_t cmd, uint16_t flags, uint8_t family);

/* What libmnl's mnl_attr_get_* give, inline: a big chain has a hundred thousand attributes. */
static inline uint16_t nl_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline const void *nl_data(const struct nlattr *a)
{
	return (const uint8_t *)a + MNL_ATTR_HDRLEN;
}

static inline size_t nl_len(const struct nlattr *a)
{
	return a->nla_len - MNL_ATTR_HDRLEN;
}

/* The attribute at p if it lies within nest, else NULL. */
static inline const struct nlattr *nl_within(const uint8_t *p, const struct nlattr *nest)
{
	const uint8_t *end = (const uint8_t *)nest + nest->nla_len;
	const struct nlattr *a = (const void *)p;

	return end - p >= (ptrdiff_t)MNL_ATTR_HDRLEN && a->nla_len >= MNL_ATTR_HDRLEN && a->nla_len <= end - p ? a : NULL;
}

/* Each attribute of a nest that is whole. */
#define NL_EACH(a, nest) \
	for ((a) = nl_within(nl_data(nest), (nest)); (a); \
	     (a) = nl_within((const uint8_t *)(a) + MNL_ALIGN((a)->nla_len), (nest)))

/* Attributes of a message or a nest by type, bounds-checked; tb[0..max] is filled, absent = NULL; of no nest (NULL) all are. */
void nl_attrs(const struct nlmsghdr *nlh, size_t header_len, const struct nlattr **tb, unsigned max);
void nl_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max);
/* Values with length checks: the default when absent or of another size. be: network order on the wire. */
uint8_t nl_u8(const struct nlattr *a, uint8_t def);
uint16_t nl_u16(const struct nlattr *a, uint16_t def);
uint16_t nl_be16(const struct nlattr *a, uint16_t def);
uint32_t nl_u32(const struct nlattr *a, uint32_t def);
uint32_t nl_be32(const struct nlattr *a, uint32_t def);
uint64_t nl_be64(const struct nlattr *a, uint64_t def);
/* NUL-terminated in arena whatever the wire had; NULL when absent. */
const char *nl_str(struct arena *ar, const struct nlattr *a);

#endif
