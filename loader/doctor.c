// SPDX-License-Identifier: GPL-2.0-only
/*
 * doctor: what keeps policies from being enforced here. It asks the kernel and
 * changes nothing.
 */
#define _GNU_SOURCE
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"
#include "device.h"
#include "kern.h"
#include "output.h"
#include "pin.h"

/* The first Linux with struct_ops types in modules */
#define LINUX_MAJOR 6
#define LINUX_MINOR 9
/* The first libbpf that knows them */
#define LIBBPF_MAJOR 1
#define LIBBPF_MINOR 4

#define CORE_MODULE   "/sys/module/vfio_pci_core"
#define BUILD_ID      ".note.gnu.build-id"
#define BUILD_ID_SIZE 64
#define HOST_DEFAULTS "/etc/default/cxl-policy"

enum status {
	OK,
	WARN,
	FAIL,
	UNKNOWN,
};

static const char *const status_names[] = {
	[OK] = "ok",
	[WARN] = "warn",
	[FAIL] = "fail",
	[UNKNOWN] = "unknown",
};

static const enum output_color status_colors[] = {
	[OK] = OUTPUT_GOOD,
	[WARN] = OUTPUT_WARN,
	[FAIL] = OUTPUT_BAD,
	[UNKNOWN] = OUTPUT_WARN,
};

struct doctor {
	struct json_object *checks;
	unsigned int failed;
	bool lacks_privilege;
	bool privileged;
	enum kern_hook hook;
};

__attribute__((format(printf, 5, 6))) static void tell(struct doctor *doctor, const char *name,
						       enum status status, const char *hint,
						       const char *fmt, ...)
{
	struct json_object *object;
	char found[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(found, sizeof(found), fmt, args);
	va_end(args);
	doctor->failed += status == FAIL;
	if (!output_options.json) {
		printf("%s%-7s%s %s: %s%s%s\n", output_color(status_colors[status]),
		       status_names[status], output_color(OUTPUT_PLAIN), name, found,
		       hint ? ": " : "", hint ? hint : "");
		return;
	}
	object = json_object_new_object();
	output_add(object, "name", output_string(name));
	output_add(object, "status", output_string(status_names[status]));
	output_add(object, "found", output_string(found));
	output_add(object, "hint", output_string(hint));
	json_object_array_add(doctor->checks, object);
}

/* The first line of a file, "" if it can't be read */
static const char *read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (!f)
		return line;
	if (!fgets(line, size, f))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return line;
}

static unsigned int count_entries(const char *path)
{
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	closedir(dir);
	return nr;
}

/*
 * The kernel
 */

static void check_release(struct doctor *doctor)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
		tell(doctor, "kernel", UNKNOWN, NULL, "a release that can't be read");
		return;
	}
	if (major > LINUX_MAJOR || (major == LINUX_MAJOR && minor >= LINUX_MINOR))
		tell(doctor, "kernel", OK, NULL, "Linux %s", name.release);
	else
		tell(doctor, "kernel", FAIL, "boot Linux 6.9 or later",
		     "Linux %s, which has no struct_ops in modules", name.release);
}

static void check_jit(struct doctor *doctor)
{
	char line[16];

	read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line));
	if (!line[0])
		tell(doctor, "bpf-jit", UNKNOWN,
		     "the kernel needs CONFIG_BPF_JIT, and shows it outside of containers only",
		     "there is no /proc/sys/net/core/bpf_jit_enable");
	else if (!strcmp(line, "0"))
		tell(doctor, "bpf-jit", FAIL, "sysctl net.core.bpf_jit_enable=1",
		     "off, and struct_ops needs it");
	else
		tell(doctor, "bpf-jit", OK, NULL, "on");
}

static void check_btf(struct doctor *doctor)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		tell(doctor, "kernel-btf", FAIL,
		     "boot a kernel that is built with CONFIG_DEBUG_INFO_BTF",
		     "no /sys/kernel/btf/vmlinux");
	else if (doctor->hook == KERN_HOOK_NO_BTF)
		tell(doctor, "kernel-btf", FAIL, "is the kernel's image in order?",
		     "/sys/kernel/btf/vmlinux can't be read");
	else
		tell(doctor, "kernel-btf", OK, NULL, "/sys/kernel/btf/vmlinux");
}

/*
 * vfio-pci
 */

/* A module that can be loaded has that file; one that is built in hasn't */
static bool core_is_module(void)
{
	return !access(CORE_MODULE "/initstate", F_OK);
}

static void check_vfio(struct doctor *doctor)
{
	if (access("/sys/bus/pci/drivers/vfio-pci", F_OK))
		tell(doctor, "vfio-pci", FAIL, "modprobe vfio-pci", "not loaded");
	else if (core_is_module())
		tell(doctor, "vfio-pci", OK, NULL, "loaded as a module");
	else
		tell(doctor, "vfio-pci", OK, NULL, "built into the kernel");
}

static void check_hook(struct doctor *doctor)
{
	const char *cause, *hint;

	if (core_is_module()) {
		if (access("/sys/kernel/btf/vfio_pci_core", R_OK))
			tell(doctor, "vfio-pci-btf", FAIL,
			     "build kernel and module with CONFIG_DEBUG_INFO_BTF_MODULES",
			     "no /sys/kernel/btf/vfio_pci_core");
		else
			tell(doctor, "vfio-pci-btf", OK, NULL, "/sys/kernel/btf/vfio_pci_core");
	}
	if (doctor->hook == KERN_HOOK_PRESENT) {
		tell(doctor, "hook", OK, NULL, "vfio-pci has the hook for DVSEC policies");
		return;
	}
	if (doctor->hook == KERN_HOOK_NO_BTF) {
		tell(doctor, "hook", UNKNOWN, NULL,
		     "it can't be looked for without the kernel's BTF");
		return;
	}
	cause = kern_hook_text(doctor->hook, &hint);
	tell(doctor, "hook", FAIL, hint, "%s", cause);
}

/* What modprobe would load: the first word of a line of modules.dep; "" if none */
static void find_module_file(char path[PATH_MAX])
{
	static const char name[] = "/vfio-pci-core.ko";
	char *line = NULL, *end, *base;
	struct utsname uts;
	size_t size = 0;
	FILE *f;

	path[0] = '\0';
	if (uname(&uts))
		return;
	snprintf(path, PATH_MAX, "/lib/modules/%s/modules.dep", uts.release);
	f = fopen(path, "re");
	path[0] = '\0';
	if (!f)
		return;
	while (!path[0] && getline(&line, &size, f) > 0) {
		end = strchr(line, ':');
		if (!end)
			continue;
		*end = '\0';
		base = strrchr(line, '/');
		if (base && !strncmp(base, name, strlen(name)))
			snprintf(path, PATH_MAX, "%s%s%s%s", line[0] == '/' ? "" : "/lib/modules/",
				 line[0] == '/' ? "" : uts.release, line[0] == '/' ? "" : "/",
				 line);
	}
	free(line);
	fclose(f);
}

/* Return: size of the note, 0 if there is none to be read */
static size_t read_file_build_id(const char *path, unsigned char note[BUILD_ID_SIZE])
{
	Elf_Scn *section = NULL;
	size_t names, size = 0;
	const char *name;
	Elf_Data *data;
	GElf_Shdr header;
	Elf *elf;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && !elf_getshdrstrndx(elf, &names)) {
		while (!size && (section = elf_nextscn(elf, section))) {
			if (!gelf_getshdr(section, &header))
				continue;
			name = elf_strptr(elf, names, header.sh_name);
			data = name && !strcmp(name, BUILD_ID) ? elf_rawdata(section, NULL) : NULL;
			if (!data || !data->d_size || data->d_size > BUILD_ID_SIZE)
				continue;
			memcpy(note, data->d_buf, data->d_size);
			size = data->d_size;
		}
	}
	elf_end(elf);
	close(fd);
	return size;
}

static size_t read_loaded_build_id(unsigned char note[BUILD_ID_SIZE])
{
	FILE *f = fopen(CORE_MODULE "/notes/" BUILD_ID, "re");
	size_t size;

	if (!f)
		return 0;
	size = fread(note, 1, BUILD_ID_SIZE, f);
	fclose(f);
	return size;
}

/* One that was loaded early, from an initramfs say, may be another one */
static void check_module_file(struct doctor *doctor)
{
	unsigned char loaded[BUILD_ID_SIZE], file[BUILD_ID_SIZE];
	size_t loaded_size, file_size;
	bool hooked = doctor->hook == KERN_HOOK_PRESENT;
	char path[PATH_MAX];

	if (!core_is_module())
		return;
	find_module_file(path);
	if (!path[0]) {
		tell(doctor, "module-file", UNKNOWN, NULL,
		     "modprobe has no vfio-pci-core.ko to compare the loaded one with");
		return;
	}
	loaded_size = read_loaded_build_id(loaded);
	file_size = read_file_build_id(path, file);
	if (!loaded_size || !file_size)
		tell(doctor, "module-file", UNKNOWN, NULL,
		     "the loaded vfio-pci-core can't be compared with %s (no build ID%s)", path,
		     file_size || !strcmp(path + strlen(path) - 3, ".ko") ? "" : ", compressed");
	else if (loaded_size == file_size && !memcmp(loaded, file, file_size))
		tell(doctor, "module-file", OK, NULL, "the loaded vfio-pci-core is %s", path);
	else
		tell(doctor, "module-file", hooked ? WARN : FAIL,
		     hooked ? "install the one that is loaded, run depmod, update the initramfs"
			    : "update the initramfs if vfio-pci is in it, unload vfio-pci and "
			      "vfio-pci-core, and 'modprobe vfio-pci', or boot anew",
		     "the loaded vfio-pci-core isn't %s, which modprobe would load", path);
}

/* As loader/modprobe/load-vfio-pci-core.in takes it: whatever isn't a no is a yes */
static bool requires_hook(void)
{
	static const char *const no[] = { "", "no", "No", "NO", "false", "off", "0" };
	static const char name[] = "REQUIRE_HOOK=";
	char *line = NULL, *value;
	bool required = false;
	size_t size = 0, i;
	FILE *f;

	f = fopen(HOST_DEFAULTS, "re");
	if (!f)
		return false;
	while (getline(&line, &size, f) > 0) {
		value = line + strspn(line, " \t");
		if (!strncmp(value, "export ", strlen("export ")))
			value += strlen("export ");
		if (strncmp(value, name, strlen(name)))
			continue;
		value += strlen(name);
		value += *value == '"' || *value == '\'';
		value[strcspn(value, "\"' \t\n;")] = '\0';
		required = true;
		for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
			required &= !!strcmp(value, no[i]);
	}
	free(line);
	fclose(f);
	return required;
}

static void check_required(struct doctor *doctor)
{
	tell(doctor, "require-hook", OK, NULL, "%s (REQUIRE_HOOK in " HOST_DEFAULTS ")",
	     requires_hook() ? "yes: modprobe loads no vfio-pci-core without the hook"
			     : "no: modprobe loads a vfio-pci-core without the hook, too");
}

static void check_raw(struct doctor *doctor)
{
	char line[16];

	read_line(CORE_MODULE "/parameters/dvsec_raw", line, sizeof(line));
	if (!strcmp(line, "N"))
		tell(doctor, "dvsec-raw", OK, NULL, "off");
	else if (line[0])
		tell(doctor, "dvsec-raw", WARN, "load vfio-pci-core without dvsec_raw=1",
		     "on: without a policy, users write DVSECs of CXL");
}

static void check_device(struct doctor *doctor, const struct device *device)
{
	char name[32], hint[64];

	snprintf(name, sizeof(name), "device %s", device->name);
	snprintf(hint, sizeof(hint), "cxl-policy attach %s", device->name);
	if (device_in_transit(device))
		tell(doctor, name, WARN, "look again; a device is left when its user has closed it",
		     "it is being bound to %s, or unbound", device->driver);
	else if (!device->hooked)
		tell(doctor, name, FAIL, "load the patched vfio-pci (see kernel/)",
		     "its driver %s has no hook: users write its DVSECs", device->driver);
	else if (!strcmp(device->state, "enforced"))
		tell(doctor, name, OK, NULL, "enforced, policy %s", device->policy);
	else if (!strcmp(device->state, "none"))
		tell(doctor, name, WARN, hint, "no policy, DVSECs of CXL are read-only");
	else if (!strcmp(device->state, "raw"))
		tell(doctor, name, WARN, hint, "no policy, and users write its DVSECs (dvsec_raw)");
	else
		tell(doctor, name, FAIL,
		     "the kernel's log tells why; reopen it, or swap the policy",
		     "state %s: policy %s failed, its DVSECs are read-only", device->state,
		     device->policy[0] ? device->policy : "-");
}

static int check_devices(struct doctor *doctor)
{
	unsigned int nr = 0, i, bound = 0;
	struct device *devices = NULL;
	int err;

	err = device_list(&devices, &nr);
	if (err)
		return err;
	for (i = 0; i < nr; i++)
		bound += !strncmp(devices[i].driver, "vfio", strlen("vfio"));
	if (!doctor->privileged)
		tell(doctor, "cxl-devices", UNKNOWN, "run it as root",
		     "no privilege to read configuration space");
	else if (!nr)
		tell(doctor, "cxl-devices", WARN, "'lspci -vvv' shows the DVSECs that there are",
		     "none (no device but bridges has a DVSEC of vendor 0x1e98)");
	else
		tell(doctor, "cxl-devices", OK, NULL, "%u, of which vfio has %u", nr, bound);
	for (i = 0; i < nr; i++)
		if (!strncmp(devices[i].driver, "vfio", strlen("vfio")))
			check_device(doctor, &devices[i]);
	free(devices);
	return 0;
}

/*
 * What the loader needs
 */

static void check_libbpf(struct doctor *doctor)
{
	uint32_t major = libbpf_major_version(), minor = libbpf_minor_version();

	if (major > LIBBPF_MAJOR || (major == LIBBPF_MAJOR && minor >= LIBBPF_MINOR))
		tell(doctor, "libbpf", OK, NULL, "%u.%u", major, minor);
	else
		tell(doctor, "libbpf", FAIL, "install libbpf 1.4 or later", "%u.%u", major, minor);
}

static void check_privilege(struct doctor *doctor)
{
	static const struct {
		unsigned int number;
		const char *name;
	} capabilities[] = {
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
	};
	char has[64] = "", lacks[64] = "";
	unsigned int i;

	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		char *list = kern_has_capability(capabilities[i].number) ? has : lacks;
		size_t len = strlen(list);

		snprintf(list + len, sizeof(has) - len, "%s%s", len ? ", " : "",
			 capabilities[i].name);
	}
	/* It stands for the other two */
	if (doctor->privileged)
		tell(doctor, "privilege", OK, NULL, "%s", has);
	else
		tell(doctor, "privilege", FAIL, "run it as root", "this process lacks %s", lacks);
	doctor->lacks_privilege = !doctor->privileged;
}

static void check_lockdown(struct doctor *doctor)
{
	char line[64];

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	if (strstr(line, "[none]"))
		tell(doctor, "lockdown", OK, NULL, "none");
	else if (strstr(line, "[integrity]"))
		tell(doctor, "lockdown", OK, NULL,
		     "integrity: the patched modules have to be signed");
	else if (line[0])
		tell(doctor, "lockdown", WARN,
		     "boot without lockdown=confidentiality to use 'trial' and 'record'",
		     "confidentiality: no BPF program may read kernel memory, as 'trial' and "
		     "'record' do; policies work");
	else
		tell(doctor, "lockdown", UNKNOWN, NULL,
		     "there is no /sys/kernel/security/lockdown");
}

static void check_bpffs(struct doctor *doctor)
{
	switch (pin_bpffs()) {
	case PIN_BPFFS_MOUNTED:
		tell(doctor, "bpffs", OK, NULL, "mounted at " PIN_BPFFS);
		break;
	case PIN_BPFFS_EMPTY:
		tell(doctor, "bpffs", OK, NULL, "not mounted, cxl-policy mounts it at " PIN_BPFFS);
		break;
	default:
		tell(doctor, "bpffs", FAIL, "mount -t bpf bpf " PIN_BPFFS,
		     "no BPF file system at " PIN_BPFFS ", and no empty folder to mount it on");
	}
}

static void check_iommu(struct doctor *doctor)
{
	unsigned int iommus = count_entries("/sys/class/iommu");
	unsigned int groups = count_entries("/sys/kernel/iommu_groups");
	char line[16];

	read_line("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", line, sizeof(line));
	if (!strcmp(line, "Y"))
		tell(doctor, "iommu", WARN, "load vfio without enable_unsafe_noiommu_mode=1",
		     "vfio gives devices without an IOMMU too: their DMA reaches all memory");
	else if (!iommus && !groups)
		tell(doctor, "iommu", FAIL,
		     "switch it on in the firmware, and by the kernel's argument intel_iommu=on",
		     "there is none, so vfio gives no device to a guest");
	else
		tell(doctor, "iommu", OK, NULL, "%u, with %u groups", iommus, groups);
}

/*
 * Policies and their pins
 */

static void check_policies(struct doctor *doctor)
{
	char problem[PIN_PATH_LEN + 512], name[DEVICE_ADDRESS_LEN], hint[PIN_PATH_LEN + 512];
	struct kern_policies policies = {};
	struct pins pins = {};
	unsigned int i, bad = 0;

	if (!doctor->privileged) {
		tell(doctor, "policies", UNKNOWN, "run it as root",
		     "no privilege to list what is in force");
		return;
	}
	/* Without BTF the kernel's answer can't be read; the check for that has told so */
	if (doctor->hook == KERN_HOOK_NO_BTF || kern_list(&policies) || pin_list(&pins)) {
		tell(doctor, "policies", UNKNOWN, "'cxl-policy list' tells why",
		     "what is in force can't be read");
		goto out;
	}
	for (i = 0; i < policies.nr; i++) {
		const struct kern_policy *policy = &policies.policies[i];

		/* One without a link stays until it is unregistered */
		if (!policy->link_id || pin_is_held(policy->link_id))
			continue;
		kern_target_name(&policy->target, name);
		snprintf(hint, sizeof(hint),
			 "bpftool link pin id %u " PIN_BPFFS "/NAME, or detach it and attach anew",
			 policy->link_id);
		tell(doctor, "policies", WARN, hint,
		     "link %u, policy %s for %s, has no pin: it goes with the program that holds it",
		     policy->link_id, policy->name[0] ? policy->name : "without a name", name);
		bad++;
	}
	for (i = 0; i < pins.nr; i++) {
		if (!pin_problem(&pins.pins[i], &policies, problem, sizeof(problem)))
			continue;
		snprintf(hint, sizeof(hint), "rm %s", pins.pins[i].path);
		tell(doctor, "pins", WARN, hint, "%s", problem);
		bad++;
	}
	if (!bad && !policies.nr)
		tell(doctor, "policies", OK, NULL, "none in force, and none pinned");
	else if (!bad)
		tell(doctor, "policies", OK, NULL, "%u in force, none of which goes with a program",
		     policies.nr);
out:
	kern_free(&policies);
	pin_free(&pins);
}

int cmd_doctor(const struct cmd_args *args)
{
	struct doctor doctor = {};
	struct json_object *object;
	int err;

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help doctor'",
				 "doctor takes no argument");
	doctor.checks = json_object_new_array();
	doctor.privileged = kern_has_capability(CAP_SYS_ADMIN);
	doctor.hook = kern_hook();

	check_release(&doctor);
	check_jit(&doctor);
	check_btf(&doctor);
	check_vfio(&doctor);
	check_hook(&doctor);
	check_module_file(&doctor);
	check_required(&doctor);
	check_raw(&doctor);
	check_libbpf(&doctor);
	check_privilege(&doctor);
	check_lockdown(&doctor);
	check_bpffs(&doctor);
	check_iommu(&doctor);
	err = check_devices(&doctor);
	if (err) {
		json_object_put(doctor.checks);
		return err;
	}
	check_policies(&doctor);

	if (output_options.json) {
		object = json_object_new_object();
		output_add(object, "ok", json_object_new_boolean(!doctor.failed));
		output_add(object, "checks", doctor.checks);
		output_json(object);
	} else {
		json_object_put(doctor.checks);
	}
	if (doctor.failed > doctor.lacks_privilege)
		return EXIT_KERNEL;
	return doctor.lacks_privilege ? EXIT_PRIVILEGE : 0;
}
