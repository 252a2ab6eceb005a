// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policy for the DVSECs of CXL devices given to users by vfio-pci.
 *
 * The tables decide, see cxl_policy_engine.h. Registered as it is, by bpftool,
 * the object enforces the policy cxl-device on every device that no other policy
 * names. The loader writes another policy and another target into it before it
 * is loaded, and makes all objects share the three maps.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "cxl_dvsec_regs.h"
#include "cxl_policy_engine.h"

char LICENSE[] SEC("license") = "GPL";

/* Bounds on the events of one device */
#define EVENT_BURST	  64
#define EVENT_INTERVAL_NS (1000000000ULL / 32)

#define EINVAL 22
#define ENOSPC 28

const volatile struct cxl_policy cxl_policy_table = {
#include "cxl-device.policy.h"
};

/* Which build of this program it is: the loader's word, by which it knows its own */
const volatile __u64 cxl_policy_program = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CXL_SHADOW_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct cxl_shadow);
} cxl_shadow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} cxl_events SEC(".maps");

/* Saved shadows, for openings to come */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CXL_SHADOW_MAX_DEVICES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cxl_restore_key);
	__type(value, struct cxl_restore);
} cxl_restore SEC(".maps");

/* The cookie of a DVSEC: index of its rules plus 1, as 0 is what nobody set */
#define COOKIE(dvsec) ((__u64)(dvsec) + 1)

static __always_inline const struct cxl_policy *policy_table(void)
{
	const struct cxl_policy *policy = (const struct cxl_policy *)&cxl_policy_table;

	/* The initial value is not the value that is loaded */
	barrier_var(policy);
	return policy;
}

/* The shadow of the device, or NULL if opened() wasn't called in this opening */
static __always_inline struct cxl_shadow *shadow_of(const struct vfio_pci_dvsec_access *acc)
{
	struct cxl_shadow *shadow;
	__u32 index = acc->index;

	shadow = bpf_map_lookup_elem(&cxl_shadow, &index);
	if (!shadow || shadow->open_id != acc->open_id || !acc->cookie)
		return NULL;
	return shadow;
}

static __always_inline void access_of(const struct vfio_pci_dvsec_access *acc,
				      struct cxl_access *access)
{
	access->start = acc->start;
	access->length = acc->length;
	access->offset = acc->offset;
	access->size = acc->size;
	access->again = acc->again;
	access->value = acc->value;
	access->hw = acc->hw;
}

/* May an event be sent at @now? If not, it is lost. */
static __always_inline int event_fits(struct cxl_shadow *shadow, __u64 now)
{
	__u64 tokens;

	if (now - shadow->event_time >= EVENT_INTERVAL_NS) {
		tokens = shadow->event_tokens + (now - shadow->event_time) / EVENT_INTERVAL_NS;
		shadow->event_time = now;
		shadow->event_tokens = tokens > EVENT_BURST ? EVENT_BURST : tokens;
	}
	if (shadow->event_tokens)
		return 1;
	shadow->events_lost++;
	return 0;
}

static __noinline int send(struct cxl_shadow *shadow, struct vfio_pci_dvsec_access *acc,
			   __u32 flags, __u64 now, __u64 bits)
{
	const struct cxl_policy *policy = policy_table();
	struct cxl_event *event;

	event = bpf_ringbuf_reserve(&cxl_events, sizeof(*event), 0);
	if (!event) {
		shadow->events_lost++;
		return 0;
	}
	shadow->event_tokens--;
	shadow->events++;

	event->time = now;
	event->lost = shadow->events_lost;
	event->segment = acc->segment;
	event->bus = acc->bus;
	event->devfn = acc->devfn;
	event->vendor = acc->vendor;
	event->id = acc->id;
	event->start = acc->start;
	event->offset = acc->offset;
	event->size = acc->size;
	event->reserved = 0;
	event->flags = flags;
	event->value = acc->value;
	event->refused = bits;
	event->forwarded = bits >> 32;
	__builtin_memcpy(event->policy, policy->name, sizeof(event->policy));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline void emit(struct cxl_shadow *shadow, struct vfio_pci_dvsec_access *acc,
				 __u32 flags, __u32 refused, __u32 forwarded)
{
	__u64 now = bpf_ktime_get_boot_ns();

	if (event_fits(shadow, now))
		send(shadow, acc, flags, now, (__u64)forwarded << 32 | refused);
}

static __always_inline int open_dword(struct vfio_pci_dvsec_access *acc, struct cxl_shadow *shadow)
{
	const struct cxl_policy *policy = policy_table();
	__u32 dvsec;

	if (policy->abi_version != CXL_POLICY_ABI_VERSION ||
	    shadow->abi_version != CXL_POLICY_ABI_VERSION)
		return -EINVAL;
	dvsec = cxl_engine_find(policy, acc->vendor, acc->id);
	acc->cookie = COOKIE(dvsec);
	cxl_engine_open(policy, dvsec, shadow, acc->start, acc->offset, acc->value);
	return 0;
}

static __always_inline struct cxl_restore *restore_of(const struct cxl_shadow *shadow)
{
	struct cxl_restore_key key = {};

	key.segment = shadow->segment;
	key.bus = shadow->bus;
	key.devfn = shadow->devfn;
	return bpf_map_lookup_elem(&cxl_restore, &key);
}

SEC("struct_ops/opened")
int BPF_PROG(cxl_opened, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_restore *saved;
	struct cxl_shadow *shadow;
	__u32 index = acc->index, i;

	shadow = bpf_map_lookup_elem(&cxl_shadow, &index);
	if (!shadow)
		return -ENOSPC;
	if (shadow->open_id == acc->open_id)
		return open_dword(acc, shadow);

	for (i = 0; i < CXL_SHADOW_DWORDS; i++) {
		shadow->dwords[i].value = 0;
		shadow->dwords[i].valid = 0;
		shadow->dwords[i].hw = 0;
		/* Or else clang calls memset() */
		barrier();
	}
	/* Their count goes on, but not with that of the device that was here before */
	if (shadow->segment != acc->segment || shadow->bus != acc->bus ||
	    shadow->devfn != acc->devfn) {
		shadow->events = 0;
		shadow->events_lost = 0;
	}
	shadow->open_id = acc->open_id;
	shadow->abi_version = CXL_POLICY_ABI_VERSION;
	shadow->segment = acc->segment;
	shadow->bus = acc->bus;
	shadow->devfn = acc->devfn;
	shadow->accesses = CXL_ACCESSES_NONE;
	/* What is for the next opening is for this one, whether it makes an access or not */
	saved = restore_of(shadow);
	if (saved && saved->state == CXL_RESTORE_PENDING && !saved->open_id)
		saved->open_id = shadow->open_id;
	emit(shadow, acc, CXL_EVENT_OPENED, 0, 0);
	return open_dword(acc, shadow);
}

SEC("struct_ops/closed")
void BPF_PROG(cxl_closed, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_shadow *shadow = shadow_of(acc);

	if (!shadow)
		return;
	emit(shadow, acc, CXL_EVENT_CLOSED, 0, 0);
	shadow->open_id = 0;
}

SEC("struct_ops/reset")
int BPF_PROG(cxl_reset, struct vfio_pci_dvsec_access *acc, __u32 kind)
{
	const struct cxl_policy *policy = policy_table();
	struct cxl_shadow *shadow = shadow_of(acc);
	__u32 dvsec = acc->cookie - 1;

	if (!shadow)
		return -EINVAL;
	cxl_engine_reset(policy, dvsec, shadow, acc->start, acc->offset, acc->value, kind);
	if ((kind & VFIO_PCI_DVSEC_RESET_CONVENTIONAL) && acc->vendor == CXL_DVSEC_VENDOR_ID &&
	    acc->id == CXL_DVSEC_ID_DEVICE && acc->offset == DVSEC_HEADER1_OFFSET)
		emit(shadow, acc, CXL_EVENT_HOST_STATE_LOST, 0, 0);
	return 0;
}

/* What was stored before is seen by others before what is loaded after */
static __always_inline void full_barrier(void)
{
	volatile __u64 any = 0;

	__sync_lock_test_and_set(&any, 1);
}

/* Global, so that it is verified once and not for each dword, or way that leads here */
__noinline int cxl_restore_dword(struct cxl_shadow *shadow, const struct cxl_restore_dword *saved,
				 __u32 stage)
{
	if (!shadow || !saved)
		return 0;
	if (stage == CXL_RESTORE_CHECK)
		return cxl_engine_restore_fits(shadow, saved);
	cxl_engine_restore(policy_table(), shadow, saved, stage);
	return 1;
}

/* Global, too */
__noinline int cxl_restore_stage(struct cxl_shadow *shadow, const struct cxl_restore *saved,
				 __u32 stage)
{
	__u32 i;

	if (!shadow || !saved)
		return 0;
	for (i = 0; i < CXL_RESTORE_MAX_DWORDS; i++) {
		if (i >= saved->nr_dwords)
			break;
		if (!cxl_restore_dword(shadow, &saved->dwords[i], stage))
			return 0;
	}
	return 1;
}

static __always_inline __u32 restore(struct cxl_shadow *shadow, const struct cxl_restore *saved)
{
	if (saved->abi_version != CXL_POLICY_ABI_VERSION ||
	    shadow->abi_version != CXL_POLICY_ABI_VERSION)
		return CXL_RESTORE_VERSION;
	if (!cxl_restore_stage(shadow, saved, CXL_RESTORE_CHECK))
		return CXL_RESTORE_LAYOUT;
	cxl_restore_stage(shadow, saved, CXL_RESTORE_BITS);
	cxl_restore_stage(shadow, saved, CXL_RESTORE_ONCE);
	return CXL_RESTORE_APPLIED;
}

__noinline int cxl_first_access(struct cxl_shadow *shadow)
{
	struct cxl_restore *saved;

	if (!shadow)
		return 0;
	shadow->accesses = CXL_ACCESSES_FIRST;
	full_barrier();
	saved = restore_of(shadow);
	if (saved && saved->state == CXL_RESTORE_PENDING &&
	    (!saved->open_id || saved->open_id == shadow->open_id)) {
		saved->applied_id = shadow->open_id;
		saved->state = restore(shadow, saved);
	}
	full_barrier();
	shadow->accesses = CXL_ACCESSES_DONE;
	return 0;
}

/* Apart, which spares most accesses the room that it takes in registers */
static __noinline int read_full(struct vfio_pci_dvsec_access *acc, struct cxl_shadow *shadow)
{
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	access_of(acc, &access);
	verdict = cxl_engine_read_full(policy_table(), acc->cookie - 1, shadow, &access, &out);
	acc->result = out.result;
	acc->hw_mask = out.hw_mask;
	if (verdict == VFIO_PCI_DVSEC_INVALID)
		emit(shadow, acc, CXL_EVENT_ERROR, 0, 0);
	return verdict;
}

SEC("struct_ops/read")
int BPF_PROG(cxl_read, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_shadow *shadow = shadow_of(acc);
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	if (!shadow)
		return VFIO_PCI_DVSEC_INVALID;
	if (shadow->accesses != CXL_ACCESSES_DONE)
		cxl_first_access(shadow);
	access_of(acc, &access);
	verdict = cxl_engine_read_plain(policy_table(), acc->cookie - 1, shadow, &access, &out);
	if (!verdict)
		return read_full(acc, shadow);
	acc->result = out.result;
	acc->hw_mask = out.hw_mask;
	return verdict;
}

/* Global, so that it is verified once and not for each way that leads here */
__noinline int cxl_reset_shadow(struct cxl_shadow *shadow, __u32 dvsec, __u16 start, __u16 length,
				__u16 offset)
{
	const struct cxl_access access = { .start = start, .length = length, .offset = offset };

	/* The verifier has yet to be told of what the caller knows */
	dvsec = CXL_ENGINE_BOUND(dvsec, CXL_POLICY_MAX_DVSECS);
	if (shadow)
		cxl_engine_cxl_reset(policy_table(), dvsec, shadow, &access);
	return 0;
}

static __always_inline int tell_write(struct vfio_pci_dvsec_access *acc, struct cxl_shadow *shadow,
				      int verdict, __u32 flags, __u32 refused, __u32 forwarded)
{
	if (policy_table()->flags & CXL_POLICY_RECORD) {
		flags |= CXL_EVENT_WRITE;
		/* A branch, which the verifier takes out where the policy doesn't have it */
		barrier_var(flags);
	}
	if (verdict == VFIO_PCI_DVSEC_INVALID)
		flags |= CXL_EVENT_ERROR;
	if (__builtin_expect(flags & ~CXL_EVENT_FORWARDED, 0))
		emit(shadow, acc, flags, refused, forwarded);
	return verdict;
}

static __noinline int write_full(struct vfio_pci_dvsec_access *acc, struct cxl_shadow *shadow)
{
	__u32 dvsec = acc->cookie - 1;
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	access_of(acc, &access);
	verdict = cxl_engine_write_full(policy_table(), dvsec, shadow, &access, &out);
	if (out.flags & CXL_EVENT_RESET_EMULATED)
		cxl_reset_shadow(shadow, dvsec, access.start, access.length, access.offset);
	acc->hw_mask = out.hw_mask;
	acc->hw_value = out.hw_value;
	acc->hw_write = out.hw_write;
	acc->hw_keep = out.hw_keep;
	acc->hw_undo = out.hw_undo;
	if (verdict == VFIO_PCI_DVSEC_NEED_HW)
		return verdict;
	return tell_write(acc, shadow, verdict, out.flags, out.refused, out.hw_write);
}

SEC("struct_ops/write")
int BPF_PROG(cxl_write, struct vfio_pci_dvsec_access *acc)
{
	struct cxl_shadow *shadow = shadow_of(acc);
	struct cxl_outcome out = {};
	struct cxl_access access;
	int verdict;

	if (!shadow)
		return VFIO_PCI_DVSEC_INVALID;
	if (shadow->accesses != CXL_ACCESSES_DONE)
		cxl_first_access(shadow);
	access_of(acc, &access);
	verdict = cxl_engine_write_plain(policy_table(), acc->cookie - 1, shadow, &access, &out);
	if (!verdict)
		return write_full(acc, shadow);
	return tell_write(acc, shadow, verdict, out.flags, out.refused, 0);
}

SEC(".struct_ops.link")
struct vfio_pci_dvsec_ops cxl_policy = {
	.opened = (void *)cxl_opened,
	.closed = (void *)cxl_closed,
	.reset = (void *)cxl_reset,
	.read = (void *)cxl_read,
	.write = (void *)cxl_write,
	.match = VFIO_PCI_DVSEC_MATCH_ANY,
	.name = "cxl-device",
};
