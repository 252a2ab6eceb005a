// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of the kernel to the policy that is in force on one device, for a
 * process that looks on: what was asked, and what the policy answered.
 *
 * The programs are attached to those of the policy, and go with the process. Calls
 * for one device are serialised by the kernel, so what is kept here of the one
 * before needs no lock.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "cxl_policy_abi.h"
#include "vfio_pci_dvsec.h"

char LICENSE[] SEC("license") = "GPL";

/* More than struct vfio_pci_dvsec_access has, as a kernel may have a longer one */
#define ACCESS_SIZE 128

const volatile struct cxl_trace_device cxl_trace_device;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cxl_trace_state);
} cxl_trace_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CXL_TRACE_RING_SIZE);
} cxl_calls SEC(".maps");

/* That of the policy in force */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CXL_SHADOW_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct cxl_shadow);
} cxl_shadow SEC(".maps");

static __always_inline struct cxl_trace_state *trace_state(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&cxl_trace_state, &key);
}

/*
 * One read of the kernel's memory for all members, wherever this kernel has them;
 * a member that does not lie in what was read is 0.
 */
#define MEMBER(raw, member, type)                                                                  \
	({                                                                                         \
		__u32 at_ = bpf_core_field_offset(struct vfio_pci_dvsec_access, member);           \
		type value_ = 0;                                                                   \
		if (at_ <= ACCESS_SIZE - sizeof(value_))                                           \
			value_ = *(type *)((raw) + at_);                                           \
		value_;                                                                            \
	})

static __always_inline int trace(void *ctx, __u32 op)
{
	struct cxl_trace_state *state = trace_state();
	__u64 args = 0, kind = 0, ret = 0;
	struct cxl_shadow *shadow;
	char raw[ACCESS_SIZE] __attribute__((aligned(8)));
	struct cxl_call *call;
	void *access = 0;
	__u32 size, index;

	/* What the policy's program is called with: an array of arguments */
	if (!state || bpf_get_func_arg(ctx, 0, &args) ||
	    bpf_probe_read_kernel(&access, sizeof(access), (void *)args))
		return 0;
	size = bpf_core_type_size(struct vfio_pci_dvsec_access);
	if (size > sizeof(raw))
		size = sizeof(raw);
	if (bpf_probe_read_kernel(raw, size, access))
		return 0;
	if (MEMBER(raw, segment, __u32) != cxl_trace_device.segment ||
	    MEMBER(raw, bus, __u8) != cxl_trace_device.bus ||
	    MEMBER(raw, devfn, __u8) != cxl_trace_device.devfn)
		return 0;
	if (op == CXL_CALL_RESET)
		bpf_probe_read_kernel(&kind, sizeof(kind), (void *)args + sizeof(args));
	bpf_get_func_ret(ctx, &ret);

	state->awaited = 0;
	call = bpf_ringbuf_reserve(&cxl_calls, sizeof(*call), 0);
	if (!call) {
		state->lost++;
		state->calls++;
		return 0;
	}
	call->time = bpf_ktime_get_boot_ns();
	call->open_id = MEMBER(raw, open_id, __u64);
	call->lost = state->lost;
	call->op = op;
	call->ret = op == CXL_CALL_CLOSED ? 0 : ret;
	call->kind = kind;
	call->vendor = MEMBER(raw, vendor, __u16);
	call->id = MEMBER(raw, id, __u16);
	call->start = MEMBER(raw, start, __u16);
	call->length = MEMBER(raw, length, __u16);
	call->covered = MEMBER(raw, covered, __u16);
	call->offset = MEMBER(raw, offset, __u16);
	call->revision = MEMBER(raw, revision, __u8);
	call->size = MEMBER(raw, size, __u8);
	call->again = MEMBER(raw, again, __u8);
	call->reserved = 0;
	call->value = MEMBER(raw, value, __u32);
	call->hw = MEMBER(raw, hw, __u32);
	call->result = MEMBER(raw, result, __u32);
	call->hw_mask = MEMBER(raw, hw_mask, __u32);
	call->hw_value = MEMBER(raw, hw_value, __u32);
	call->hw_write = MEMBER(raw, hw_write, __u32);
	call->hw_keep = MEMBER(raw, hw_keep, __u32);
	call->hw_undo = MEMBER(raw, hw_undo, __u32);

	/* This task reads the hardware next, for the user or for the policy */
	if (op == CXL_CALL_READ || op == CXL_CALL_WRITE) {
		if (call->hw_mask) {
			state->pos = call->start + call->offset;
			state->awaited = bpf_get_current_pid_tgid();
		}
	}
	bpf_ringbuf_submit(call, BPF_RB_NO_WAKEUP);
	state->calls++;

	/* The state just after this call, for one who has lost track */
	if (state->seed) {
		index = MEMBER(raw, index, __u16);
		shadow = bpf_map_lookup_elem(&cxl_shadow, &index);
		if (shadow &&
		    !bpf_ringbuf_output(&cxl_calls, shadow, sizeof(*shadow), BPF_RB_NO_WAKEUP))
			state->seed = 0;
	}
	return 0;
}

SEC("fexit")
int trace_opened(void *ctx)
{
	return trace(ctx, CXL_CALL_OPENED);
}

SEC("fexit")
int trace_closed(void *ctx)
{
	return trace(ctx, CXL_CALL_CLOSED);
}

SEC("fexit")
int trace_reset(void *ctx)
{
	return trace(ctx, CXL_CALL_RESET);
}

SEC("fexit")
int trace_read(void *ctx)
{
	return trace(ctx, CXL_CALL_READ);
}

SEC("fexit")
int trace_write(void *ctx)
{
	return trace(ctx, CXL_CALL_WRITE);
}

/* What the hardware gave for the bits that the policy's answer left to it */
SEC("fexit/vfio_user_config_read")
int trace_hardware(void *ctx)
{
	struct cxl_trace_state *state = trace_state();
	__u64 pos = 0, val = 0, size = 0, ret = 0;
	struct cxl_call *call;
	__u32 value = 0;

	if (!state || !state->awaited || state->awaited != bpf_get_current_pid_tgid())
		return 0;
	if (bpf_get_func_arg(ctx, 1, &pos) || bpf_get_func_arg(ctx, 2, &val) ||
	    bpf_get_func_arg(ctx, 3, &size) || bpf_get_func_ret(ctx, &ret) ||
	    (__u32)pos / 4 != state->pos / 4)
		return 0;
	state->awaited = 0;
	if ((__s32)ret || bpf_probe_read_kernel(&value, sizeof(value), (void *)val))
		return 0;
	call = bpf_ringbuf_reserve(&cxl_calls, sizeof(*call), 0);
	if (!call) {
		state->lost++;
		return 0;
	}
	__builtin_memset(call, 0, sizeof(*call));
	call->time = bpf_ktime_get_boot_ns();
	call->lost = state->lost;
	call->op = CXL_CALL_HARDWARE;
	call->start = pos;
	call->size = size;
	call->value = value;
	bpf_ringbuf_submit(call, BPF_RB_NO_WAKEUP);
	return 0;
}
