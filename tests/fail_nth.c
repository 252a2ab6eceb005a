// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let each allocation fail in turn that the kernel makes for what a user or the
 * administrator does, and see that no failure opens the device to the user.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "struct_ops.h"
#include "vfio.h"

static const char usage_text[] =
	"usage: fail_nth open|bind BDF DVSEC ENFORCED CLOSED\n"
	"       fail_nth attach|swap BDF DVSEC ENFORCED CLOSED OBJ\n"
	"\n"
	"Do it again and again, with the first, second, ... allocation failing, until none\n"
	"is left to fail. After each, CONTROL of the CXL device DVSEC, which begins at DVSEC,\n"
	"must read ENFORCED after ffff was written to it, or CLOSED if no policy is in force.\n"
	"\n"
	"  open    a user opens the device\n"
	"  bind    the device is bound to vfio-pci\n"
	"  attach  the policy of OBJ, for any device, is put in force under an open device\n"
	"  swap    it replaces another one\n"
	"\n"
	"exit status: 0 as it should be, 1 not so, 2 usage\n";

#define CONTROL 0x0c
#define NR_MAX	100000

static const char *bdf;
static unsigned long dvsec, enforced, closed;
static int wrong;
/* Of what was done: how often it failed, and how often what it needs failed unnoticed */
static unsigned int refused, unnoticed;

static void note_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note_wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	wrong = 1;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0 && errno == EINVAL)
			note_wrong("cannot write %s to %s", text, path);
		close(fd);
	}
}

/* Of the file that says how many allocations are left until one fails */
static int nth_fd = -1;

static void fail(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(nth_fd, text, strlen(text), 0) < 0) {
		perror("fail-nth");
		exit(1);
	}
}

/* end(): no more failures; was there one? */
static bool end(void)
{
	char text[16] = "";
	bool failed;

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0) {
		perror("fail-nth");
		exit(1);
	}
	failed = atoi(text) == 0;
	fail(0);
	return failed;
}

static void read_attr(const char *name, char *text, size_t size)
{
	char path[128];
	ssize_t n = -1;
	int fd, i;

	for (i = 0; i < 64 && n < 0; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev/vfio%d/dvsec/%s",
			 bdf, i, name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n - 1 : 0] = '\0';
}

/* The user tries to change CONTROL; what holds is what the kernel says holds */
static void judge(const struct vfio_device *dev, const char *what, unsigned int n)
{
	uint32_t value;
	char state[16];
	int err;

	read_attr("state", state, sizeof(state));
	err = vfio_config_write(dev, dvsec + CONTROL, 2, 0xffff);
	if (!err)
		err = vfio_config_read(dev, dvsec + CONTROL, 2, &value);
	if (err)
		note_wrong("%s, %u: access: %s", what, n, strerror(-err));
	else if (value != (strcmp(state, "enforced") ? closed : enforced))
		note_wrong("%s, %u: state %s, CONTROL %#x", what, n, state, value);
	if (strcmp(state, "enforced") && strcmp(state, "error") && strcmp(state, "none"))
		note_wrong("%s, %u: state '%s'", what, n, state);
}

static void count(bool failed, bool ok)
{
	if (!ok)
		refused++;
	else if (failed)
		unnoticed++;
}

static bool open_once(unsigned int n)
{
	struct vfio_device dev = VFIO_DEVICE_CLOSED;
	bool failed, ok;

	if (vfio_find(&dev, bdf))
		exit(1);
	fail(n);
	ok = !vfio_open(&dev);
	failed = end();
	count(failed, ok);
	if (ok)
		judge(&dev, "open", n);
	else if (!failed)
		note_wrong("open, %u: no allocation failed, but the open did", n);
	vfio_close(&dev);
	return failed;
}

static bool bind_once(unsigned int n)
{
	struct vfio_device dev = VFIO_DEVICE_CLOSED;
	const char *driver = "/sys/bus/pci/drivers/vfio-pci";
	char path[128];
	bool failed;
	int fd;

	snprintf(path, sizeof(path), "%s/unbind", driver);
	write_file(path, bdf);
	snprintf(path, sizeof(path), "%s/bind", driver);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	fail(n);
	if (write(fd, bdf, strlen(bdf)) < 0)
		errno = 0;
	failed = end();
	close(fd);
	snprintf(path, sizeof(path), "%s/%s", driver, bdf);
	count(failed, !access(path, F_OK));
	if (access(path, F_OK)) {
		if (!failed)
			note_wrong("bind, %u: no allocation failed, but the bind did", n);
		return failed;
	}
	if (!vfio_find(&dev, bdf) && !vfio_open(&dev))
		judge(&dev, "bind", n);
	vfio_close(&dev);
	return failed;
}

static struct bpf_map *load(const char *path, const char *name)
{
	struct bpf_object *obj = struct_ops_open(path);
	char setting[64];

	snprintf(setting, sizeof(setting), "name=%s", name);
	if (!obj || struct_ops_set(obj, setting) || struct_ops_load(obj) ||
	    struct_ops_make_ready(obj))
		exit(1);
	return struct_ops_map(obj);
}

static struct bpf_map *first, *second;
static struct vfio_device user = VFIO_DEVICE_CLOSED;

static void policy_is(const char *what, unsigned int n, const char *want)
{
	char policy[64];

	read_attr("policy", policy, sizeof(policy));
	if (strcmp(policy, want))
		note_wrong("%s, %u: policy '%s', not '%s'", what, n, policy, want);
}

static bool attach_once(unsigned int n)
{
	bool failed;
	int link;

	fail(n);
	link = bpf_link_create(bpf_map__fd(first), 0, BPF_STRUCT_OPS, NULL);
	failed = end();
	count(failed, link >= 0);
	if (link < 0 && !failed)
		note_wrong("attach, %u: no allocation failed, but the attach did", n);
	policy_is("attach", n, link < 0 ? "" : "first");
	judge(&user, "attach", n);
	if (link >= 0)
		close(link);
	policy_is("detach", n, "");
	judge(&user, "detach", n);
	return failed;
}

static bool swap_once(unsigned int n)
{
	int link = bpf_link_create(bpf_map__fd(first), 0, BPF_STRUCT_OPS, NULL), err;
	bool failed;

	if (link < 0) {
		note_wrong("swap, %u: nothing to swap: %s", n, strerror(errno));
		return false;
	}
	fail(n);
	err = bpf_link_update(link, bpf_map__fd(second), NULL);
	failed = end();
	count(failed, !err);
	if (err && !failed)
		note_wrong("swap, %u: no allocation failed, but the swap did", n);
	policy_is("swap", n, err ? "first" : "second");
	judge(&user, "swap", n);
	close(link);
	return failed;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*once)(unsigned int n);
		int argc;
	} works[] = { { "open", open_once, 6 },
		      { "bind", bind_once, 6 },
		      { "attach", attach_once, 7 },
		      { "swap", swap_once, 7 } };
	unsigned int i, n = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (argc > 1 && !strcmp(argv[1], works[i].name) && argc == works[i].argc)
			break;
	if (i == sizeof(works) / sizeof(works[0])) {
		fputs(usage_text, stderr);
		return 2;
	}
	bdf = argv[2];
	dvsec = strtoul(argv[3], NULL, 0);
	enforced = strtoul(argv[4], NULL, 16);
	closed = strtoul(argv[5], NULL, 16);
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0) {
		perror("/proc/thread-self/fail-nth");
		return 1;
	}
	if (argc == 7) {
		first = load(argv[6], "first");
		second = load(argv[6], "second");
		if (vfio_find(&user, bdf) || vfio_open(&user))
			return 1;
	}
	while (works[i].once(++n) && n < NR_MAX)
		;
	if (n == NR_MAX)
		note_wrong("there is no end to it");
	printf("%s: %u allocations failed, %u times it was refused, %u times done without\n",
	       works[i].name, n - 1, refused, unnoticed);
	vfio_close(&user);
	return wrong;
}
