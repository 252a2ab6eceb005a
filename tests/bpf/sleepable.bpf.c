// SPDX-License-Identifier: GPL-2.0-only
/* Its write may sleep, which the lock that it is called under forbids. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/opened")
int BPF_PROG(sleepable_opened, struct vfio_pci_dvsec_access *acc)
{
	return 0;
}

SEC("struct_ops/reset")
int BPF_PROG(sleepable_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	return 0;
}

SEC("struct_ops/read")
int BPF_PROG(sleepable_read, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DONE;
}

SEC("struct_ops.s/write")
int BPF_PROG(sleepable_write, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DONE;
}

SEC(".struct_ops.link")
struct vfio_pci_dvsec_ops sleepable = {
	.opened = (void *)sleepable_opened,
	.reset = (void *)sleepable_reset,
	.read = (void *)sleepable_read,
	.write = (void *)sleepable_write,
	.name = "sleepable",
};
