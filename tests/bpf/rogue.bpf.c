// SPDX-License-Identifier: GPL-2.0-only
/*
 * A policy that does whatever the variables say, to see what the kernel lets
 * through. All zero, it accepts every device and decides nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __s32 opened_result;
const volatile __s32 reset_result;
const volatile __s32 read_verdict;
const volatile __s32 write_verdict;
const volatile __u32 plan_result;
const volatile __u32 plan_hw_mask;
const volatile __u32 plan_hw_value;
const volatile __u32 plan_hw_write;
const volatile __u32 plan_hw_keep;
const volatile __u32 plan_hw_undo;

static void plan(struct vfio_pci_dvsec_access *acc)
{
	acc->result = plan_result;
	acc->hw_mask = plan_hw_mask;
	acc->hw_value = plan_hw_value;
	acc->hw_write = plan_hw_write;
	acc->hw_keep = plan_hw_keep;
	acc->hw_undo = plan_hw_undo;
}

SEC("struct_ops/opened")
int BPF_PROG(rogue_opened, struct vfio_pci_dvsec_access *acc)
{
	return opened_result;
}

SEC("struct_ops/reset")
int BPF_PROG(rogue_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	return reset_result;
}

SEC("struct_ops/read")
int BPF_PROG(rogue_read, struct vfio_pci_dvsec_access *acc)
{
	plan(acc);
	return read_verdict;
}

SEC("struct_ops/write")
int BPF_PROG(rogue_write, struct vfio_pci_dvsec_access *acc)
{
	plan(acc);
	return write_verdict;
}

SEC(".struct_ops.link")
struct vfio_pci_dvsec_ops rogue = {
	.opened = (void *)rogue_opened,
	.reset = (void *)rogue_reset,
	.read = (void *)rogue_read,
	.write = (void *)rogue_write,
	.name = "rogue",
};
