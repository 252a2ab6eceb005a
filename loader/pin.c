// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "output.h"
#include "pin.h"

#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 50

static const char *const map_pins[KERN_NR_MAPS] = {
	[KERN_MAP_SHADOW] = PIN_DIR "/shadow",
	[KERN_MAP_EVENTS] = PIN_DIR "/events",
	[KERN_MAP_RESTORE] = PIN_DIR "/restore",
};

static bool is_bpffs(void)
{
	struct statfs fs;

	return !statfs(PIN_BPFFS, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static bool is_empty_dir(const char *path)
{
	struct dirent *entry;
	bool empty = true;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			empty = false;
	closedir(dir);
	return empty;
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

enum pin_bpffs pin_bpffs(void)
{
	if (is_bpffs())
		return PIN_BPFFS_MOUNTED;
	return is_empty_dir(PIN_BPFFS) ? PIN_BPFFS_EMPTY : PIN_BPFFS_TAKEN;
}

static int check_bpffs(void)
{
	enum pin_bpffs found = pin_bpffs();

	if (found == PIN_BPFFS_MOUNTED)
		return 0;
	if (found == PIN_BPFFS_EMPTY && !mount("bpf", PIN_BPFFS, "bpf", 0, "mode=0700"))
		return 0;
	return error_set(EXIT_FAILED, -ENODEV, "mount -t bpf bpf " PIN_BPFFS,
			 "no BPF file system at " PIN_BPFFS);
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Whether the folder has not been removed, and perhaps made anew, meanwhile */
static bool is_current(int fd)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(PIN_DIR, &named) && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

int pin_lock(void)
{
	int fd, waited = 0, err;

	err = check_bpffs();
	if (err)
		return err;
	for (;;) {
		err = make_dir(PIN_DIR);
		fd = err ? err : open_dir(PIN_DIR);
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return error_set(EXIT_FAILED, fd, "is " PIN_BPFFS " read-only?",
					 "can't make " PIN_DIR ": %s", strerror(-fd));
		if (!flock(fd, LOCK_EX | LOCK_NB)) {
			if (is_current(fd))
				break;
		} else if (errno != EWOULDBLOCK && errno != EINTR) {
			err = -errno;
			close(fd);
			return error_set(EXIT_FAILED, err, "is " PIN_BPFFS " in order?",
					 "can't lock " PIN_DIR ": %s", strerror(-err));
		} else if (waited >= LOCK_WAIT_MS) {
			close(fd);
			return error_set(EXIT_BUSY, -EBUSY, "try again when it is done",
					 "another cxl-policy is at work");
		} else {
			if (!waited)
				fprintf(stderr, "cxl-policy: waiting for another cxl-policy\n");
			usleep(LOCK_STEP_MS * 1000);
			waited += LOCK_STEP_MS;
		}
		close(fd);
	}

	err = make_dir(PIN_LINKS);
	if (err) {
		pin_unlock(fd);
		return error_set(EXIT_FAILED, err, "is " PIN_BPFFS " read-only?",
				 "can't make " PIN_LINKS ": %s", strerror(-err));
	}
	return fd;
}

void pin_unlock(int fd)
{
	if (access(map_pins[KERN_MAP_SHADOW], F_OK) && !rmdir(PIN_LINKS))
		rmdir(PIN_DIR);
	close(fd);
}

int pin_lock_monitor(void)
{
	int fd, err;

	err = check_bpffs();
	if (err)
		return err;
	fd = open_dir(PIN_BPFFS);
	if (fd < 0)
		return error_set(EXIT_FAILED, fd, "is it readable?", PIN_BPFFS ": %s",
				 strerror(-fd));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return error_set(EXIT_BUSY, -EBUSY, "end it first, each event goes to one",
				 "another monitor is running");
	}
	return fd;
}

/* The BPF file system takes no dots: 0000:0d:00.0 is 0000:0d:00-0 there */
static void link_path(const struct kern_target *target, char path[PIN_PATH_LEN])
{
	char name[DEVICE_ADDRESS_LEN], *dot;

	kern_target_name(target, name);
	dot = strchr(name, '.');
	if (dot)
		*dot = '-';
	snprintf(path, PIN_PATH_LEN, PIN_LINKS "/%s", name);
}

static int remove_pin(const char *path)
{
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int pin_link(int fd, const struct kern_target *target)
{
	char path[PIN_PATH_LEN];
	int err;

	link_path(target, path);
	err = remove_pin(path);
	return err ? err : bpf_obj_pin(fd, path);
}

int pin_remove_link(const struct kern_target *target)
{
	char path[PIN_PATH_LEN];

	link_path(target, path);
	return remove_pin(path);
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_map_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

int pin_map(int fd, enum kern_map map)
{
	const char *path = map_pins[map];
	int old = bpf_obj_get(path), err;
	bool same = old >= 0 && map_id(old) == map_id(fd);

	if (old >= 0)
		close(old);
	if (same)
		return 0;
	err = remove_pin(path);
	return err ? err : bpf_obj_pin(fd, path);
}

int pin_open_map(enum kern_map map)
{
	int fd = bpf_obj_get(map_pins[map]);

	if (fd >= 0 && !kern_map_fits(fd, kern_map_names[map])) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

/*
 * Comparing with what is in force
 */

/* The id of the link that a pin holds, 0 if it is no link or can't be opened */
static uint32_t read_link(const char *path, bool *in_force)
{
	struct bpf_link_info info = {};
	char proc[32], kind[32] = "";
	__u32 len = sizeof(info);
	uint32_t id = 0;
	int fd;

	*in_force = false;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	/* The kernel answers for maps and programs too, with other things in the same place */
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (readlink(proc, kind, sizeof(kind) - 1) >= 0 && strstr(kind, "link") &&
	    !bpf_link_get_info_by_fd(fd, &info, &len)) {
		id = info.id;
		/* A link that was detached has no map */
		*in_force = info.type == BPF_LINK_TYPE_STRUCT_OPS && info.struct_ops.map_id;
	}
	close(fd);
	return id;
}

static bool parse_name(const char *name, struct kern_target *target)
{
	char address[DEVICE_ADDRESS_LEN], again[PIN_PATH_LEN], *dash;

	memset(target, 0, sizeof(*target));
	if (strcmp(name, KERN_DEFAULT)) {
		target->match = VFIO_PCI_DVSEC_MATCH_ADDRESS;
		snprintf(address, sizeof(address), "%.*s", DEVICE_ADDRESS_LEN - 1, name);
		dash = strrchr(address, '-');
		if (!dash)
			return false;
		*dash = '.';
		if (device_parse(address, &target->address))
			return false;
	}
	link_path(target, again);
	return !strcmp(again + strlen(PIN_LINKS "/"), name);
}

bool pin_any(void)
{
	DIR *dir = opendir(PIN_LINKS);
	struct dirent *entry;

	if (!dir)
		return errno != ENOENT;
	while ((entry = readdir(dir)) && entry->d_name[0] == '.')
		;
	closedir(dir);
	return entry;
}

int pin_list(struct pins *pins)
{
	struct dirent **entries;
	int nr, i, err;

	pins->nr = 0;
	pins->pins = NULL;
	nr = scandir(PIN_LINKS, &entries, NULL, alphasort);
	if (nr < 0) {
		err = -errno;
		return err == -ENOENT ? 0
				      : error_set(EXIT_FAILED, err, "is it a folder?",
						  "can't read " PIN_LINKS ": %s", strerror(-err));
	}
	pins->pins = calloc(nr + 1, sizeof(*pins->pins));
	for (i = 0; i < nr; i++) {
		struct pin *pin = &pins->pins[pins->nr];

		if (pins->pins && entries[i]->d_name[0] != '.') {
			snprintf(pin->path, sizeof(pin->path), PIN_LINKS "/%s", entries[i]->d_name);
			pin->name = pin->path + strlen(PIN_LINKS "/");
			pin->named = parse_name(pin->name, &pin->target);
			pin->link_id = read_link(pin->path, &pin->in_force);
			/* One that has just been removed is none */
			if (!access(pin->path, F_OK))
				pins->nr++;
		}
		free(entries[i]);
	}
	free(entries);
	return pins->pins ? 0 : -ENOMEM;
}

void pin_free(struct pins *pins)
{
	free(pins->pins);
	pins->pins = NULL;
	pins->nr = 0;
}

const struct pin *pin_find(const struct pins *pins, uint32_t link_id)
{
	unsigned int i;

	for (i = 0; link_id && i < pins->nr; i++)
		if (pins->pins[i].link_id == link_id)
			return &pins->pins[i];
	return NULL;
}

bool pin_problem(const struct pin *pin, const struct kern_policies *policies, char *text,
		 size_t size)
{
	char name[DEVICE_ADDRESS_LEN];
	unsigned int i;

	text[0] = '\0';
	if (!pin->link_id) {
		snprintf(text, size, "%s isn't the pin of a link", pin->path);
		return true;
	}
	if (!pin->in_force) {
		snprintf(text, size, "the pin %s holds link %u, which isn't in force", pin->path,
			 pin->link_id);
		return true;
	}
	for (i = 0; i < policies->nr; i++)
		if (policies->policies[i].link_id == pin->link_id)
			break;
	/* Put in force since the policies were listed */
	if (i == policies->nr)
		return false;
	if (pin->named && kern_same_target(&pin->target, &policies->policies[i].target))
		return false;
	kern_target_name(&policies->policies[i].target, name);
	snprintf(text, size, "the pin %s holds link %u, which is for %s", pin->path, pin->link_id,
		 name);
	return true;
}

/* nftw() hands no argument on */
static uint32_t wanted_link;

static int look_at_pin(const char *path, const struct stat *st __attribute__((unused)), int type,
		       struct FTW *ftw __attribute__((unused)))
{
	bool in_force;

	return type == FTW_F && read_link(path, &in_force) == wanted_link;
}

bool pin_is_held(uint32_t link_id)
{
	wanted_link = link_id;
	return is_bpffs() && nftw(PIN_BPFFS, look_at_pin, 16, FTW_PHYS | FTW_MOUNT) == 1;
}
