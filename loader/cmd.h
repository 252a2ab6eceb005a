/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs, and what the command line says to them.
 */
#ifndef LOADER_CMD_H
#define LOADER_CMD_H

#include <stdbool.h>

#define DEFAULT_POLICY "cxl-device"

/**
 * struct cmd_args - arguments of a verb
 * @policy: --policy, or NULL
 * @unbound: --unbound
 * @count: --count, or 0
 * @timeout: --timeout in seconds, or 0
 * @argc: number of @argv
 * @argv: what is no option, after the verb
 */
struct cmd_args {
	const char *policy;
	bool unbound;
	unsigned long count;
	unsigned long timeout;
	int argc;
	char **argv;
};

/*
 * Each verb returns 0 or a negative errno, with the error set, and prints its
 * own output.
 */
int cmd_attach(const struct cmd_args *args);
int cmd_swap(const struct cmd_args *args);
int cmd_detach(const struct cmd_args *args);
int cmd_default(const struct cmd_args *args);
int cmd_list(const struct cmd_args *args);
int cmd_show(const struct cmd_args *args);
int cmd_monitor(const struct cmd_args *args);

#endif /* LOADER_CMD_H */
