/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF object: a policy and a target written into it, loaded, put in force.
 */
#ifndef LOADER_BPF_H
#define LOADER_BPF_H

#include "kern.h"
#include "policy.h"

struct bpf_policy;

/**
 * bpf_init - send libbpf's messages to where they belong
 */
void bpf_init(void);

/**
 * bpf_program - which build of the program this is
 *
 * Return: the same number for the same object, never 0.
 */
uint64_t bpf_program(void);

/**
 * bpf_load - load the object
 * @image: the policy
 * @target: what for
 * @map_fds: maps to share, by &enum kern_map, or negative numbers
 * @policy: the object, to be given to bpf_unload()
 *
 * Return: 0 or a negative errno, with the error set.
 */
int bpf_load(const struct policy_image *image, const struct kern_target *target,
	     const int map_fds[KERN_NR_MAPS], struct bpf_policy **policy);

/**
 * bpf_attach - put a loaded object in force where nothing is in force
 * @policy: the object
 *
 * It stays in force while the link is held: by the descriptor, or by a pin.
 *
 * Return: file descriptor of the link, or a negative errno; -EBUSY if there is a
 * policy for the target.
 */
int bpf_attach(struct bpf_policy *policy);

/**
 * bpf_swap - put a loaded object in force in the place of another, at once
 * @policy: the object
 * @link_fd: link that the other is in force by
 * @old_map_fd: struct_ops map behind the link; -EPERM if it is another one
 *
 * Return: 0 or a negative errno.
 */
int bpf_swap(struct bpf_policy *policy, int link_fd, int old_map_fd);

/**
 * bpf_map_fd - a map of a loaded object
 * @policy: the object
 * @map: which one
 *
 * Return: a file descriptor that belongs to the object.
 */
int bpf_map_fd(const struct bpf_policy *policy, enum kern_map map);

/**
 * bpf_unload - let go of an object; a policy in force stays
 * @policy: the object or NULL
 */
void bpf_unload(struct bpf_policy *policy);

#endif /* LOADER_BPF_H */
