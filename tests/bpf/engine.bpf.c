// SPDX-License-Identifier: GPL-2.0-only
/*
 * The verdict by itself, for the benchmark: BPF_PROG_TEST_RUN takes no programs of
 * struct_ops, but it takes this one.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../engine_bench.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct cxl_policy cxl_policy_table = {
#include "cxl-device.policy.h"
};

struct engine_bench engine_bench;

static int turn(__u32 i, void *ctx)
{
	const struct cxl_policy *policy = (const struct cxl_policy *)&cxl_policy_table;

	(void)ctx;
	barrier_var(policy);
	engine_bench_turn(policy, &engine_bench, i);
	return 0;
}

SEC("syscall")
int engine_run(void *ctx)
{
	(void)ctx;
	return bpf_loop(engine_bench.turns, turn, NULL, 0);
}
