/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verdict alone costs: the same turns as a BPF program, and as C of user space. */
#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include "cxl_policy_engine.h"

/**
 * struct engine_bench - all that the BPF program has in .bss
 * @shadow: of the device
 * @access: what takes turns
 * @dvsec: as of cxl_engine_find()
 * @write: rather than read
 * @turns: of one run
 * @sum: of all that came out
 */
struct engine_bench {
	struct cxl_shadow shadow;
	struct cxl_access access[2];
	__u32 dvsec;
	__u32 write;
	__u32 turns;
	__u32 sum;
};

static __always_inline void engine_bench_turn(const struct cxl_policy *policy,
					      struct engine_bench *bench, __u32 turn)
{
	const struct cxl_access *access = &bench->access[turn % 2];
	struct cxl_outcome out = {};
	int verdict;

	if (bench->write)
		verdict = cxl_engine_write(policy, bench->dvsec, &bench->shadow, access, &out);
	else
		verdict = cxl_engine_read(policy, bench->dvsec, &bench->shadow, access, &out);
	bench->sum = bench->sum * 31 + verdict + out.result + out.hw_mask + out.hw_value +
		     out.hw_write + out.refused;
}

#endif
