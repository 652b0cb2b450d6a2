/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzz targets share. A target plays the fuzzer's bytes as what the kernel, a file or the API server said, and
 * lets the program work with it. The rows stand in fuzz.c.
 */
#ifndef KTRACE_FUZZ_H
#define KTRACE_FUZZ_H

#include "tracer/base/util.h"

/* What a record of a snapshot answers. */
enum class {
	C_OTHER = 1, C_NFT = 2, C_IPSET = 4, C_CONNTRACK = 8, C_ROUTE = 16, C_LINK = 32, C_SOCKET = 64, C_IPVS = 128,
	C_LEGACY = 256, C_FILE = 512, C_HOOKS = 1024, C_META = 2048,
	C_ALL = 4095,
};

/* What is done with a node, besides the questions that its own record asks. */
enum { DO_NODE = 1, DO_RULES = 2, DO_STATE = 4, DO_IPVS = 8, DO_FLOWS = 16 };

struct fuzz {
	const char *name;
	void (*run)(const struct fuzz *f, const uint8_t *data, size_t len);
	unsigned classes;		/* of a node's records that are mutated; 0: the input is no snapshot */
	unsigned what;			/* DO_* */
	bool raw;			/* the file's own bytes are mutated */
	bool messages;			/* the input is netlink messages */
};

/* node.c: the input is a snapshot; its record IO_META "fuzz" says what is asked of it. */
#define SCENARIO "fuzz"
void run_node(const struct fuzz *f, const uint8_t *data, size_t len);
struct packet;
/* Packets that any rule may meet: at most 8, and how many. */
size_t packets(struct packet *p);
/* From now on files are these bytes, and each netlink question gets the next message of them. NULL: no more. */
void play(const uint8_t *data, size_t len);
struct io;
bool played_file(struct io *io, const char **text, size_t *len);
/* rules.c */
void run_rule(const struct fuzz *f, const uint8_t *data, size_t len);
void run_row(const struct fuzz *f, const uint8_t *data, size_t len);
/* trim.c */
void trim_into(const char *dir);
void trim_note(uint32_t kind, uint32_t netns, const void *key, size_t len);
void trim_write(struct io *io);
/* text.c */
void run_target(const struct fuzz *f, const uint8_t *data, size_t len);
void run_objects(const struct fuzz *f, const uint8_t *data, size_t len);
void run_yaml(const struct fuzz *f, const uint8_t *data, size_t len);
void run_kubeconfig(const struct fuzz *f, const uint8_t *data, size_t len);
/* live.c */
void run_live(const struct fuzz *f, const uint8_t *data, size_t len);
/* http.c: the input is what the server sends, one answer after another, told apart by HTTP_SPLIT. */
#define HTTP_SPLIT "\1\1"
void run_http(const struct fuzz *f, const uint8_t *data, size_t len);
struct arena;
struct access;
/* Where a request to this server would go. */
void http_address(struct arena *a, const struct access *x);

/* mutate.c: snapshots taken apart, changed where it hurts, and put together again. */
size_t mutate_node(const struct fuzz *f, uint8_t *data, size_t len, size_t max, unsigned seed);
size_t cross_node(const struct fuzz *f, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
		  size_t max, unsigned seed);
size_t mutate_messages(uint8_t *data, size_t len, size_t max, unsigned seed);
/* A snapshot that holds nothing. */
size_t empty_node(uint8_t *out, size_t max);
enum class class_of(uint32_t kind, const void *key, size_t len);

/* An error sentence as cmd_fail() will print it: there is one. */
struct err;
void check_err(const struct err *err);

/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);

#endif
