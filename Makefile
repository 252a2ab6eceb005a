# SPDX-License-Identifier: GPL-2.0-only
VERSION := 0.1

BUILD := build
GEN := $(BUILD)/gen

CC := gcc
CLANG := clang

CFLAGS := -O2 -g
ifdef SANITIZE
CFLAGS := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer
endif
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Iinclude -Iloader -I$(GEN) $(CFLAGS)

BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS = -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra \
	-Wno-unused-parameter -Werror -Iinclude -I$(GEN) \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)

HEADERS := $(wildcard include/*.h loader/*.h)
POLICIES := $(wildcard loader/policies/*.yaml)
MAN_PAGES := $(patsubst loader/man/%.rst,$(BUILD)/man/%,$(wildcard loader/man/*.rst))
POLICY_HEADERS := $(POLICIES:loader/policies/%.yaml=$(GEN)/%.policy.h)

# The compiler of policies runs on the build host and knows nothing of BPF
POLICY_SOURCES := loader/policy.c loader/policy_yaml.c loader/policy_compile.c
POLICYC_SOURCES := loader/policyc.c loader/policy_schema.c $(POLICY_SOURCES)
LOADER_SOURCES := $(filter-out loader/policyc.c loader/policy_schema.c,$(wildcard loader/*.c))
POLICY_LIBS := -lcyaml -lyaml
LOADER_LIBS := -lbpf -lelf -lcyaml -lyaml -ljson-c -lpci

UNIT_TESTS := $(patsubst tests/test_%.c,$(BUILD)/tests/test_%,$(wildcard tests/test_*.c))
TEST_HEADERS := $(wildcard tests/*.h)
# The oracle, and what drives it and the engine side by side
ORACLE_SOURCES := tests/oracle.c tests/differential.c
TEST_TOOLS := $(patsubst tests/%.c,$(BUILD)/tests/bin/%, \
		$(filter-out $(wildcard tests/test_*.c) $(ORACLE_SOURCES) tests/struct_ops.c \
		tests/engine_bench.c, \
		$(wildcard tests/*.c)))
# The loader as an earlier or later build has it, whose program differs in nothing that it
# does, and as a version has it that can't share its maps with this one
OTHER_LOADERS := $(BUILD)/tests/bin/cxl-policy-other-build $(BUILD)/tests/bin/cxl-policy-other-abi
BENCH_TOOLS := $(BUILD)/tests/bin/verifier_cost $(BUILD)/tests/bin/vfio_bench

# Where things are installed. systemd, udev and modprobe look below PREFIX/lib if that is
# /usr or /usr/local; with another one, name folders where they do.
PREFIX := /usr/local
sysconfdir = /etc
sbindir = $(PREFIX)/sbin
libexecdir = $(PREFIX)/libexec/cxl-policy
datadir = $(PREFIX)/share/cxl-policy
mandir = $(PREFIX)/share/man
completionsdir = $(PREFIX)/share/bash-completion/completions
systemdsystemunitdir = $(PREFIX)/lib/systemd/system
unitdir = $(systemdsystemunitdir)
udevdir = $(PREFIX)/lib/udev
modprobedir = $(PREFIX)/lib/modprobe.d
# initramfs-tools looks there, and for what no package has below /etc
initramfsdir = $(if $(filter /usr,$(PREFIX)),$(PREFIX)/share,$(sysconfdir))/initramfs-tools
# For which @NAME@ stands in an installed *.in
INSTALL_DIRS := sbindir libexecdir datadir unitdir udevdir modprobedir sysconfdir

# What goes where, as SOURCE=TARGET
into = $(foreach file,$(2),$(file)=$(1)/$(notdir $(file:.in=)))
files = $(sort $(wildcard $(1) $(1:=.in)))
tree = $(sort $(shell find loader/$(1) -type f ! -name '.*' 2>/dev/null))
UNITS = $(call files,$(addprefix loader/systemd/*.,service timer path socket target mount))
INSTALLED = $(call into,$(sbindir),$(BUILD)/bin/cxl-policy) \
	$(foreach page,$(MAN_PAGES), \
		$(call into,$(mandir)/man$(patsubst .%,%,$(suffix $(page))),$(page))) \
	loader/completion/cxl-policy.bash=$(completionsdir)/cxl-policy \
	$(call into,$(datadir),$(BUILD)/cxl-policy.schema.json) \
	$(call into,$(unitdir),$(UNITS)) \
	$(call into,$(libexecdir),$(filter-out $(UNITS),$(call files,loader/systemd/*))) \
	$(call into,$(udevdir)/rules.d,$(call files,loader/udev/*.rules)) \
	$(call into,$(modprobedir),$(call files,loader/modprobe/*.conf)) \
	$(call into,$(libexecdir),$(filter-out %.conf %.conf.in,$(call files,loader/modprobe/*))) \
	$(call into,$(initramfsdir)/hooks,$(wildcard loader/initramfs/*)) \
	$(foreach file,$(call tree,prometheus) $(call tree,ansible), \
		$(file)=$(datadir)/$(patsubst loader/%,%,$(file:.in=)))
# The operator's: what is there stays as it is
CONFIGURATION = loader/etc/devices.yaml=$(sysconfdir)/cxl-policy/devices.yaml \
	loader/etc/default/cxl-policy=$(sysconfdir)/default/cxl-policy
CONFIGURATION_DIRS = $(addprefix $(sysconfdir)/cxl-policy/,devices.d policies)

# Only where clang has the run-time library of libFuzzer
FUZZERS := $(if $(wildcard $(shell $(CLANG) -print-resource-dir 2>/dev/null)/lib/*/libclang_rt.fuzzer*), \
		$(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.c)))
FUZZ_TIME := 60
FUZZ_RUNS :=
FUZZ_TARGETS :=
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
TEST_BPF := $(patsubst tests/bpf/%.bpf.c,$(BUILD)/tests/bpf/%.bpf.o,$(wildcard tests/bpf/*.bpf.c))

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: FORCE all install uninstall deb help setup kernel bpftool tests demo bench test test-stress test-mainline test-hardened test-kcsan test-guest test-packages demo-guest fuzz mutants lint man vm-shell clean

all: $(BUILD)/bin/cxl-policy $(BUILD)/bin/vfio-cfg $(BUILD)/bpf/cxl_policy.bpf.o ## build the loader, the BPF object and the tools

all: $(BUILD)/cxl-policy.schema.json

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | expand -t 16

setup: ## install the packages that everything else needs (root or sudo)
	@tools/setup

kernel: setup ## build the patched vfio-pci for the distribution's kernel
	@kernel/build

bpftool: setup ## build a bpftool that knows struct_ops of modules, build/bin/bpftool-patched
	@kernel/build --bpftool

install: all man ## install the tool below PREFIX=/usr/local, and DESTDIR if one is given
	@set -e; for pair in $(INSTALLED); do \
		file=$${pair%%=*} target="$(DESTDIR)$${pair#*=}" mode=644; \
		[ ! -x "$$file" ] || mode=755; \
		case $$file in \
		*.in) sed $(foreach dir,$(INSTALL_DIRS),-e 's|@$(dir)@|$($(dir))|g') "$$file" \
			>$(BUILD)/installed; file=$(BUILD)/installed ;; \
		esac; \
		install -D -m "$$mode" "$$file" "$$target"; \
	done; rm -f $(BUILD)/installed
	@install -d $(CONFIGURATION_DIRS:%="$(DESTDIR)%")
	@set -e; for pair in $(CONFIGURATION); do \
		target="$(DESTDIR)$${pair#*=}"; \
		[ -e "$$target" ] || install -D -m 644 "$${pair%%=*}" "$$target"; \
	done

uninstall: ## remove what install with the same PREFIX and DESTDIR has put there
	@for pair in $(INSTALLED); do rm -f "$(DESTDIR)$${pair#*=}"; done
	@for pair in $(CONFIGURATION); do \
		! cmp -s "$${pair%%=*}" "$(DESTDIR)$${pair#*=}" || rm "$(DESTDIR)$${pair#*=}"; \
	done
	@for dir in $(CONFIGURATION_DIRS:%="$(DESTDIR)%") "$(DESTDIR)$(sysconfdir)/cxl-policy" \
		"$(DESTDIR)$(libexecdir)"; do \
		[ ! -d "$$dir" ] || rmdir --ignore-fail-on-non-empty "$$dir"; \
	done
	@[ ! -d "$(DESTDIR)$(datadir)" ] || find "$(DESTDIR)$(datadir)" -depth -type d -empty -delete

deb: setup ## make the Debian packages, build/deb/*.deb
	@tools/deb "$(VERSION)"

demo: kernel ## show on an emulated CXL device what the policy does
	@$(MAKE) --no-print-directory all
	@tools/demo

bench: kernel ## build what is compared (10 min the first time), measure it, write build/bench.json
	@$(MAKE) --no-print-directory all $(BENCH_TOOLS) $(BUILD)/tests/bpf/engine.bpf.o
	@kernel/build bench
	@tools/bench

test: kernel bpftool ## run all tests, those in the virtual machine included
	@$(MAKE) --no-print-directory all tests
	@tests/run

test-mainline: bpftool ## build Debian's newest kernel with the hook in it (10 min), run the tests in the virtual machine on it
	@kernel/build mainline
	@$(MAKE) --no-print-directory all tests
	@tests/run --kernel mainline

test-stress: kernel ## let everything happen at once, for some minutes
	@$(MAKE) --no-print-directory all tests
	@CXL_STRESS_SECONDS=20 tests/run vm/stress

# The tests in which much happens at once, and of what a kernel can run out of
UNDER_CHECKERS := stress faults away lifetime reset rogue struct_ops suspend

test-hardened: setup ## build it with KASAN, lockdep and more (12 min), run the tests of what happens at once on it
	@kernel/build hardened
	@$(MAKE) --no-print-directory all tests
	@CXL_STRESS_SECONDS=20 tests/run --kernel hardened $(UNDER_CHECKERS:%=vm/%)

test-kcsan: setup ## the same with the checker of data races
	@kernel/build kcsan
	@$(MAKE) --no-print-directory all tests
	@CXL_STRESS_SECONDS=20 tests/run --kernel kcsan --jobs 1 $(UNDER_CHECKERS:%=vm/%)

# Programs for the guests of the virtual machine
GUEST_TOOLS := $(patsubst tests/vmm/%.c,$(BUILD)/tests/guest/%,$(wildcard tests/vmm/*.c))

test-guest: kernel ## boot guests in the virtual machine, by QEMU with a CXL device, and swap policies under them
	@kernel/build guest
	@$(MAKE) --no-print-directory all $(GUEST_TOOLS)
	@tools/guest
	@tests/run --guests

demo-guest: kernel ## show what lspci tells in such a guest, before and after a swap
	@kernel/build guest
	@$(MAKE) --no-print-directory all $(GUEST_TOOLS)
	@tools/guest
	@tools/demo-guest

test-packages: kernel ## install the packages on a Debian with systemd in a virtual machine, and test them there
	@$(MAKE) --no-print-directory all deb $(OTHER_LOADERS)
	@tools/image || [ $$? -eq 77 ]
	@tools/image --with $(BUILD)/deb/*.deb || [ $$? -eq 77 ]
	@tests/run --packages

tests: $(UNIT_TESTS) $(TEST_TOOLS) $(OTHER_LOADERS) $(TEST_BPF) $(FUZZERS)

fuzz: $(FUZZERS) ## look for inputs that break engine or parser, for FUZZ_TIME=60 seconds or FUZZ_RUNS=N inputs each
	@tests/fuzz.sh $(if $(FUZZ_RUNS),-r $(FUZZ_RUNS),-t $(FUZZ_TIME)) $(FUZZ_TARGETS)

mutants: $(BUILD)/tests/bin/mutants $(UNIT_TESTS) ## flip each bit of the default policy: do the tests notice?
	@$(BUILD)/tests/bin/mutants

vm-shell: kernel ## a shell in the virtual machine that the tests use
	@$(MAKE) --no-print-directory all
	@tools/vm --shell

lint: kernel ## check the style of the code, the scripts, the texts and the patches
	@$(MAKE) --no-print-directory $(BUILD)/bin/policyc $(BUILD)/bin/cxl-policy man
	@tools/lint

man: $(MAN_PAGES) ## make the manual pages, build/man/*

clean: ## remove what was built, but for downloaded packages
	rm -rf $(BUILD)

$(BUILD)/bin/policyc: $(POLICYC_SOURCES) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(POLICYC_SOURCES) $(POLICY_LIBS) -ljson-c

$(BUILD)/cxl-policy.schema.json: $(BUILD)/bin/policyc
	$(BUILD)/bin/policyc -s -o $@

# One that is based on another changes with it
$(GEN)/%.policy.h: loader/policies/%.yaml $(POLICIES) $(BUILD)/bin/policyc
	@mkdir -p $(@D)
	CXL_POLICY_PATH=loader/policies $(BUILD)/bin/policyc $< -o $@

$(BUILD)/bpf/cxl_policy.bpf.o: bpf/cxl_policy.bpf.c $(HEADERS) $(GEN)/cxl-device.policy.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/bpf/cxl_trace.bpf.o: bpf/cxl_trace.bpf.c $(HEADERS)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# The objects and the policies are part of the loader
$(BUILD)/bin/cxl-policy: $(LOADER_SOURCES) $(HEADERS) $(BUILD)/bpf/cxl_policy.bpf.o \
		$(BUILD)/bpf/cxl_trace.bpf.o $(POLICIES) $(GEN)/version.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(LOADER_SOURCES) $(LOADER_LIBS)

# Changes only with the version
$(GEN)/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define VERSION "%s"\n' '$(VERSION)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/man/%: loader/man/%.rst
	@mkdir -p $(@D)
	rst2man --halt=2 $< $@

VFIO_SOURCES := tools/vfio.c tools/vfio.h

$(BUILD)/bin/vfio-cfg: tools/vfio-cfg.c $(VFIO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/tests/test_%: tests/test_%.c $(POLICY_SOURCES) $(HEADERS) $(TEST_HEADERS) $(POLICY_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka $(POLICY_LIBS) $(TEST_LIBS)

$(BUILD)/tests/test_differential: $(ORACLE_SOURCES)
$(BUILD)/tests/test_surface: loader/describe.c loader/compare.c loader/surface.c
$(BUILD)/tests/test_diff: loader/describe.c loader/compare.c

$(BUILD)/tests/test_apply: loader/assign.c loader/assign_dir.c loader/device.c loader/output.c \
		loader/describe.c loader/compare.c loader/embedded.c
$(BUILD)/tests/test_apply: TEST_LIBS := -ljson-c -lpci

$(BUILD)/tests/test_backoff: loader/backoff.c

$(BUILD)/tests/test_state: loader/state.c loader/output.c
$(BUILD)/tests/test_state: TEST_LIBS := -ljson-c

$(BUILD)/tests/test_stream: loader/stream.c loader/stream_file.c loader/device.c loader/output.c
$(BUILD)/tests/test_stream: TEST_LIBS := -ljson-c -lpci

# The policies that the loader carries, and the one that the object has
$(BUILD)/tests/test_policies: $(ORACLE_SOURCES) loader/embedded.c $(POLICIES) \
		$(BUILD)/bpf/cxl_policy.bpf.o
$(BUILD)/tests/test_policies: private TEST_LIBS := -lbpf

$(BUILD)/tests/bin/mutants: tests/mutants.c $(POLICY_SOURCES) $(HEADERS) $(TEST_HEADERS) $(POLICY_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(POLICY_LIBS)

$(BUILD)/tests/fuzz/differential: $(ORACLE_SOURCES)

$(BUILD)/tests/fuzz/assign: loader/assign.c loader/device.c loader/output.c loader/describe.c \
		loader/compare.c
$(BUILD)/tests/fuzz/assign: POLICY_LIBS += -ljson-c -lpci

$(BUILD)/tests/fuzz/state: loader/state.c loader/output.c
$(BUILD)/tests/fuzz/state: POLICY_LIBS += -ljson-c

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(POLICY_SOURCES) $(HEADERS) $(TEST_HEADERS) $(POLICY_HEADERS)
	@mkdir -p $(@D)
	$(CLANG) $(ALL_CFLAGS) $(FUZZ_CFLAGS) -Itests -o $@ $(filter %.c,$^) $(POLICY_LIBS)

# Shares nothing with what it judges
$(BUILD)/tests/bin/vfio_random: tests/vfio_random.c tests/oracle.c tests/oracle.h $(VFIO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itools -o $@ $(filter %.c,$^)

$(BUILD)/tests/bin/vfio_bench: tests/vfio_bench.c tests/engine_bench.c $(VFIO_SOURCES) $(HEADERS) \
		$(TEST_HEADERS) $(GEN)/cxl-device.policy.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itools -pthread -o $@ $(filter %.c,$^) -lbpf

$(BUILD)/tests/bin/vfio_race: tests/vfio_race.c $(VFIO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itools -pthread -o $@ $(filter %.c,$^)

$(BUILD)/tests/bin/vfio_stress: tests/vfio_stress.c $(VFIO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itools -pthread -o $@ $(filter %.c,$^)

$(BUILD)/tests/bin/struct_ops_load $(BUILD)/tests/bin/policy_stress: $(BUILD)/tests/bin/%: tests/%.c \
		tests/struct_ops.c $(HEADERS) $(TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) -lbpf

$(BUILD)/tests/bin/fail_nth: tests/fail_nth.c tests/struct_ops.c $(VFIO_SOURCES) $(HEADERS) \
		$(TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itools -o $@ $(filter %.c,$^) -lbpf

$(BUILD)/tests/other-build/bpf/cxl_policy.bpf.o: $(BUILD)/bpf/cxl_policy.bpf.o
	@mkdir -p $(@D) $(BUILD)/tests/other-build/include
	llvm-strip -g -o $@ $<
	ln -sf ../../../bpf/cxl_trace.bpf.o $(@D)

# All headers, as they look for each other beside themselves
$(BUILD)/tests/other-abi/include/cxl_policy_abi.h: include/cxl_policy_abi.h $(HEADERS)
	@mkdir -p $(@D)
	cp include/*.h $(@D)
	sed 's/^\(#define CXL_POLICY_ABI_VERSION\) .*/\1 99/' $< >$@

$(BUILD)/tests/other-abi/bpf/cxl_policy.bpf.o: bpf/cxl_policy.bpf.c $(HEADERS) \
		$(BUILD)/tests/other-abi/include/cxl_policy_abi.h $(GEN)/cxl-device.policy.h
	@mkdir -p $(@D)
	sed 's/\(abi_version =\) 1,/\1 99,/' $(GEN)/cxl-device.policy.h \
		>$(BUILD)/tests/other-abi/include/cxl-device.policy.h
	$(CLANG) -I$(BUILD)/tests/other-abi/include $(BPF_CFLAGS) -c $< -o $@
	ln -sf ../../../bpf/cxl_trace.bpf.o $(@D)

# Their objects are looked for from their folder of headers on
$(OTHER_LOADERS): $(BUILD)/tests/bin/cxl-policy-%: $(BUILD)/tests/%/bpf/cxl_policy.bpf.o \
		$(BUILD)/bpf/cxl_trace.bpf.o $(LOADER_SOURCES) $(HEADERS) $(POLICIES) \
		$(GEN)/version.h
	@mkdir -p $(@D)
	$(CC) -I$(BUILD)/tests/$*/include $(ALL_CFLAGS) -O0 -o $@ \
		$(LOADER_SOURCES) $(LOADER_LIBS)

# It brings the policies that the loader carries
$(BUILD)/tests/bin/verifier_cost: tests/verifier_cost.c tests/struct_ops.c $(POLICY_SOURCES) \
		loader/embedded.c $(POLICIES) $(HEADERS) $(TEST_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c,$^) -lbpf $(POLICY_LIBS)

# A guest has no libraries
$(BUILD)/tests/guest/%: tests/vmm/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -static -s -o $@ $<

$(BUILD)/tests/bin/%: tests/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< -lbpf

$(BUILD)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c $(HEADERS) $(TEST_HEADERS) $(GEN)/cxl-device.policy.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@
