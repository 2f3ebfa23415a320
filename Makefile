# Alpine: a BSD network stack as a Linux process.
#
#   make                 alpined, alpinectl, alpine-run into build/bin, the shim into build/lib
#   make tests           the programs of t/ into build/t
#   make fuzz            the fuzz targets of t/fuzz into build-fuzz, with clang
#   make SANITIZE=1      all of it with ASan and UBSan, into build-sanitize/
#   make install         DESTDIR= PREFIX=/usr/local; make uninstall takes it back
#   make lint            clang-format, clang-tidy, cppcheck
#   make clean
#
# Two worlds are compiled here. The kernel world (the stack) sees no Linux header at all: -nostdinc
# and kernel_glue/include. The host world is ordinary libc. The lists below say which file is which.

VERSION := 0.1
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
PYTHON  ?= python3

# What is compiled against, and the Debian packages of it; those who clean up need none.
LIBS := libnl-3.0 libnl-route-3.0 libcap libseccomp libbsd libpcap libconfuse
ifneq ($(filter-out clean uninstall,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(LIBS) && echo there),there)
$(error a library is missing: of $(LIBS); type, as root: apt-get install $(shell sed -n 's/^PKG_BUILD="\(.*\)"/\1/p' scripts/lib.sh))
endif
endif

ifdef SANITIZE
B        := build-sanitize
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT      ?= -O1 -g
else
B        := build
SANFLAGS :=
OPT      ?= -O2 -g
endif

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wpointer-arith \
        -Wvla -Wundef -Wwrite-strings -Wold-style-definition
CBASE := -std=gnu11 $(OPT) $(WARN) $(SANFLAGS) -fno-strict-aliasing -fvisibility=hidden -MMD -MP \
         -DALPINE_VERSION='"$(VERSION)"' -I.
GCCINC := $(shell $(CC) -print-file-name=include)
KFLAGS := $(CBASE) -D_KERNEL -ffreestanding -fbuiltin -nostdinc -isystem $(GCCINC) \
          -Ikernel_glue/include -Ibsdnet
HFLAGS := $(CBASE) -D_GNU_SOURCE $(shell pkg-config --cflags libnl-3.0 libnl-route-3.0)

# ---- what is compiled, and in which world

GLUE_K   := $(wildcard kernel_glue/kern_*.c kernel_glue/subr_*.c kernel_glue/uma_*.c)
GLUE_H   := $(wildcard kernel_glue/host_*.c)
STACK_K  := $(wildcard bsdnet/kern/*.c bsdnet/net/*.c bsdnet/netinet/*.c bsdnet/netinet/cc/*.c \
              bsdnet/netinet6/*.c)
LINK_K   := $(wildcard tapbridge/if_*.c)
LINK_H   := $(filter-out $(LINK_K),$(wildcard tapbridge/*.c tapbridge/attach/*.c))
SERVER_K := $(wildcard rpc/bsd/*.c)
CLIENT_H := rpc/client.c
CTL_H    := $(wildcard rpc/ctl/*.c)
SERVER_H := $(wildcard rpc/server/*.c rpc/alpined/*.c)
SHIM_H   := $(wildcard preload/*.c)
RUN_H    := $(wildcard netns_launcher/*.c)
BENCH_H  := $(wildcard scripts/bench.d/*.c)
TLIB_K   := $(filter-out t/lib/tap.c,$(wildcard t/lib/*.c))
TLIB_H   := t/lib/tap.c
# packetdrill: its module, the commands of its scripts, our own runner (t/packetdrill)
PD_K     := t/packetdrill/pd_if.c t/packetdrill/pd_sys.c
PD_H     := $(filter-out $(PD_K),$(wildcard t/packetdrill/pd_*.c))
PD_CMD_H := $(wildcard t/packetdrill/cmd*.c)
PD_DRV_H := t/packetdrill/test_driver.c
# what breaks in programs like this: an ordinary program, run on Linux's stack and on ours
PIT_H    := $(wildcard t/pitfalls/*.c)
PD_RUN_H := $(wildcard t/packetdrill/run_*.c)
# programs of t/: those that speak to libc, and those that are part of the stack
TEST_H   := $(filter-out t/prog_tcptable.c t/prog_sockapi.c,$(wildcard t/shim_*.c t/rpc_*.c t/run_*.c t/glue_loop*.c t/prog_*.c t/lab_*.c t/tap_*.c \
              t/fuzz_*.c))
TEST_K   := $(filter-out $(TEST_H) t/prog_sockapi.c,$(wildcard t/*.c))
FUZZ_K   := $(wildcard t/fuzz/*.c)
# modules: compiled by scripts/module, not here
MODULES_K := $(wildcard scripts/experiments/*/*.c)
SOCKAPI_H := t/prog_sockapi.c $(wildcard t/sockapi/*.c)
# alpine-sim: sim_*.c is its half in the kernel world
SIM_K    := $(wildcard t/sim/sim_*.c)
SIM_H    := $(filter-out $(SIM_K),$(wildcard t/sim/*.c))

KERN_SRC := $(GLUE_K) $(STACK_K) $(LINK_K) $(SERVER_K) $(TLIB_K) $(TEST_K) $(FUZZ_K) $(PD_K) $(SIM_K)
HOST_SRC := $(GLUE_H) $(LINK_H) $(CLIENT_H) $(CTL_H) $(SERVER_H) $(RUN_H) $(BENCH_H) $(TLIB_H) $(TEST_H) \
            $(PD_H) $(PD_CMD_H) $(PD_DRV_H) $(PD_RUN_H) $(SIM_H) $(SOCKAPI_H) $(PIT_H)
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

STACK_OBJ  := $(call obj,$(GLUE_K) $(GLUE_H) $(STACK_K) $(LINK_K))
ALPINED_OBJ := $(STACK_OBJ) $(call obj,$(LINK_H) $(SERVER_K) $(SERVER_H))
NL_LIBS := $(shell pkg-config --libs libnl-route-3.0 libnl-3.0)

BINS := $(B)/bin/alpined $(B)/bin/alpinectl $(B)/bin/alpine-run $(B)/bin/alpine-sim
SHIM := $(B)/lib/libalpine.so
# The module is loaded into packetdrill, with all of the stack: position-independent, not sanitized.
PD_SO    := $(B)/lib/libalpine_packetdrill.so
PD_NAMES := sysctl sockstat tcpdrop kldload sleep ip tc
PD_BIN   := $(addprefix $(B)/lib/packetdrill-bin/,$(PD_NAMES))
PD_SRC_K := $(GLUE_K) $(STACK_K) $(SERVER_K) $(PD_K)
PD_SRC_H := $(GLUE_H) $(PD_H)
TESTS := $(patsubst t/%.c,$(B)/t/%,$(TEST_K) $(TEST_H)) $(B)/bin/pitfalls $(B)/t/prog_sockapi $(B)/t/pdrun $(if $(SANFLAGS),,$(B)/t/pd_driver)
BENCH := $(if $(BENCH_H),$(B)/bin/netbench)

.PHONY: print-module-cflags all tests bench fuzz clean install lint format lint-files lint-kflags lint-hflags
.SECONDARY:
all: $(BINS) $(SHIM) $(if $(SANFLAGS),,$(PD_SO)) $(PD_BIN)
tests: $(TESTS)
bench: $(BENCH)

# How a module is compiled (scripts/module does it): host/module.h.
.PHONY: print-module-cflags
print-module-cflags:
	@echo $(filter-out -MMD -MP -Werror -fvisibility=hidden $(SANFLAGS),$(KFLAGS)) -fPIC

# ---- how

# Modules use the stack's names.
$(call obj,$(GLUE_K) $(STACK_K)): KFLAGS += -fvisibility=default
$(call obj,$(KERN_SRC)): $(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(KFLAGS) -c $< -o $@

$(call obj,$(HOST_SRC)): $(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HFLAGS) -c $< -o $@

# The shim goes into other people's programs: position-independent, without sanitizers.
$(B)/obj/shim/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out $(SANFLAGS),$(HFLAGS)) -fPIC -c $< -o $@

$(patsubst %.c,$(B)/obj/pic/%.o,$(PD_SRC_K)): $(B)/obj/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out $(SANFLAGS),$(KFLAGS)) -fPIC -c $< -o $@

$(patsubst %.c,$(B)/obj/pic/%.o,$(PD_SRC_H)): $(B)/obj/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out $(SANFLAGS),$(HFLAGS)) -fPIC -c $< -o $@

$(PD_SO): $(patsubst %.c,$(B)/obj/pic/%.o,$(PD_SRC_K) $(PD_SRC_H))
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,defs -Wl,--version-script=t/packetdrill/pd.map $^ -o $@ -lpthread -ldl

$(B)/lib/packetdrill-bin/sysctl: $(call obj,$(PD_CMD_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@

$(filter-out %/sysctl,$(PD_BIN)): $(B)/lib/packetdrill-bin/sysctl
	ln -f $< $@

$(B)/bin/alpined: $(ALPINED_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -rdynamic $^ -o $@ $(NL_LIBS) -lcap -lpcap -ldl -lseccomp -lconfuse

$(B)/bin/alpinectl: $(call obj,$(CTL_H) $(CLIENT_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lm

$(B)/bin/alpine-run: $(call obj,$(RUN_H) $(CLIENT_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ $(NL_LIBS) -lcap

# alpine-sim has the stack in objects of its own: modules may use all of it, so its names are
# exported, and --trace may put itself in front of each function.
SIM_CFLAGS   = $(filter-out -fvisibility=hidden,$(KFLAGS))
SIM_TRACE   := -fpatchable-function-entry=5 -fno-optimize-sibling-calls
SIM_OBJ     := $(patsubst %.c,$(B)/obj/sim/%.o,$(GLUE_K) $(STACK_K) $(SIM_K)) $(call obj,$(GLUE_H) $(SIM_H))
$(B)/obj/sim/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(SIM_CFLAGS) $(if $(filter $(STACK_K),$<),$(SIM_TRACE),-iquote$(B)/gen) -c $< -o $@

# The counters' names, for sim_replay.c
$(B)/gen/counters.h: t/sim/counters.awk $(addprefix bsdnet/,net/if_arp.h netinet/ip_var.h \
    netinet/ip_icmp.h netinet/tcp_var.h netinet/udp_var.h)
	@mkdir -p $(@D)
	awk -f $^ >$@
$(B)/obj/sim/t/sim/sim_replay.o $(B)/obj/t/sim/sim_replay.o: $(B)/gen/counters.h

$(B)/bin/alpine-sim: $(SIM_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) -rdynamic $^ -o $@ -lconfuse -lpcap -lm -ldl

$(SHIM): $(patsubst %.c,$(B)/obj/shim/%.o,$(SHIM_H) $(CLIENT_H))
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,defs -Wl,--no-undefined $^ -o $@

$(B)/bin/netbench: $(call obj,$(BENCH_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lpthread

# A test of the stack is linked with all of it; one of the host world with what it tests.
$(patsubst t/%.c,$(B)/t/%,$(TEST_K)): $(B)/t/%: $(B)/obj/t/%.o $(STACK_OBJ) $(call obj,$(TLIB_K) $(TLIB_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@

$(patsubst t/%.c,$(B)/t/%,$(filter-out t/run_confine.c,$(TEST_H))): $(B)/t/%: $(B)/obj/t/%.o $(STACK_OBJ) $(call obj,$(LINK_H) $(CLIENT_H) $(TLIB_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ $(NL_LIBS) -lcap -lpcap -lpthread

$(B)/t/pdrun: $(call obj,$(PD_RUN_H) $(PD_K) $(PD_H) $(GLUE_K) $(GLUE_H) $(STACK_K) $(SERVER_K)) | $(PD_BIN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lpthread -ldl

$(B)/t/pd_driver: $(call obj,$(PD_DRV_H) $(TLIB_H)) $(PD_SO) $(PD_BIN)
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $(filter %.o,$^) -o $@ -lpthread -ldl

# What the socket calls say, on whatever stack: it is a program like any other, without ours.
$(B)/t/prog_sockapi: $(call obj,$(SOCKAPI_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lpthread

# Programs under alpine-run are not ours to sanitize.
$(B)/bin/pitfalls: $(PIT_H) t/lib/tap.c t/pitfalls/pitfalls.h t/lib/tap.h Makefile
	@mkdir -p $(@D)
	$(CC) $(filter-out $(SANFLAGS) -MMD -MP,$(HFLAGS)) $(filter %.c,$^) -o $@ -lpthread

$(B)/t/run_confine: $(B)/obj/t/run_confine.o $(call obj,rpc/alpined/confine.c $(TLIB_H))
	@mkdir -p $(@D)
	$(CC) $(SANFLAGS) $^ -o $@ -lcap -lseccomp -lpthread

$(B)/t/fuzz_replay: $(call obj,$(FUZZ_K) $(TLIB_K))

# libFuzzer's programs, with their own objects: make fuzz, then build-fuzz/fuzz_NAME CORPUS
FUZZ_CC    := clang
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
              -fno-omit-frame-pointer -DFUZZ_LIBFUZZER
FUZZ_KFLAGS = $(subst $(GCCINC),$(shell $(FUZZ_CC) -print-file-name=include),$(KFLAGS))
FUZZ_OBJ   := $(patsubst %.c,build-fuzz/obj/%.o,$(GLUE_K) $(GLUE_H) $(STACK_K) $(LINK_K) $(TLIB_K) \
              $(TLIB_H))
build-fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(FUZZ_CC) $(if $(filter $(GLUE_H) $(TLIB_H),$<),$(HFLAGS),$(FUZZ_KFLAGS)) $(FUZZ_FLAGS) -O1 -c $< -o $@
build-fuzz/fuzz_%: build-fuzz/obj/t/fuzz/fuzz_%.o $(FUZZ_OBJ)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $^ -o $@
fuzz: $(patsubst t/fuzz/%.c,build-fuzz/%,$(FUZZ_K))

# ---- installing: DESTDIR, PREFIX, and where systemd and sysctl's page are

SBINDIR    := $(PREFIX)/sbin
MANDIR     := $(PREFIX)/share/man
DOCDIR     := $(PREFIX)/share/doc/alpine
COMPDIR    := $(PREFIX)/share/bash-completion/completions
# alpined@.service reads /etc/alpine; where that is not ours to make: make install CONFDIR=...
CONFDIR    ?= /etc/alpine
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERDIR ?= $(PREFIX)/lib/sysusers.d
EXAMPLES   := $(addprefix rpc/service/,alpine.conf networkmanager.conf systemd-networkd.network \
                netplan.yaml ifupdown)
COMMANDS   := alpinectl alpined alpine-run

$(B)/man/alpine.4: rpc/alpined/alpine.4 rpc/service/sysctl-page $(B)/bin/alpined
	@mkdir -p $(@D)
	ASAN_OPTIONS=detect_leaks=0 rpc/service/sysctl-page $(B)/bin/alpined <$< >$@.new && mv $@.new $@

install: all $(B)/man/alpine.4
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(PREFIX)/bin $(PREFIX)/lib/alpine $(MANDIR)/man1 \
	    $(MANDIR)/man4 $(MANDIR)/man5 $(MANDIR)/man8 $(DOCDIR)/examples $(COMPDIR) $(UNITDIR) $(SYSUSERDIR) $(CONFDIR))
	install -m 755 $(B)/bin/alpined $(B)/bin/alpinectl $(DESTDIR)$(SBINDIR)
	install -m 755 $(B)/bin/alpine-run $(B)/bin/alpine-sim $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(SHIM) $(DESTDIR)$(PREFIX)/lib/alpine/libalpine.so
	install -m 644 netns_launcher/alpine-run.1 t/sim/alpine-sim.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(B)/man/alpine.4 $(DESTDIR)$(MANDIR)/man4
	install -m 644 rpc/alpined/alpine.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 rpc/alpined/alpined.8 rpc/ctl/alpinectl.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples
	install -m 644 README LICENSE $(DESTDIR)$(DOCDIR)
	for c in $(COMMANDS); do install -m 644 rpc/service/completion.bash $(DESTDIR)$(COMPDIR)/$$c || exit 1; done
	sed 's,@SBINDIR@,$(SBINDIR),' rpc/service/alpined@.service >$(DESTDIR)$(UNITDIR)/alpined@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/alpined@.service
	install -m 644 rpc/service/alpine.sysusers $(DESTDIR)$(SYSUSERDIR)/alpine.conf

# What install put there; the account stays, and CONFDIR if something is in it.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(SBINDIR)/alpined $(SBINDIR)/alpinectl $(PREFIX)/bin/alpine-run \
	    $(PREFIX)/bin/alpine-sim $(MANDIR)/man1/alpine-sim.1 \
	    $(MANDIR)/man1/alpine-run.1 $(MANDIR)/man4/alpine.4 $(MANDIR)/man5/alpine.conf.5 \
	    $(MANDIR)/man8/alpined.8 $(MANDIR)/man8/alpinectl.8 $(addprefix $(COMPDIR)/,$(COMMANDS)) \
	    $(UNITDIR)/alpined@.service $(SYSUSERDIR)/alpine.conf)
	rm -rf $(DESTDIR)$(PREFIX)/lib/alpine $(DESTDIR)$(DOCDIR)
	-[ ! -d $(DESTDIR)$(CONFDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(CONFDIR)

lint:
	scripts/lint

# For scripts/lint: "k FILE" and "h FILE", which world a file is compiled in; a world's flags, one a line.
lint-files:
	@printf 'k %s\n' $(KERN_SRC) $(MODULES_K); printf 'h %s\n' $(HOST_SRC) $(SHIM_H)
lint-kflags:
	@printf '%s\n' $(KFLAGS) -iquote$(B)/gen
lint-hflags:
	@printf '%s\n' $(HFLAGS)

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf build build-sanitize build-fuzz

-include $(shell find $(B)/obj build-fuzz/obj -name '*.d' -type f 2>/dev/null)
