// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the verdict alone costs, without vfio and the hook: as a BPF program in the
 * kernel's test run, and as C that the compiler optimised (-O2). Both begin with the same
 * shadow and must come to the same result.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cxl_dvsec_regs.h"
#include "engine_bench.h"
#include "vfio_bench.h"

static const struct cxl_policy policy_table = {
#include "cxl-device.policy.h"
};

struct engine_program {
	int fd;
	int bss_fd;
};

static void run_c(struct engine_bench *bench)
{
	const struct cxl_policy *policy = &policy_table;
	uint32_t i;

	/* As for BPF, the policy is not known when this is compiled */
	__asm__("" : "+r"(policy));
	for (i = 0; i < bench->turns; i++)
		engine_bench_turn(policy, bench, i);
}

static void run_bpf(const struct engine_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(program->fd, &opts))
		bench_die("the verdict can't be run: %s", strerror(errno));
}

static void set_bss(const struct engine_program *program, const struct engine_bench *bench)
{
	__u32 key = 0;

	if (bpf_map_update_elem(program->bss_fd, &key, bench, BPF_ANY))
		bench_die("the program's data can't be set: %s", strerror(errno));
}

/* Of @turns turns, the median of many runs */
static uint64_t measure_run(const struct engine_program *program, const struct engine_bench *start,
			    uint32_t turns)
{
	struct engine_bench bench = *start;
	uint64_t took[BATCHES], begin;
	uint32_t i;

	bench.turns = turns;
	if (program)
		set_bss(program, &bench);
	for (i = 0; i < BATCHES; i++) {
		begin = bench_now();
		if (program)
			run_bpf(program);
		else
			run_c(&bench);
		took[i] = bench_now() - begin;
	}
	return bench_median(took);
}

static void compare_runs(const struct engine_program *program, const char *name,
			 const struct engine_bench *start)
{
	struct engine_bench by_c = *start, by_bpf;
	__u32 key = 0;

	by_c.turns = BATCH;
	set_bss(program, &by_c);
	run_bpf(program);
	run_c(&by_c);
	if (bpf_map_lookup_elem(program->bss_fd, &key, &by_bpf))
		bench_die("the program's data can't be read: %s", strerror(errno));
	if (memcmp(&by_c, &by_bpf, sizeof(by_c)))
		bench_die("%s: BPF and C differ (%#x and %#x)", name, by_bpf.sum, by_c.sum);
}

static int decide(struct engine_bench *bench, const struct cxl_access *access, int write,
		  struct cxl_outcome *out)
{
	memset(out, 0, sizeof(*out));
	return write ? cxl_engine_write(&policy_table, bench->dvsec, &bench->shadow, access, out)
		     : cxl_engine_read(&policy_table, bench->dvsec, &bench->shadow, access, out);
}

/* As the kernel asks: a second time with what the hardware has, if that is needed */
static struct cxl_access access_of(struct engine_bench *bench, const struct access *a,
				   const uint32_t *hw, unsigned int length, unsigned int start)
{
	struct cxl_access access = {
		.start = start,
		.length = length,
		.offset = a->offset,
		.size = a->width,
		.value = a->value,
	};
	struct cxl_outcome out;

	if (decide(bench, &access, a->write, &out) == VFIO_PCI_DVSEC_NEED_HW) {
		access.again = 1;
		access.hw = hw[a->offset / 4] >> a->offset % 4 * 8 & out.hw_mask;
		decide(bench, &access, a->write, &out);
	}
	return access;
}

static void measure_case(const char *kernel, const struct engine_program *program,
			 const struct bench_case *c, const uint32_t *hw, unsigned int length,
			 unsigned int start)
{
	struct engine_bench bench = {
		.dvsec = cxl_engine_find(&policy_table, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE),
		.write = c->access[0].write,
	};
	char name[32];
	uint32_t i;

	for (i = 0; i < length; i += 4)
		cxl_engine_open(&policy_table, bench.dvsec, &bench.shadow, start, i, hw[i / 4]);
	for (i = 0; i < 2 && c->setup[i].width; i++)
		access_of(&bench, &c->setup[i], hw, length, start);
	for (i = 0; i < 2; i++)
		bench.access[i] = access_of(&bench, &c->access[c->access[i].width ? i : 0], hw,
					    length, start);

	compare_runs(program, c->name, &bench);
	snprintf(name, sizeof(name), "engine_%s", c->name);
	bench_row(kernel, name, "bpf", "instructions", 1,
		  (double)(measure_run(program, &bench, BATCH) - measure_run(program, &bench, 0)) /
			  BATCH);
	bench_row(kernel, name, "c", "instructions", 1,
		  (double)(measure_run(NULL, &bench, BATCH) - measure_run(NULL, &bench, 0)) /
			  BATCH);
}

int bench_engine(const char *kernel, const char *object, const struct bench_case *cases,
		 unsigned int nr_cases, const uint32_t *hw, unsigned int length, unsigned int start)
{
	struct engine_program program;
	struct bpf_object *obj = bpf_object__open_file(object, NULL);
	struct bpf_map *bss;
	unsigned int i;

	if (!obj || bpf_object__load(obj))
		bench_die("%s can't be loaded: %s", object, strerror(errno));
	program.fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "engine_run"));
	bss = bpf_object__find_map_by_name(obj, ".bss");
	if (program.fd < 0 || !bss || bpf_map__value_size(bss) != sizeof(struct engine_bench))
		bench_die("%s isn't of the same source as this program", object);
	program.bss_fd = bpf_map__fd(bss);
	for (i = 0; i < nr_cases; i++)
		if (!cases[i].exp)
			measure_case(kernel, &program, &cases[i], hw, length, start);
	bpf_object__close(obj);
	return 0;
}
