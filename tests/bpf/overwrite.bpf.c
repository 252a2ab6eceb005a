// SPDX-License-Identifier: GPL-2.0-only
/* Writes to a field of the access that the kernel goes by. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

SEC("struct_ops/opened")
int BPF_PROG(overwrite_opened, struct vfio_pci_dvsec_access *acc)
{
	return 0;
}

SEC("struct_ops/reset")
int BPF_PROG(overwrite_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	return 0;
}

SEC("struct_ops/read")
int BPF_PROG(overwrite_read, struct vfio_pci_dvsec_access *acc)
{
	return VFIO_PCI_DVSEC_DONE;
}

SEC("struct_ops/write")
int BPF_PROG(overwrite_write, struct vfio_pci_dvsec_access *acc)
{
	acc->offset = 0;
	return VFIO_PCI_DVSEC_DONE;
}

SEC(".struct_ops.link")
struct vfio_pci_dvsec_ops overwrite = {
	.opened = (void *)overwrite_opened,
	.reset = (void *)overwrite_reset,
	.read = (void *)overwrite_read,
	.write = (void *)overwrite_write,
	.name = "overwrite",
};
