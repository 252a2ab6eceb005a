/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What BPF program, loader and tests share: policy, shadow, events.
 *
 * Fixed widths, no pointers, little endian as the host. A change of a layout
 * below needs a new CXL_POLICY_ABI_VERSION.
 */
#ifndef CXL_POLICY_ABI_H
#define CXL_POLICY_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define CXL_POLICY_ABI_VERSION 1

#define CXL_POLICY_NAME_LEN   32
#define CXL_POLICY_MAX_DVSECS 16
#define CXL_POLICY_MAX_RULES  128
#define CXL_POLICY_MAX_CONDS  6
/* Devices that can be open at once; further ones are read-only, state "error" */
#define CXL_SHADOW_MAX_DEVICES 256
#define CXL_SHADOW_DWORDS      1024

/* Dwords of a saved shadow that hold bits of the user's */
#define CXL_RESTORE_MAX_DWORDS 256

#define CXL_SHADOW_MAP_NAME  "cxl_shadow"
#define CXL_EVENTS_MAP_NAME  "cxl_events"
#define CXL_RESTORE_MAP_NAME "cxl_restore"

/**
 * struct cxl_cond - bits that exist only where a capability is seen
 * @bits: bits of the rule's dword
 * @cap_mask: bits of the capability's dword, all of which the user must see set
 * @cap_rule: index of the capability's dword in the DVSEC
 * @reserved: 1: absent bits are reserved, 0: they are read-only 0
 */
struct cxl_cond {
	__u32 bits;
	__u32 cap_mask;
	__u16 cap_rule;
	__u16 reserved;
};

/**
 * struct cxl_rule - what each bit of one dword of a DVSEC does
 * @hw: reads take the bit from the hardware
 * @shadow: reads take the bit from the shadow; what is in neither reads @value
 * @value: constant bits, and the value of @shadow bits at open
 * @write: a write replaces the bit in the shadow
 * @lock: those of @write that CONFIG_LOCK freezes
 * @once: writing 1 sets the bit in the shadow until a conventional reset (RWO)
 * @ack: RW1C bits of the hardware whose clear is acknowledged in the shadow
 *	alone, until the hardware has cleared them; by writing 1, if in @write
 * @sticky: bits that a CXL Reset keeps
 * @fwd: a write of the bit goes to the hardware
 * @fwd1: a write of 1 goes to the hardware (RW1C)
 * @zero: bits to write as 0 whenever a write touches their byte in hardware, as
 *	writing 1 to them does something
 * @undo: those of @fwd to put back when the device is closed
 * @reserved: reserved bits; writes to them are dropped in silence
 * @w1: bits for which writing 0 means nothing (of status registers, initiate bits);
 *	written as 0 like @zero
 * @wbi: Initiate_Cache_WBI: forwarded if @wbi_gate is set after the write
 * @wbi_gate: Disable_Caching
 * @reset: Initiate_CXL_Reset
 * @reset_complete: CXL_Reset_Complete
 * @reset_error: CXL_Reset_Error
 * @nr_conds: number of @conds in use
 * @conds: conditions on the bits
 *
 * Bits of @once, @wbi_gate, and of @write but for @ack, are in @shadow too; those
 * of @ack are in @hw.
 */
struct cxl_rule {
	__u32 hw;
	__u32 shadow;
	__u32 value;
	__u32 write;
	__u32 lock;
	__u32 once;
	__u32 ack;
	__u32 sticky;
	__u32 fwd;
	__u32 fwd1;
	__u32 zero;
	__u32 undo;
	__u32 reserved;
	__u32 w1;
	__u32 wbi;
	__u32 wbi_gate;
	__u32 reset;
	__u32 reset_complete;
	__u32 reset_error;
	__u32 nr_conds;
	struct cxl_cond conds[CXL_POLICY_MAX_CONDS];
};

/**
 * enum cxl_reset_action - what an Initiate_CXL_Reset that the user can see does
 * @CXL_RESET_REJECT: CXL_Reset_Error is set
 * @CXL_RESET_EMULATE: the shadow takes the effect, CXL_Reset_Complete is set
 */
enum cxl_reset_action {
	CXL_RESET_REJECT = 0,
	CXL_RESET_EMULATE = 1,
};

/**
 * struct cxl_policy_dvsec - rules for one kind of DVSEC
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @first_rule: index in &cxl_policy.rules of the rule for the dword at offset 0
 * @nr_rules: number of rules, one a dword
 * @lock_rule: index in the DVSEC of the dword that holds CONFIG_LOCK
 * @reset_action: an &enum cxl_reset_action
 * @lock_mask: CONFIG_LOCK in that dword; 0: nothing locks
 */
struct cxl_policy_dvsec {
	__u16 vendor;
	__u16 id;
	__u16 first_rule;
	__u16 nr_rules;
	__u16 lock_rule;
	__u16 reset_action;
	__u32 lock_mask;
};

/* &cxl_policy.flags */
#define CXL_POLICY_RAW	  (1U << 0) /* what no rule covers goes to the hardware */
#define CXL_POLICY_RECORD (1U << 1) /* an event for every write */

/**
 * struct cxl_policy - a policy, compiled; in the BPF object's .rodata
 * @abi_version: CXL_POLICY_ABI_VERSION; comes first in each version, by which others know
 *	that they can't read the rest
 * @flags: CXL_POLICY_RAW, CXL_POLICY_RECORD
 * @nr_dvsecs: number of @dvsecs in use
 * @nr_rules: number of @rules in use
 * @name: as it is shown
 * @dvsecs: kinds of DVSECs that have rules; others are read-only, but for
 *	CXL_POLICY_RAW
 * @rules: by dword, see &cxl_policy_dvsec.first_rule
 */
struct cxl_policy {
	__u32 abi_version;
	__u32 flags;
	__u32 nr_dvsecs;
	__u32 nr_rules;
	char name[CXL_POLICY_NAME_LEN];
	struct cxl_policy_dvsec dvsecs[CXL_POLICY_MAX_DVSECS];
	struct cxl_rule rules[CXL_POLICY_MAX_RULES];
};

/**
 * struct cxl_shadow_dword - state of one dword of configuration space
 * @value: the user's bits; of RW1C bits of the hardware 1 if acknowledged
 * @valid: those of @value that some policy has given a value since the open;
 *	never an acknowledged one
 * @hw: what the hardware held at open, or when the policy was swapped, or after
 *	the last reset
 */
struct cxl_shadow_dword {
	__u32 value;
	__u32 valid;
	__u32 hw;
};

/**
 * enum cxl_accesses - has the user made an access since the open?
 * @CXL_ACCESSES_NONE: no
 * @CXL_ACCESSES_DONE: yes
 * @CXL_ACCESSES_FIRST: the first one is being decided; a struct cxl_restore that is
 *	there before is seen, one that comes now may be
 */
enum cxl_accesses {
	CXL_ACCESSES_NONE = 0,
	CXL_ACCESSES_DONE = 1,
	CXL_ACCESSES_FIRST = 2,
};

/**
 * struct cxl_shadow - state of one open device; value of the map "cxl_shadow"
 * @open_id: of the opening that the state is of; 0: none
 * @abi_version: CXL_POLICY_ABI_VERSION
 * @segment: PCI segment (domain) of the device
 * @bus: PCI bus number
 * @devfn: PCI device and function number
 * @accesses: an &enum cxl_accesses
 * @event_tokens: events that may yet be sent before the rate limit
 * @event_time: when @event_tokens was filled up last, in ns since boot
 * @events: sent
 * @events_lost: not sent, by rate limit or for want of room
 * @dwords: by position in configuration space
 *
 * Calls for one device are serialised by the kernel; the loader only reads.
 */
struct cxl_shadow {
	__u64 open_id;
	__u32 abi_version;
	__u32 segment;
	__u8 bus;
	__u8 devfn;
	__u16 accesses;
	__u32 event_tokens;
	__u64 event_time;
	__u64 events;
	__u64 events_lost;
	struct cxl_shadow_dword dwords[CXL_SHADOW_DWORDS];
};

/**
 * struct cxl_restore_key - key of the map "cxl_restore"
 * @segment: PCI segment (domain) of the device
 * @bus: PCI bus number
 * @devfn: PCI device and function number
 * @reserved: 0
 */
struct cxl_restore_key {
	__u32 segment;
	__u8 bus;
	__u8 devfn;
	__u16 reserved;
};

/**
 * struct cxl_restore_dword - a dword of a saved shadow
 * @value: the user's bits
 * @valid: those of @value that were saved
 * @header1: DVSEC Header 1 of the DVSEC: vendor, revision, length
 * @id: DVSEC ID
 * @start: position of the DVSEC in configuration space, a multiple of 4
 * @offset: of the dword in the DVSEC, a multiple of 4
 * @reserved: 0
 */
struct cxl_restore_dword {
	__u32 value;
	__u32 valid;
	__u32 header1;
	__u16 id;
	__u16 start;
	__u16 offset;
	__u16 reserved;
};

/**
 * enum cxl_restore_state - what became of a saved shadow
 * @CXL_RESTORE_PENDING: to be applied at the first access of an opening
 * @CXL_RESTORE_APPLIED: applied to the opening &cxl_restore.applied_id
 * @CXL_RESTORE_LAYOUT: refused at that opening, as the device has other DVSECs now
 * @CXL_RESTORE_VERSION: refused at that opening, as the program is of another version
 */
enum cxl_restore_state {
	CXL_RESTORE_PENDING = 1,
	CXL_RESTORE_APPLIED = 2,
	CXL_RESTORE_LAYOUT = 3,
	CXL_RESTORE_VERSION = 4,
};

/**
 * struct cxl_restore - a saved shadow for a device; value of the map "cxl_restore"
 * @open_id: of the opening that it is for; 0: the next one, which puts its own here
 * @applied_id: of the opening that @state tells of
 * @abi_version: CXL_POLICY_ABI_VERSION
 * @state: an &enum cxl_restore_state
 * @nr_dwords: number of @dwords in use
 * @reserved: 0
 * @dwords: the dwords, in any order
 *
 * The loader puts it there and takes it away; the program applies it at the first
 * access of an opening, before it decides on that one.
 */
struct cxl_restore {
	__u64 open_id;
	__u64 applied_id;
	__u32 abi_version;
	__u32 state;
	__u32 nr_dwords;
	__u32 reserved;
	struct cxl_restore_dword dwords[CXL_RESTORE_MAX_DWORDS];
};

/* &cxl_event.flags */
#define CXL_EVENT_REFUSED	  (1U << 0) /* read-only bits that the user wanted to change */
#define CXL_EVENT_LOCKED	  (1U << 1) /* bits that CONFIG_LOCK froze */
#define CXL_EVENT_WBI_DROPPED	  (1U << 2) /* Initiate_Cache_WBI without Disable_Caching */
#define CXL_EVENT_RESET_DROPPED	  (1U << 3) /* Initiate_CXL_Reset without the capability */
#define CXL_EVENT_RESET_REJECTED  (1U << 4)
#define CXL_EVENT_RESET_EMULATED  (1U << 5)
#define CXL_EVENT_FORWARDED	  (1U << 6) /* bits went to the hardware */
#define CXL_EVENT_WRITE		  (1U << 7) /* recorded */
#define CXL_EVENT_OPENED	  (1U << 8)
#define CXL_EVENT_CLOSED	  (1U << 9)
#define CXL_EVENT_HOST_STATE_LOST (1U << 10) /* a conventional reset wiped the device's */
#define CXL_EVENT_ERROR		  (1U << 11) /* the program could not decide */
#define CXL_EVENT_DENIED                                                                           \
	(CXL_EVENT_REFUSED | CXL_EVENT_LOCKED | CXL_EVENT_WBI_DROPPED | CXL_EVENT_RESET_DROPPED |  \
	 CXL_EVENT_RESET_REJECTED)

/**
 * struct cxl_event - record of the ring buffer "cxl_events"
 * @time: ns since boot, suspend included
 * @lost: events of this device that were not sent before this one, in all
 * @segment: PCI segment (domain) of the device
 * @bus: PCI bus number
 * @devfn: PCI device and function number
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @start: position of the DVSEC in configuration space
 * @offset: of the access in the DVSEC
 * @size: of the access in bytes
 * @reserved: 0
 * @flags: CXL_EVENT_*
 * @value: what the user wrote
 * @refused: bits of the access that were refused
 * @forwarded: bits of the access that went to the hardware
 * @policy: name of the policy
 */
struct cxl_event {
	__u64 time;
	__u64 lost;
	__u32 segment;
	__u8 bus;
	__u8 devfn;
	__u16 vendor;
	__u16 id;
	__u16 start;
	__u16 offset;
	__u8 size;
	__u8 reserved;
	__u32 flags;
	__u32 value;
	__u32 refused;
	__u32 forwarded;
	char policy[CXL_POLICY_NAME_LEN];
};

/**
 * enum cxl_call_op - what a &struct cxl_call tells of
 * @CXL_CALL_OPENED: opened() for a dword
 * @CXL_CALL_CLOSED: closed() for a DVSEC
 * @CXL_CALL_RESET: reset() for a dword
 * @CXL_CALL_READ: read()
 * @CXL_CALL_WRITE: write()
 * @CXL_CALL_HARDWARE: no call; what the kernel read of the hardware by the answer to
 *	the call before: @start is the position in configuration space, @size and
 *	@value are the access, @time and @lost are as ever, the rest is 0
 */
enum cxl_call_op {
	CXL_CALL_OPENED = 1,
	CXL_CALL_CLOSED = 2,
	CXL_CALL_RESET = 3,
	CXL_CALL_READ = 4,
	CXL_CALL_WRITE = 5,
	CXL_CALL_HARDWARE = 6,
};

/**
 * struct cxl_call - a call to the policy in force; record of the ring buffer of one
 *	who looks on
 * @time: ns since boot, suspend included
 * @open_id: of the opening
 * @lost: records that found no room before this one, in all
 * @op: an &enum cxl_call_op
 * @ret: what the policy returned
 * @kind: with %CXL_CALL_RESET: mask of &enum vfio_pci_dvsec_reset
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @start: position of the DVSEC in configuration space
 * @length: DVSEC Length, as the device tells it
 * @covered: bytes from @start that are handled as this DVSEC
 * @offset: of the access in the DVSEC
 * @revision: DVSEC Revision
 * @size: of the access in bytes
 * @again: the policy was called again, with @hw
 * @reserved: 0
 * @value: of a write; in opened() and reset() what the hardware holds
 * @hw: what the hardware holds, if @again
 * @result: this and what follows is the policy's answer, see the struct
 *	vfio_pci_dvsec_access of the kernel
 * @hw_mask: see there
 * @hw_value: see there
 * @hw_write: see there
 * @hw_keep: see there
 * @hw_undo: see there
 *
 * A record of the size of &struct cxl_shadow is the shadow after the call before.
 */
struct cxl_call {
	__u64 time;
	__u64 open_id;
	__u64 lost;
	__u32 op;
	__s32 ret;
	__u32 kind;
	__u16 vendor;
	__u16 id;
	__u16 start;
	__u16 length;
	__u16 covered;
	__u16 offset;
	__u8 revision;
	__u8 size;
	__u8 again;
	__u8 reserved;
	__u32 value;
	__u32 hw;
	__u32 result;
	__u32 hw_mask;
	__u32 hw_value;
	__u32 hw_write;
	__u32 hw_keep;
	__u32 hw_undo;
};

#define CXL_TRACE_RING_SIZE (4 * 1024 * 1024)

/**
 * struct cxl_trace_device - whose calls are wanted
 * @segment: PCI segment (domain)
 * @bus: PCI bus number
 * @devfn: PCI device and function number
 */
struct cxl_trace_device {
	__u32 segment;
	__u32 bus;
	__u32 devfn;
};

/**
 * struct cxl_trace_state - shared by the process that looks on and its programs
 * @calls: made, those lost included
 * @lost: records that found no room
 * @awaited: task that reads the hardware next, 0: none
 * @pos: where it does so
 * @seed: set by the process: the shadow is wanted; cleared once it was recorded
 */
struct cxl_trace_state {
	__u64 calls;
	__u64 lost;
	__u64 awaited;
	__u32 pos;
	__u32 seed;
};

#define CXL_ABI_ASSERT(cond) _Static_assert(cond, #cond)
CXL_ABI_ASSERT(sizeof(struct cxl_cond) == 12);
CXL_ABI_ASSERT(sizeof(struct cxl_rule) == 80 + 12 * CXL_POLICY_MAX_CONDS);
CXL_ABI_ASSERT(sizeof(struct cxl_policy_dvsec) == 16);
CXL_ABI_ASSERT(sizeof(struct cxl_policy) ==
	       48 + 16 * CXL_POLICY_MAX_DVSECS + sizeof(struct cxl_rule) * CXL_POLICY_MAX_RULES);
CXL_ABI_ASSERT(sizeof(struct cxl_shadow_dword) == 12);
CXL_ABI_ASSERT(sizeof(struct cxl_shadow) == 48 + 12 * CXL_SHADOW_DWORDS);
CXL_ABI_ASSERT(sizeof(struct cxl_restore_key) == 8);
CXL_ABI_ASSERT(sizeof(struct cxl_restore_dword) == 20);
CXL_ABI_ASSERT(sizeof(struct cxl_restore) == 32 + 20 * CXL_RESTORE_MAX_DWORDS);
CXL_ABI_ASSERT(sizeof(struct cxl_event) == 80);
CXL_ABI_ASSERT(sizeof(struct cxl_call) == 88);
CXL_ABI_ASSERT(sizeof(struct cxl_trace_device) == 12);
CXL_ABI_ASSERT(sizeof(struct cxl_trace_state) == 32);

#endif /* CXL_POLICY_ABI_H */
