// SPDX-License-Identifier: GPL-2.0-only
/*
 * attach, swap, detach, default: what changes the policy in force.
 *
 * A link that nobody holds is gone, so an invocation that is killed leaves
 * either the old or the new policy in force: a new link counts from its pin on,
 * and a swap is one update of the link.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "bpf.h"
#include "cmd.h"
#include "output.h"
#include "pin.h"
#include "restore.h"

int cmd_check_device(const struct kern_target *target, bool unbound)
{
	char name[DEVICE_ADDRESS_LEN];
	struct device device;

	kern_target_name(target, name);
	if (device_get(&target->address, &device))
		return error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those there are",
				 "no device %s", name);
	if (!device.nr_dvsecs)
		return error_set(EXIT_MISSING, -ENODEV, "'cxl-policy list' shows those that are",
				 "%s isn't a CXL device (no DVSEC of vendor 0x1e98)", name);
	if (device.bridge)
		return error_set(EXIT_MISSING, -ENODEV, "name the device behind it",
				 "%s is a bridge, which isn't given to a guest", name);
	if (unbound || device.hooked)
		return 0;
	if (device_in_transit(&device))
		return error_set(EXIT_BUSY, -EBUSY, "try again, or use --unbound",
				 "%s is being bound to %s, or unbound", name, device.driver);
	if (!strncmp(device.driver, "vfio", strlen("vfio")))
		return error_set(EXIT_KERNEL, -EOPNOTSUPP,
				 "load the patched vfio-pci (see kernel/), or use --unbound",
				 "the driver %s of %s has no hook for DVSEC policies",
				 device.driver, name);
	return error_set(EXIT_MISSING, -ENODEV, "bind it, or use --unbound to register for later",
			 "%s isn't bound to vfio-pci but to %s", name,
			 device.driver[0] ? device.driver : "no driver");
}

/* It is in force, and protects the device, but is of no use to its user */
static int outcome(const struct device *device)
{
	if (!device->hooked || strcmp(device->state, "error"))
		return 0;
	fprintf(stderr,
		"cxl-policy: the policy failed on %s, so its DVSECs are read-only: the kernel's log "
		"tells why\n",
		device->name);
	return EXIT_FAILED;
}

/* What is in force now; state and policy are the kernel's own words */
static int print_target(const struct kern_target *target, const char *policy, uint32_t link_id,
			const char *replaced, const char *done)
{
	char name[DEVICE_ADDRESS_LEN];
	struct device device = {};
	struct json_object *object;
	bool is_default = target->match == VFIO_PCI_DVSEC_MATCH_ANY;

	kern_target_name(target, name);
	if (is_default || device_get(&target->address, &device))
		device.hooked = false;
	if (!output_options.json) {
		printf("%s: %s", name, done);
		if (device.hooked)
			printf(", state %s", device.state);
		else if (!is_default)
			printf(", state none until it is bound to vfio-pci");
		printf("\n");
		return outcome(&device);
	}
	object = json_object_new_object();
	output_add(object, "device", output_string(name));
	output_add(object, "state",
		   is_default ? NULL : output_string(device.hooked ? device.state : "none"));
	output_add(object, "policy", output_string(device.hooked ? device.policy : policy));
	output_add(object, "link_id", link_id ? json_object_new_int64(link_id) : NULL);
	if (replaced)
		output_add(object, "replaced", output_string(replaced));
	output_json(object);
	return outcome(&device);
}

/*
 * Maps to share: those behind the policy that covers the target, so that it takes
 * the shadow over; or else those of any policy, so that there is one of each; or
 * else what was pinned.
 */
static int share_map(const struct kern_policies *policies, const struct kern_target *target,
		     enum kern_map map)
{
	const struct kern_policy *policy = kern_find_effective(policies, target);
	unsigned int i;
	int fd = -ENOENT;

	if (policy)
		fd = kern_open_map(kern_map_id(policy, map), kern_map_names[map]);
	for (i = 0; fd < 0 && i < policies->nr; i++)
		fd = kern_open_map(kern_map_id(&policies->policies[i], map), kern_map_names[map]);
	return fd < 0 ? pin_open_map(map) : fd;
}

static int load_shared(const struct kern_policies *policies, const struct kern_target *target,
		       const struct policy_image *image, struct bpf_policy **obj)
{
	int fds[KERN_NR_MAPS], i, err;

	err = kern_check_abi(policies);
	if (err)
		return err;
	for (i = 0; i < KERN_NR_MAPS; i++)
		fds[i] = share_map(policies, target, i);
	err = bpf_load(image, target, fds, obj);
	for (i = 0; i < KERN_NR_MAPS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return err;
}

static uint32_t link_id_of(int fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return bpf_link_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* From the pin on, the new policy outlives this process */
static int keep(struct bpf_policy *obj, int link_fd, const struct kern_target *target)
{
	int err = pin_link(link_fd, target), i;

	if (err)
		return error_set(EXIT_FAILED, err, "is " PIN_BPFFS " full or read-only?",
				 "can't pin the link: %s", strerror(-err));
	/* Only for those who look there: maps are found by the links */
	for (i = 0; i < KERN_NR_MAPS; i++)
		pin_map(bpf_map_fd(obj, i), i);
	return 0;
}

static int refused(int err, const char *name, const char *policy, const char *outcome)
{
	return error_set(EXIT_FAILED, err, "the kernel's log tells why",
			 "the kernel refused policy %s for %s, %s: %s", policy, name, outcome,
			 strerror(-err));
}

/* Find the policies in force, none of which may be for the target */
static int list_free(const struct kern_target *target, const char *spec,
		     struct kern_policies *policies)
{
	char name[DEVICE_ADDRESS_LEN], hint[512];
	const struct kern_policy *present;
	int err;

	err = kern_list(policies);
	if (err)
		return err;
	present = kern_find(policies, target);
	if (!present)
		return 0;
	kern_target_name(target, name);
	snprintf(hint, sizeof(hint), "use 'cxl-policy swap %s --policy %s'", name, spec);
	return error_set(EXIT_BUSY, -EBUSY, hint, "%s has a policy already, %s (link %u)", name,
			 present->name[0] ? present->name : "without a name", present->link_id);
}

int attach_policy(const struct kern_target *target, const struct policy_image *image,
		  const struct kern_policies *policies, uint32_t *link_id)
{
	const struct kern_target any = { .match = VFIO_PCI_DVSEC_MATCH_ANY };
	char name[DEVICE_ADDRESS_LEN];
	struct bpf_policy *obj = NULL;
	int link_fd, err;

	err = load_shared(policies, target, image, &obj);
	if (err)
		return err;
	/* Left by a policy that went with its device, or by its pin, and not by a detach */
	restore_forget(bpf_map_fd(obj, KERN_MAP_RESTORE), policies, &any);

	kern_target_name(target, name);
	link_fd = bpf_attach(obj);
	if (link_fd == -EBUSY)
		err = error_set(EXIT_BUSY, -EBUSY, "'cxl-policy list' shows it",
				"%s has a policy already", name);
	else if (link_fd < 0)
		err = refused(link_fd, name, image->table.name, "nothing was changed");
	else
		err = keep(obj, link_fd, target);
	if (!err)
		*link_id = link_id_of(link_fd);
	if (link_fd >= 0)
		close(link_fd);
	bpf_unload(obj);
	return err;
}

static int attach(const struct kern_target *target, const char *spec, bool unbound)
{
	struct kern_policies policies = {};
	struct policy_image image;
	uint32_t link_id;
	char done[128];
	int lock, err;

	err = kern_check();
	if (!err && target->match == VFIO_PCI_DVSEC_MATCH_ADDRESS)
		err = cmd_check_device(target, unbound);
	if (err)
		return err;

	/* What fails leaves nothing behind: the lock may have to make a folder */
	err = list_free(target, spec, &policies);
	if (!err)
		err = cmd_load_policy(spec, NULL, &image);
	kern_free(&policies);
	if (err)
		return err;
	lock = pin_lock();
	if (lock < 0)
		return lock;
	err = list_free(target, spec, &policies);
	if (!err)
		err = attach_policy(target, &image, &policies, &link_id);
	if (err)
		goto out;
	snprintf(done, sizeof(done), "policy %s attached (link %u)", image.table.name, link_id);
	err = print_target(target, image.table.name, link_id, NULL, done);
out:
	kern_free(&policies);
	pin_unlock(lock);
	return err;
}

int cmd_attach(const struct cmd_args *args)
{
	struct kern_target target;
	int err;

	err = cmd_parse_target(args, false, &target);
	if (err)
		return err;
	return attach(&target, args->policy ? args->policy : DEFAULT_POLICY, args->unbound);
}

/* Find the policies in force, one of which has to be for the target */
static int list_taken(const struct kern_target *target, struct kern_policies *policies,
		      const struct kern_policy **present)
{
	const struct kern_policy *effective;
	char name[DEVICE_ADDRESS_LEN];
	int err;

	err = kern_list(policies);
	if (err)
		return err;
	*present = kern_find(policies, target);
	if (*present)
		return 0;
	effective = kern_find_effective(policies, target);
	kern_target_name(target, name);
	if (effective)
		return error_set(EXIT_MISSING, -ENOENT, "name 'default' to change that one",
				 "%s has no policy of its own, the default one %s covers it", name,
				 effective->name);
	if (target->match == VFIO_PCI_DVSEC_MATCH_ANY)
		return error_set(EXIT_MISSING, -ENOENT, "'cxl-policy default set' sets one",
				 "there is no default policy");
	return error_set(EXIT_MISSING, -ENOENT, "'cxl-policy attach' attaches one",
			 "%s has no policy", name);
}

int attach_swap(const struct kern_target *target, const struct policy_image *image,
		const struct kern_policies *policies, const struct kern_policy *old,
		uint32_t *link_id)
{
	int link_fd, old_map_fd, err;
	char name[DEVICE_ADDRESS_LEN];
	struct bpf_policy *obj = NULL;

	kern_target_name(target, name);
	if (!old->link_id)
		return error_set(EXIT_BUSY, -EBUSY, "detach it, then attach the new one",
				 "the policy of %s was registered without a link, so none can take "
				 "its place at once",
				 name);
	link_fd = bpf_link_get_fd_by_id(old->link_id);
	old_map_fd = bpf_map_get_fd_by_id(old->map_id);
	if (link_fd < 0 || old_map_fd < 0) {
		err = error_set(EXIT_MISSING, -ENOENT, "'cxl-policy list' shows what there is",
				"the policy of %s has just gone", name);
		goto out;
	}
	err = load_shared(policies, target, image, &obj);
	if (err)
		goto out;

	/* That fails, as the target is taken, but makes the new one ready to be swapped in */
	err = bpf_attach(obj);
	if (err >= 0) {
		close(link_fd);
		link_fd = err;
		err = keep(obj, link_fd, target);
	} else if (err == -EBUSY) {
		err = bpf_swap(obj, link_fd, old_map_fd);
	}
	/* The kernel's word for one that isn't what it was when we looked */
	if (err == -EPERM)
		err = error_set(EXIT_BUSY, err, "look at 'cxl-policy list' and try again",
				"another program has just swapped the policy of %s", name);
	/* Detached, as it is when its device goes */
	else if (err == -ENOLINK)
		err = error_set(EXIT_MISSING, err, "'cxl-policy list' shows what there is",
				"the policy of %s has just gone", name);
	else if (err)
		err = refused(err, name, image->table.name, "the old one stays");
	else
		*link_id = link_id_of(link_fd);
out:
	if (link_fd >= 0)
		close(link_fd);
	if (old_map_fd >= 0)
		close(old_map_fd);
	bpf_unload(obj);
	return err;
}

int cmd_swap(const struct cmd_args *args)
{
	struct kern_policies policies = {};
	const struct kern_policy *old;
	struct kern_target target;
	struct policy_image image;
	uint32_t link_id;
	char done[128];
	int lock, err;

	err = cmd_parse_target(args, true, &target);
	if (err)
		return err;
	if (!args->policy)
		return error_set(EXIT_USAGE, -EINVAL, "name the new one by --policy NAME|FILE",
				 "no policy is named for the swap");
	err = kern_check();
	if (err)
		return err;

	err = list_taken(&target, &policies, &old);
	if (!err)
		err = cmd_load_policy(args->policy, NULL, &image);
	kern_free(&policies);
	if (err)
		return err;
	lock = pin_lock();
	if (lock < 0)
		return lock;
	err = list_taken(&target, &policies, &old);
	if (!err)
		err = attach_swap(&target, &image, &policies, old, &link_id);
	if (err)
		goto out;
	snprintf(done, sizeof(done), "policy %s swapped for %s (link %u)", old->name,
		 image.table.name, link_id);
	err = print_target(&target, image.table.name, link_id, old->name, done);
out:
	kern_free(&policies);
	pin_unlock(lock);
	return err;
}

int attach_end(const struct kern_target *target, const struct kern_policy *old,
	       struct kern_policies *after)
{
	int link_fd, restore_fd, err;
	const struct kern_policy *now;

	restore_fd = kern_open_map(old->restore_id, CXL_RESTORE_MAP_NAME);
	link_fd = bpf_link_get_fd_by_id(old->link_id);
	/* By the link, as a pin of somebody else's would keep it; not before Linux 6.11 */
	err = link_fd < 0 ? kern_unregister(old) : bpf_link_detach(link_fd);
	if (err && err != -EOPNOTSUPP) {
		err = error_set(EXIT_FAILED, err, "--debug tells more", "can't detach link %u: %s",
				old->link_id, strerror(-err));
		goto out;
	}
	err = pin_remove_link(target);
	if (err) {
		err = error_set(EXIT_FAILED, err, "is " PIN_BPFFS " read-only?",
				"can't remove the pin of link %u: %s", old->link_id,
				strerror(-err));
		goto out;
	}
	if (link_fd >= 0)
		close(link_fd);
	link_fd = -1;

	err = kern_list(after);
	if (err)
		goto out;
	now = kern_find(after, target);
	if (now && now->link_id == old->link_id) {
		err = error_set(EXIT_BUSY, -EBUSY, "remove the pins that keep it",
				"link %u can't be detached on this kernel", old->link_id);
		goto out;
	}
	restore_forget(restore_fd, after, target);
out:
	if (link_fd >= 0)
		close(link_fd);
	if (restore_fd >= 0)
		close(restore_fd);
	return err;
}

static int detach(const struct kern_target *target)
{
	struct kern_policies policies = {}, after = {};
	const struct kern_policy *old, *now;
	char done[128];
	int lock, err;

	err = kern_check();
	if (err)
		return err;
	err = list_taken(target, &policies, &old);
	kern_free(&policies);
	if (err)
		return err;
	lock = pin_lock();
	if (lock < 0)
		return lock;
	err = list_taken(target, &policies, &old);
	if (!err)
		err = attach_end(target, old, &after);
	if (err)
		goto out;
	now = kern_find_effective(&after, target);
	snprintf(done, sizeof(done), "policy %s detached%s%s", old->name,
		 now ? ", covered by the default policy " : "", now ? now->name : "");
	err = print_target(target, now ? now->name : NULL, now ? now->link_id : 0, old->name, done);
out:
	kern_free(&after);
	kern_free(&policies);
	pin_unlock(lock);
	return err;
}

int cmd_detach(const struct cmd_args *args)
{
	struct kern_target target;
	int err;

	err = cmd_parse_target(args, true, &target);
	return err ? err : detach(&target);
}

int cmd_default(const struct cmd_args *args)
{
	const struct kern_target target = { .match = VFIO_PCI_DVSEC_MATCH_ANY };

	if (args->argc == 1 && !strcmp(args->argv[0], "set"))
		return attach(&target, args->policy ? args->policy : DEFAULT_POLICY, false);
	if (args->argc == 1 && !strcmp(args->argv[0], "clear") && !args->policy)
		return detach(&target);
	return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help default'",
			 "'set [--policy NAME|FILE]' or 'clear' is wanted");
}
