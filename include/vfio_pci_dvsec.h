/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The struct_ops type of vfio-pci-core, as the kernel patches in kernel/ define
 * and document it. Members are found by name in the kernel's BTF, so a kernel
 * with more of them works too.
 */
#ifndef VFIO_PCI_DVSEC_H
#define VFIO_PCI_DVSEC_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define VFIO_PCI_DVSEC_NAME_LEN	  32
#define VFIO_PCI_DVSEC_MAX_CLAIMS 16

enum vfio_pci_dvsec_match {
	VFIO_PCI_DVSEC_MATCH_ANY = 0,
	VFIO_PCI_DVSEC_MATCH_ADDRESS = 1,
};

enum vfio_pci_dvsec_verdict {
	VFIO_PCI_DVSEC_INVALID = 0,
	VFIO_PCI_DVSEC_DONE = 1,
	VFIO_PCI_DVSEC_DENIED = 2,
	VFIO_PCI_DVSEC_NEED_HW = 3,
};

enum vfio_pci_dvsec_reset {
	VFIO_PCI_DVSEC_RESET_FUNCTION = 1 << 0,
	VFIO_PCI_DVSEC_RESET_CONVENTIONAL = 1 << 1,
};

struct vfio_pci_dvsec_id {
	__u16 vendor;
	__u16 id;
};

#ifdef __bpf__
#define VFIO_PCI_DVSEC_CORE __attribute__((preserve_access_index))
#else
#define VFIO_PCI_DVSEC_CORE
#endif

struct vfio_pci_dvsec_access {
	__u64 open_id;
	__u64 cookie;
	__u32 segment;
	__u8 bus;
	__u8 devfn;
	__u16 index;
	__u16 vendor;
	__u16 id;
	__u16 start;
	__u16 length;
	__u16 covered;
	__u16 offset;
	__u8 revision;
	__u8 size;
	__u8 again;
	__u32 value;
	__u32 hw;
	__u32 result;
	__u32 hw_mask;
	__u32 hw_value;
	__u32 hw_write;
	__u32 hw_keep;
	__u32 hw_undo;
} VFIO_PCI_DVSEC_CORE;

struct vfio_pci_dvsec_ops {
	int (*opened)(struct vfio_pci_dvsec_access *access);
	void (*closed)(struct vfio_pci_dvsec_access *access);
	int (*reset)(struct vfio_pci_dvsec_access *access, __u32 kind);
	int (*read)(struct vfio_pci_dvsec_access *access);
	int (*write)(struct vfio_pci_dvsec_access *access);
	__u32 match;
	__u32 segment;
	__u32 bus;
	__u32 devfn;
	__u32 nr_claims;
	struct vfio_pci_dvsec_id claims[VFIO_PCI_DVSEC_MAX_CLAIMS];
	char name[VFIO_PCI_DVSEC_NAME_LEN];
};

#endif /* VFIO_PCI_DVSEC_H */
