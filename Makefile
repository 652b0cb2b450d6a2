# SPDX-License-Identifier: GPL-2.0-only
# ktrace: one makefile, no recursion, no configure step.
#   make            build/ktrace
#   make check      all tests (some need root)          make check-unit   only those that need none
#   make SAN=1      with ASan and UBSan, in build-san/  make CC=clang     with clang
#   make fuzz       build/ktrace-fuzz, libFuzzer's targets      tests/fuzz/run NAME SECONDS runs one of them
#   make oracle N=100000   so many random packets, predicted and sent (root)
#   make bench      time and memory beside the bare kernel replies (root)
#   make bench-live K=6.12   what following real packets costs, in a guest (root)
#   make vm K=6.1   a shell on another kernel (5.10, 6.1, 6.12, sid), with these files

prefix     ?= /usr/local
sbindir    ?= $(prefix)/sbin
mandir     ?= $(prefix)/share/man
compdir    ?= $(prefix)/share/bash-completion/completions

VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
PKG_CONFIG ?= pkg-config
LIBS       := libmnl libnftnl libbpf libelf libipset jansson yaml-0.1
# loaded when it is needed, not linked: see tracer/kube_priv.h
LOADED     := libcurl
CLANG      ?= clang
BPFTOOL    ?= bpftool

O          := build$(if $(SAN),-san)$(if $(filter clang%,$(CC)),-clang)
CFLAGS     ?= -O2 -g
WARN       := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings \
              -Wno-missing-field-initializers -Wno-sign-compare
comma      := ,
SANFLAGS   := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
ALL_CFLAGS  = -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -D_GNU_SOURCE -I. -I$(O) -MMD -MP \
              $(shell $(PKG_CONFIG) --cflags $(LIBS) $(LOADED))
LDLIBS      = $(shell $(PKG_CONFIG) --libs $(LIBS)) -lm

BPF_SRC    := $(wildcard bpf/*.bpf.c)
SKEL       := $(BPF_SRC:%.bpf.c=$(O)/%.skel.h)
SRC        := $(filter-out %.bpf.c,$(wildcard tracer/base/*.c nft/*.c ipvs/*.c bpf/*.c tracer/*.c))
OBJ        := $(SRC:%.c=$(O)/%.o)
LIB_OBJ    := $(filter-out $(O)/tracer/main.o,$(OBJ))
UNIT       := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ_OBJ   := $(filter-out %/tracer/kube_http.o %/nft/tracing.o,$(patsubst %.c,$(O)/fuzz/%.o,$(filter-out tracer/main.c,$(SRC)) $(wildcard tests/fuzz/*.c)))
FUZZFLAGS  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HEADERS    := $(filter-out %.bpf.h,$(wildcard tracer/*.h tracer/base/*.h nft/*.h ipvs/*.h bpf/*.h))

Q          := $(if $(V),,@)
msg         = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

all: $(O)/ktrace

$(O)/ktrace: $(OBJ)
	$(call msg,LINK,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(OBJ) $(LDLIBS)

$(O)/libktrace.a: $(LIB_OBJ)
	$(call msg,AR,$@)rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(O)/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(call msg,CC,$<)$(CC) $(ALL_CFLAGS) $(if $(filter tracer/main.c,$<),-DVERSION='"$(VERSION)"') -c -o $@ $<

$(O)/%.bpf.o: %.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(call msg,BPF,$<)$(CLANG) -g -O2 -Wall -Werror -target bpf -D__TARGET_ARCH_$(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m))) \
		-I. -idirafter /usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call msg,SKEL,$@)$(BPFTOOL) gen skeleton $< name $(subst .,_,$(notdir $*))_bpf > $@.tmp && mv $@.tmp $@

$(O)/unit/%: tests/unit/%.c $(O)/libktrace.a
	@mkdir -p $(@D)
	$(call msg,UNIT,$<)$(CC) $(ALL_CFLAGS) -o $@ $< $(O)/libktrace.a $(LDLIBS) $(shell $(PKG_CONFIG) --libs cmocka)

unit: $(UNIT) $(O)/sightings

# libFuzzer's targets: the same files, by clang, with both sanitizers
$(O)/fuzz/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(call msg,FUZZ,$<)$(CLANG) $(ALL_CFLAGS) $(FUZZFLAGS) -c -o $@ $<

$(O)/ktrace-fuzz: $(FUZZ_OBJ) tests/fuzz/wrap.rsp
	$(call msg,LINK,$@)$(CLANG) $(ALL_CFLAGS) $(FUZZFLAGS) -fsanitize=fuzzer -Wl,@tests/fuzz/wrap.rsp -o $@ $(FUZZ_OBJ) $(LDLIBS)

fuzz: $(O)/ktrace-fuzz

check:
	tests/run

check-unit: $(UNIT)
	tests/run unit

# every header compiles alone
headers: $(HEADERS:%=$(O)/%.alone)
$(O)/%.h.alone: %.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -fsyntax-only -x c $< && touch $@

bench: all $(O)/floor
	tools/bench

$(O)/floor: tools/floor.c tools/floor_watch.c tools/floor.h
	@mkdir -p $(@D)
	$(call msg,LINK,$@)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^)

# random rulesets and packets until N were held against the kernel
N          ?= 100000
oracle: all $(O)/oracle-ask
	KTRACE=$(O)/ktrace tests/oracle/oracle --total $(N) --seconds 1000000

$(O)/oracle-ask: tests/oracle/ask.c $(O)/libktrace.a
	$(call msg,LINK,$@)$(CC) $(ALL_CFLAGS) -Wl,--wrap=bpf_hooks_read,--wrap=ways_fold,--wrap=walk -o $@ $< $(O)/libktrace.a $(LDLIBS)

bench-live: $(O)/sightings
	O=$(abspath $(O)) tools/bench-live $(or $(K),6.12)

# the live probes alone, for tests/vm/probes: prints what they tell
$(O)/sightings: tests/vm/sightings.c $(filter $(O)/bpf/% $(O)/tracer/base/%,$(OBJ))
	$(call msg,LINK,$@)$(CC) $(ALL_CFLAGS) -o $@ $(filter-out %.h,$^) $(LDLIBS)

vm: all
	tools/deps --vm
	tests/vm/run $(or $(K),6.1)

install: all
	install -D -m 755 $(O)/ktrace $(DESTDIR)$(sbindir)/ktrace
	install -D -m 644 docs/ktrace.8 $(DESTDIR)$(mandir)/man8/ktrace.8
	install -D -m 644 tools/ktrace.bash $(DESTDIR)$(compdir)/ktrace

clean:
	rm -rf build build-*

.PHONY: all unit fuzz check check-unit headers oracle bench bench-live vm install clean
.DELETE_ON_ERROR:
.SECONDARY: $(BPF_SRC:%.bpf.c=$(O)/%.bpf.o)

-include $(OBJ:.o=.d) $(UNIT:%=%.d) $(FUZZ_OBJ:.o=.d)
