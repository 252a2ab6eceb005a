// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "output.h"

volatile sig_atomic_t cmd_stop;

static void on_signal(int sig __attribute__((unused)))
{
	cmd_stop = 1;
}

void cmd_stop_on_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int64_t cmd_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void cmd_tally_failed(struct cmd_tally *tally, enum exit_code code)
{
	tally->code = tally->failed && code != tally->code ? EXIT_FAILED : code;
	tally->failed++;
}

int cmd_tally_end(struct cmd_tally *tally, bool dry_run)
{
	if (tally->array) {
		output_json(tally->array);
		tally->array = NULL;
	} else {
		printf("%u %schanged, %u kept", tally->changed, dry_run ? "would be " : "",
		       tally->kept);
		if (tally->left)
			printf(", %u left alone", tally->left);
		printf(", %u failed\n", tally->failed);
	}
	if (tally->failed)
		return tally->code;
	return tally->changed ? EXIT_DIFFERENT : 0;
}

int cmd_parse_target(const struct cmd_args *args, bool or_default, struct kern_target *target)
{
	memset(target, 0, sizeof(*target));
	if (args->argc != 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
				 "one device is wanted, as segment:bus:device.function");
	return cmd_parse_device(args->argv[0], or_default, target);
}

int cmd_parse_device(const char *text, bool or_default, struct kern_target *target)
{
	memset(target, 0, sizeof(*target));
	if (or_default && !strcmp(text, KERN_DEFAULT))
		return 0;
	target->match = VFIO_PCI_DVSEC_MATCH_ADDRESS;
	if (device_parse(text, &target->address))
		return error_set(EXIT_USAGE, -EINVAL,
				 or_default ? "write it as in 0000:0d:00.0, or 'default'"
					    : "write it as in 0000:0d:00.0",
				 "'%s' is no PCI address", text);
	return 0;
}

int cmd_read_failed(const struct device *device, int err)
{
	if (err == -ENODEV)
		return error_set(EXIT_MISSING, err, "'cxl-policy list' shows those there are",
				 "no device %s", device->name);
	return error_set(EXIT_FAILED, err, "is it powered on?",
			 "can't read the configuration space of %s: %s", device->name,
			 strerror(-err));
}

static void add_known(const char *name, void *arg)
{
	char *hint = arg;
	size_t len = strlen(hint);

	snprintf(hint + len, 512 - len, " %s", name);
}

static int load_failed(int err, const char *spec, const char *cause)
{
	char hint[512] = "those known are";

	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -ENAMETOOLONG:
		if (policy_is_file(spec))
			return error_set(EXIT_MISSING, err, "give the path of a policy file", "%s",
					 cause);
		policy_for_each_name(add_known, hint);
		return error_set(EXIT_MISSING, err, hint, "%s", cause);
	case -EINVAL:
	case -E2BIG:
		return error_set(EXIT_INVALID, err, "correct the policy", "%s", cause);
	case -EACCES:
	case -EPERM:
		return error_set(EXIT_PRIVILEGE, err, "make it readable for this user", "%s",
				 cause);
	default:
		return error_set(EXIT_FAILED, err, "is it a readable file?", "%s", cause);
	}
}

int cmd_load_policy(const char *spec, struct policy *policy, struct policy_image *image)
{
	char error[POLICY_ERROR_LEN];
	struct policy *source;
	int err;

	source = policy ? policy : malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;
	err = policy_load(spec, source, error);
	if (!err)
		err = policy_compile(source, image, error);
	if (err)
		load_failed(err, spec, error);
	if (!policy)
		free(source);
	return err;
}
