/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the benchmark alone: what the source of the BPF program takes from libbpf, for a
 * compiler of the kernel. A map is what the kernel would use for it, an array, or
 * nothing: no saved shadow is there, and one event is as good as a ring of them.
 */
#ifndef BENCH_BPF_HELPERS_H
#define BENCH_BPF_HELPERS_H

#define SEC(name)
#define __uint(name, value)	int(*name)[value]
#define __type(name, value)	typeof(value) *name
#define BPF_PROG(name, args...) name(args)
#define barrier_var(var)	OPTIMIZER_HIDE_VAR(var)
#ifndef __noinline
#define __noinline noinline
#endif

#define bpf_map_lookup_elem(map, key)                                                              \
	((void *)(map) == (void *)&cxl_shadow && *(u32 *)(key) < BENCH_MAX_DEVICES                 \
		 ? (void *)&bench_shadows[*(u32 *)(key)]                                           \
		 : NULL)
#define bpf_ktime_get_boot_ns()		      ktime_get_boottime_ns()
#define bpf_ringbuf_reserve(map, size, flags) (&bench_event)
#define bpf_ringbuf_submit(event, flags)      barrier()

#endif
