// SPDX-License-Identifier: GPL-2.0-only
/* Lacks the member read, which is not optional. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/opened")
int BPF_PROG(missing_opened, struct vfio_pci_dvsec_access *acc)
{
	return 0;
}

SEC("struct_ops/reset")
int BPF_PROG(missing_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	return 0;
}

SEC("struct_ops/write")
int BPF_PROG(missing_write, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DONE;
}

SEC(".struct_ops.link")
struct vfio_pci_dvsec_ops missing = {
	.opened = (void *)missing_opened,
	.reset = (void *)missing_reset,
	.write = (void *)missing_write,
	.name = "missing",
};
