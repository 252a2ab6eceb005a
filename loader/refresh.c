// SPDX-License-Identifier: GPL-2.0-only
/*
 * refresh: let the policies in force be enforced by the program of this version, each
 * with the tables that it has. Guests go on, with their state.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "bpf.h"
#include "cmd.h"
#include "output.h"
#include "pin.h"

struct refresh {
	bool dry_run;
	struct cmd_tally tally;
};

/* What is to become of a policy */
enum fate {
	FATE_KEEP,
	FATE_CHANGE,
	FATE_LEAVE,
};

static enum fate fate_of(const struct kern_policy *policy, const struct pins *pins)
{
	if (policy->program == bpf_program())
		return FATE_KEEP;
	/* Another program's is its own affair */
	return policy->table_id && pin_find(pins, policy->link_id) ? FATE_CHANGE : FATE_LEAVE;
}

static int give(const struct kern_policies *policies, const struct kern_policy *policy)
{
	struct policy_image image = { .nr_claims = policy->nr_claims };
	uint32_t link_id;
	int err;

	err = kern_read_table(policy, &image.table);
	if (err)
		return error_set(EXIT_FAILED, err, "look at 'cxl-policy list' and try again",
				 "can't read its tables: %s", strerror(-err));
	memcpy(image.claims, policy->claims, sizeof(image.claims));
	return attach_swap(&policy->target, &image, policies, policy, &link_id);
}

static void tell(struct refresh *refresh, const struct kern_policy *policy, const char *result,
		 const char *cause)
{
	const char *called = policy->name[0] ? policy->name : "without a name";
	char name[DEVICE_ADDRESS_LEN];
	struct json_object *object;

	kern_target_name(&policy->target, name);
	if (output_options.json) {
		object = json_object_new_object();
		output_add(object, "device", output_string(name));
		output_add(object, "policy", output_string(policy->name));
		output_add(object, "result", output_string(result));
		output_add(object, "error", output_string(cause));
		json_object_array_add(refresh->tally.array, object);
	} else if (cause) {
		fflush(stdout);
		fprintf(stderr,
			"cxl-policy: %s: policy %s stays with the program that it has: %s\n", name,
			called, cause);
	} else if (!strcmp(result, "changed")) {
		printf("%s: given the program of this version, policy %s\n", name, called);
	} else if (!strcmp(result, "would-change")) {
		printf("%s: would be given: the program of this version, policy %s\n", name,
		       called);
	} else if (!strcmp(result, "left")) {
		printf("%s: left alone, as cxl-policy doesn't keep policy %s in force\n", name,
		       called);
	}
}

static void refresh_each(struct refresh *refresh, const struct kern_policies *policies,
			 const struct pins *pins)
{
	char cause[ERROR_CAUSE_LEN];
	unsigned int i;
	int err;

	for (i = 0; i < policies->nr; i++) {
		const struct kern_policy *policy = &policies->policies[i];
		enum fate fate = fate_of(policy, pins);

		if (fate == FATE_KEEP) {
			refresh->tally.kept++;
			tell(refresh, policy, "unchanged", NULL);
			continue;
		}
		if (fate == FATE_LEAVE) {
			refresh->tally.left++;
			tell(refresh, policy, "left", NULL);
			continue;
		}
		err = refresh->dry_run ? 0 : give(policies, policy);
		if (!err) {
			refresh->tally.changed++;
			tell(refresh, policy, refresh->dry_run ? "would-change" : "changed", NULL);
			continue;
		}
		cmd_tally_failed(&refresh->tally, error_take(err, cause));
		tell(refresh, policy, "failed", cause);
	}
}

static int run(struct refresh *refresh)
{
	struct kern_policies policies = {};
	struct pins pins = {};
	int lock = -1, err = 0;

	if (!refresh->dry_run) {
		lock = pin_lock();
		err = lock < 0 ? lock : 0;
	}
	if (!err)
		err = kern_list(&policies);
	/* Before any is changed, as they share their maps */
	if (!err)
		err = kern_check_abi(&policies);
	if (!err)
		err = pin_list(&pins);
	if (!err)
		refresh_each(refresh, &policies, &pins);
	pin_free(&pins);
	kern_free(&policies);
	if (lock >= 0)
		pin_unlock(lock);
	return err;
}

int cmd_refresh(const struct cmd_args *args)
{
	struct refresh refresh = { .dry_run = args->dry_run };
	int err;

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help refresh'",
				 "refresh takes no argument");
	err = kern_check_privilege();
	if (err)
		return err;
	if (output_options.json)
		refresh.tally.array = json_object_new_array();
	/* Without the hook, and a pin, nothing can be in force */
	if (kern_hook() == KERN_HOOK_PRESENT || pin_any())
		err = run(&refresh);
	if (err) {
		json_object_put(refresh.tally.array);
		return err;
	}
	return cmd_tally_end(&refresh.tally, args->dry_run);
}
