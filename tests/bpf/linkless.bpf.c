// SPDX-License-Identifier: GPL-2.0-only
/* Registers by itself, without a link, and refuses what it is asked. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/opened")
int BPF_PROG(linkless_opened, struct vfio_pci_dvsec_access *acc)
{
	return 0;
}

SEC("struct_ops/reset")
int BPF_PROG(linkless_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	return 0;
}

SEC("struct_ops/read")
int BPF_PROG(linkless_read, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DONE;
}

SEC("struct_ops/write")
int BPF_PROG(linkless_write, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DENIED;
}

SEC(".struct_ops")
struct vfio_pci_dvsec_ops linkless = {
	.opened = (void *)linkless_opened,
	.reset = (void *)linkless_reset,
	.read = (void *)linkless_read,
	.write = (void *)linkless_write,
	.name = "linkless",
};
