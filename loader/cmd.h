/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs, and what the command line says to them.
 */
#ifndef LOADER_CMD_H
#define LOADER_CMD_H

#include <signal.h>
#include <stdbool.h>

#include "assign_dir.h"
#include "kern.h"
#include "output.h"
#include "policy.h"

#define DEFAULT_POLICY "cxl-device"

/**
 * struct cmd_args - arguments of a verb
 * @policy: --policy, or NULL
 * @unbound: --unbound
 * @clear: --clear
 * @force: --force
 * @count: --count, or 0
 * @timeout: --timeout in seconds, or 0
 * @prometheus: --prometheus
 * @dry_run: --dry-run
 * @keep_others: --keep-others
 * @device: --device, or NULL
 * @argc: number of @argv
 * @argv: what is no option, after the verb
 */
struct cmd_args {
	const char *policy;
	bool unbound;
	bool clear;
	bool force;
	unsigned long count;
	unsigned long timeout;
	bool prometheus;
	bool dry_run;
	bool keep_others;
	const char *device;
	int argc;
	char **argv;
};

/**
 * cmd_parse_target - take the one argument of a verb as what a policy is for
 * @args: arguments of the verb
 * @or_default: "default" will do
 * @target: filled in
 *
 * Return: 0 or -EINVAL, with the error set.
 */
int cmd_parse_target(const struct cmd_args *args, bool or_default, struct kern_target *target);

/**
 * cmd_parse_device - take a word as what a policy is for
 * @text: the word
 * @or_default: "default" will do
 * @target: filled in
 *
 * Return: 0 or -EINVAL, with the error set.
 */
int cmd_parse_device(const char *text, bool or_default, struct kern_target *target);

/**
 * cmd_check_device - check that a policy can be in force on a device
 * @target: the device
 * @unbound: it need not be bound to vfio-pci
 *
 * Return: 0 or a negative errno, with the error set.
 */
int cmd_check_device(const struct kern_target *target, bool unbound);

/**
 * cmd_read_failed - tell why device_read() failed
 * @device: the device
 * @err: what it returned
 *
 * Return: @err, with the error set.
 */
int cmd_read_failed(const struct device *device, int err);

/**
 * cmd_load_policy - read a policy and make its tables
 * @spec: as of policy_load()
 * @policy: filled in, or NULL
 * @image: filled in
 *
 * Return: 0 or a negative errno, with the error set.
 */
int cmd_load_policy(const char *spec, struct policy *policy, struct policy_image *image);

/**
 * cmd_load_dir - read a folder of assignments
 * @path: of it
 * @dir: filled in, as by assign_dir_load()
 *
 * Return: 0, also if it has problems; a negative errno, with the error set.
 */
int cmd_load_dir(const char *path, struct assign_dir *dir);

/**
 * struct cmd_tally - what became of each of several devices
 * @array: a record of each, for JSON, else NULL
 * @changed: how many were changed, or would be
 * @kept: how many are as they are to be
 * @left: how many aren't to be touched
 * @failed: how many stayed as they were
 * @code: if some failed, the exit status for that
 */
struct cmd_tally {
	struct json_object *array;
	unsigned int changed;
	unsigned int kept;
	unsigned int left;
	unsigned int failed;
	enum exit_code code;
};

/**
 * cmd_tally_failed - count one that failed
 * @tally: all of them
 * @code: the exit status for it
 */
void cmd_tally_failed(struct cmd_tally *tally, enum exit_code code);

/**
 * cmd_tally_end - print the records, or else the numbers
 * @tally: its array is freed
 * @dry_run: nothing was changed
 *
 * Return: the exit status for all of it.
 */
int cmd_tally_end(struct cmd_tally *tally, bool dry_run);

/* A signal told the program to end, see cmd_stop_on_signal() */
extern volatile sig_atomic_t cmd_stop;

/**
 * cmd_stop_on_signal - let SIGINT and SIGTERM set @cmd_stop and do nothing else
 */
void cmd_stop_on_signal(void);

/**
 * cmd_now_ms - the time, from some moment on
 *
 * Return: milliseconds.
 */
int64_t cmd_now_ms(void);

/*
 * Each verb returns 0, an &enum exit_code that its output explains, or a negative errno with the error set, and
 * prints its own output.
 */
int cmd_attach(const struct cmd_args *args);
int cmd_swap(const struct cmd_args *args);
int cmd_detach(const struct cmd_args *args);
int cmd_default(const struct cmd_args *args);
int cmd_apply(const struct cmd_args *args);
int cmd_refresh(const struct cmd_args *args);
int cmd_watch(const struct cmd_args *args);
int cmd_list(const struct cmd_args *args);
int cmd_show(const struct cmd_args *args);
int cmd_monitor(const struct cmd_args *args);
int cmd_stats(const struct cmd_args *args);
int cmd_check(const struct cmd_args *args);
int cmd_diff(const struct cmd_args *args);
int cmd_registers(const struct cmd_args *args);
int cmd_trial(const struct cmd_args *args);
int cmd_record(const struct cmd_args *args);
int cmd_replay(const struct cmd_args *args);
int cmd_save(const struct cmd_args *args);
int cmd_restore(const struct cmd_args *args);
int cmd_doctor(const struct cmd_args *args);

#endif /* LOADER_CMD_H */
