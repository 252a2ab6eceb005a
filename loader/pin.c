// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
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

static int check_bpffs(void)
{
	if (is_bpffs())
		return 0;
	if (is_empty_dir(PIN_BPFFS) && !mount("bpf", PIN_BPFFS, "bpf", 0, "mode=0700"))
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
	if (access(PIN_SHADOW, F_OK) && !rmdir(PIN_LINKS))
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

int pin_map(int fd, const char *path)
{
	int old = bpf_obj_get(path), err;
	bool same = old >= 0 && map_id(old) == map_id(fd);

	if (old >= 0)
		close(old);
	if (same)
		return 0;
	err = remove_pin(path);
	return err ? err : bpf_obj_pin(fd, path);
}

int pin_open_map(const char *path, const char *name)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0 && !kern_map_fits(fd, name)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}
