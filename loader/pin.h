/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of pins, which keeps links and maps when no program does.
 */
#ifndef LOADER_PIN_H
#define LOADER_PIN_H

#include "kern.h"

#define PIN_BPFFS  "/sys/fs/bpf"
#define PIN_DIR	   PIN_BPFFS "/cxl-policy"
#define PIN_LINKS  PIN_DIR "/links"
#define PIN_SHADOW PIN_DIR "/shadow"
#define PIN_EVENTS PIN_DIR "/events"

#define PIN_PATH_LEN 64

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
 * @path: of the pin
 *
 * Return: 0 or a negative errno.
 */
int pin_map(int fd, const char *path);

/**
 * pin_open_map - open a pinned map
 * @path: of the pin
 * @name: as of kern_open_map()
 *
 * Return: as of kern_open_map().
 */
int pin_open_map(const char *path, const char *name);

#endif /* LOADER_PIN_H */
