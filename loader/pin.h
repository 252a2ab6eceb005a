/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of pins, which keeps links and maps when no program does.
 */
#ifndef LOADER_PIN_H
#define LOADER_PIN_H

#include <limits.h>

#include "kern.h"

#define PIN_BPFFS     "/sys/fs/bpf"
#define PIN_DIR	      PIN_BPFFS "/cxl-policy"
#define PIN_LINKS     PIN_DIR "/links"
#define PIN_LINKS_LEN sizeof(PIN_LINKS)

#define PIN_PATH_LEN 64

/**
 * struct pin - what is in the folder of links
 * @path: of it
 * @name: the last part of @path
 * @target: that the loader means by @name
 * @named: @name is one that the loader gives
 * @link_id: of the link that it holds, 0 if it holds none
 * @in_force: the link has a policy
 */
struct pin {
	char path[PIN_LINKS_LEN + NAME_MAX + 1];
	const char *name;
	struct kern_target target;
	bool named;
	uint32_t link_id;
	bool in_force;
};

/**
 * struct pins - all that is in the folder of links
 * @nr: number of @pins
 * @pins: in order of their names
 */
struct pins {
	unsigned int nr;
	struct pin *pins;
};

/**
 * enum pin_bpffs - what is at %PIN_BPFFS
 * @PIN_BPFFS_MOUNTED: the BPF file system
 * @PIN_BPFFS_EMPTY: nothing, so it can be mounted
 * @PIN_BPFFS_TAKEN: something else, or nothing that this process may look into
 */
enum pin_bpffs {
	PIN_BPFFS_MOUNTED,
	PIN_BPFFS_EMPTY,
	PIN_BPFFS_TAKEN,
};

/**
 * pin_bpffs - look for the BPF file system
 *
 * Return: what is there.
 */
enum pin_bpffs pin_bpffs(void);

/**
 * pin_list - look at the pins of links
 * @pins: filled in, to be freed by pin_free()
 *
 * Return: 0 or a negative errno, with the error set; no folder is no error.
 */
int pin_list(struct pins *pins);

/**
 * pin_free - free what pin_list() found
 * @pins: the pins
 */
void pin_free(struct pins *pins);

/**
 * pin_find - find the pin of a link
 * @pins: the pins
 * @link_id: of the link
 *
 * Return: the pin or NULL.
 */
const struct pin *pin_find(const struct pins *pins, uint32_t link_id);

/**
 * pin_problem - compare a pin with what is in force
 * @pin: the pin
 * @policies: the policies in force
 * @text: filled in, for people: what is wrong, or ""
 * @size: of @text
 *
 * Return: whether something is.
 */
bool pin_problem(const struct pin *pin, const struct kern_policies *policies, char *text,
		 size_t size);

/**
 * pin_any - look for anything that cxl-policy keeps in force
 *
 * Return: whether there is a pin, or that can't be told.
 */
bool pin_any(void);

/**
 * pin_is_held - look for a link among all pins of this BPF file system
 * @link_id: of the link
 *
 * Return: whether a pin below %PIN_BPFFS holds it.
 */
bool pin_is_held(uint32_t link_id);

/**
 * pin_lock - make this the only invocation that changes something
 *
 * Mounts the BPF file system if need be.
 *
 * Return: a file descriptor that holds the lock, or a negative errno, with the
 * error set.
 */
int pin_lock(void);

/**
 * pin_unlock - let others change something
 * @fd: what pin_lock() returned
 *
 * Removes the folder if there is nothing in it.
 */
void pin_unlock(int fd);

/**
 * pin_lock_monitor - make this the only monitor
 *
 * Return: as of pin_lock().
 */
int pin_lock_monitor(void);

/**
 * pin_link - pin a link, in the place of one that isn't in force any more
 * @fd: the link
 * @target: of its policy
 *
 * Return: 0 or a negative errno.
 */
int pin_link(int fd, const struct kern_target *target);

/**
 * pin_remove_link - remove the pin of a link
 * @target: of its policy
 *
 * Return: 0 or a negative errno; no pin is no error.
 */
int pin_remove_link(const struct kern_target *target);

/**
 * pin_map - pin a map, in the place of another one
 * @fd: the map
 * @map: which one
 *
 * Return: 0 or a negative errno.
 */
int pin_map(int fd, enum kern_map map);

/**
 * pin_open_map - open a pinned map
 * @map: which one
 *
 * Return: as of kern_open_map().
 */
int pin_open_map(enum kern_map map);

#endif /* LOADER_PIN_H */
