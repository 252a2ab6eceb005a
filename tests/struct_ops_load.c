// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load a struct_ops object of vfio-pci-core, as the tests want it: bpftool sets
 * no members and no variables, updates nothing, and doesn't wait for links.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "struct_ops.h"

static const char usage_text[] =
	"usage: struct_ops_load OBJ [SETTING]... load|pin=LINK|hold|update=LINK\n"
	"       struct_ops_load OBJ [SETTING]... swap=LINK,N,MS OBJ2 [SETTING]...\n"
	"       struct_ops_load poll LINK SECONDS\n"
	"       struct_ops_load detach LINK\n"
	"\n"
	"  load            load the object, register nothing\n"
	"  pin=LINK        register it and pin the link\n"
	"  hold            register it, print \"held\", wait until the link is detached\n"
	"  update=LINK     put it in force by a pinned link\n"
	"  swap=LINK,N,MS  put OBJ, OBJ2, OBJ, ... in force by a pinned link, N times, with\n"
	"                  MS milliseconds between\n"
	"  poll            wait until the pinned link is detached\n"
	"\n"
	"  name=NAME       name of the policy\n"
	"  match=any|BDF   device that it is for\n"
	"  raw-match=N     match kind as a number\n"
	"  claim=VVVV:IIII DVSEC that it claims, in hex, may be repeated\n"
	"  VARIABLE=N      constant of the program\n"
	"  MAP@PIN         use the pinned map for MAP\n"
	"\n"
	"exit status: 0 done, 1 the kernel refused, 2 usage\n";

static int wait_for_detach(int fd, double seconds)
{
	struct pollfd pollfd = { .fd = fd };
	int n = poll(&pollfd, 1, seconds < 0 ? -1 : (int)(seconds * 1000));

	if (n < 0)
		return complain("poll: %s", strerror(errno));
	if (!n)
		return complain("the link was not detached in %g s", seconds);
	if (!(pollfd.revents & POLLHUP))
		return complain("poll gave events 0x%x", pollfd.revents);
	puts("detached");
	return 0;
}

static int update(struct bpf_object *obj, int link)
{
	if (bpf_link_update(link, bpf_map__fd(struct_ops_map(obj)), NULL))
		return complain("cannot update: %s", strerror(errno));
	return 0;
}

static int get_link(const char *pin)
{
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		complain("no link at %s: %s", pin, strerror(errno));
	return fd;
}

static int attach(struct bpf_object *obj, const char *pin)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(struct_ops_map(obj));

	if (!link)
		return complain("cannot register: %s", strerror(errno));
	if (pin)
		return bpf_link__pin(link, pin)
			       ? complain("cannot pin at %s: %s", pin, strerror(errno))
			       : 0;
	puts("held");
	return wait_for_detach(bpf_link__fd(link), -1);
}

static int swap(struct bpf_object *first, const char *arg, int argc, char **argv)
{
	struct bpf_object *objs[2] = { first };
	unsigned int count, pause, i;
	struct timespec a, b;
	char pin[256];
	int link, j;

	if (sscanf(arg, "%255[^,],%u,%u", pin, &count, &pause) != 3 || argc < 1)
		return complain("what is 'swap=%s'?", arg);
	objs[1] = struct_ops_open(argv[0]);
	for (j = 1; objs[1] && j < argc; j++)
		if (struct_ops_set(objs[1], argv[j]))
			return 2;
	link = get_link(pin);
	if (!objs[1] || link < 0)
		return 1;
	for (j = 0; j < 2; j++)
		if (struct_ops_load(objs[j]) || struct_ops_make_ready(objs[j]))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < count; i++) {
		if (update(objs[i % 2], link))
			return 1;
		usleep(pause * 1000);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%u updates in %.2f s\n", count,
	       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}

static int act(struct bpf_object *obj, const char *action, int argc, char **argv)
{
	int link;

	if (!strncmp(action, "swap=", 5))
		return swap(obj, action + 5, argc, argv);
	if (struct_ops_load(obj))
		return 1;
	if (!strcmp(action, "load"))
		return 0;
	if (!strcmp(action, "hold"))
		return attach(obj, NULL);
	if (!strncmp(action, "pin=", 4))
		return attach(obj, action + 4);
	link = get_link(action + strlen("update="));
	return link < 0 || struct_ops_make_ready(obj) || update(obj, link);
}

static bool is_action(const char *arg)
{
	return !strcmp(arg, "load") || !strcmp(arg, "hold") || !strncmp(arg, "pin=", 4) ||
	       !strncmp(arg, "update=", 7) || !strncmp(arg, "swap=", 5);
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	int i, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);

	if (argc == 4 && !strcmp(argv[1], "poll")) {
		fd = get_link(argv[2]);
		return fd < 0 ? 1 : wait_for_detach(fd, strtod(argv[3], NULL));
	}
	if (argc == 3 && !strcmp(argv[1], "detach")) {
		fd = get_link(argv[2]);
		if (fd >= 0 && bpf_link_detach(fd))
			return complain("cannot detach: %s", strerror(errno));
		return fd < 0;
	}
	if (argc < 3) {
		fputs(usage_text, stderr);
		return 2;
	}
	obj = struct_ops_open(argv[1]);
	if (!obj)
		return 1;
	for (i = 2; i < argc && !is_action(argv[i]); i++)
		if (struct_ops_set(obj, argv[i]))
			return 2;
	if (i == argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	return act(obj, argv[i], argc - i - 1, argv + i + 1);
}
