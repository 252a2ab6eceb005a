// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the benchmark alone: the policy as C in the kernel. It is the source of the BPF
 * program, compiled by the kernel's compiler, at the end of vfio_pci_dvsec.c, and is
 * called by the hook as the program is, through its ops.
 */
#include <linux/timekeeping.h>

#include "cxl_policy_abi.h"

#define BENCH_MAX_DEVICES 32

static struct cxl_shadow bench_shadows[BENCH_MAX_DEVICES];
static struct cxl_event bench_event;

#include "cxl_policy.bpf.c"

/* At load, when there is no device yet */
static int bench_set(const char *val, const struct kernel_param *kp)
{
	return dvsec_reg(&cxl_policy, NULL);
}

static const struct kernel_param_ops bench_param = { .set = bench_set };
module_param_cb(bench, &bench_param, NULL, 0);
__MODULE_PARM_TYPE(bench, "int");
