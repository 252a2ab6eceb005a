// SPDX-License-Identifier: GPL-2.0-only
/*
 * Put policies in force and take them away, again and again, by programs that are
 * loaded once: where a load takes long, as under the kernel's checkers, little else
 * would happen.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "struct_ops.h"

static const char usage_text[] =
	"usage: policy_stress detach|kill|LINK START STOP MS OBJ [SETTING]... \\\n"
	"           [-- OBJ2 [SETTING]...]\n"
	"\n"
	"  detach  register OBJ, and detach it\n"
	"  kill    have a process register it, and kill that\n"
	"  LINK    put OBJ and OBJ2 in force by this pinned link, by turns\n"
	"\n"
	"Print \"ready\" once all is loaded. From when there is a file START until there is a\n"
	"file STOP, do it, MS milliseconds between steps. Each turn prints a line: \"ok\", or\n"
	"the error of the kernel. For a SETTING see struct_ops_load.\n"
	"\n"
	"exit status: 0 done, 1 the kernel refused a program, 2 usage\n";

static unsigned int pause_ms;

static void rest(void)
{
	usleep(pause_ms * 1000);
}

/* Return a link or a negative errno */
static int attach(struct bpf_object *obj)
{
	int link = bpf_link_create(bpf_map__fd(struct_ops_map(obj)), 0, BPF_STRUCT_OPS, NULL);

	return link < 0 ? -errno : link;
}

static int detach_once(struct bpf_object *obj)
{
	int link = attach(obj);

	if (link < 0)
		return link;
	rest();
	close(link);
	rest();
	return 0;
}

static int kill_once(struct bpf_object *obj)
{
	int status, ends[2], ret = -EIO;
	pid_t holder;

	if (pipe(ends))
		return -errno;
	holder = fork();
	if (holder < 0)
		return -errno;
	if (!holder) {
		int link = attach(obj);

		if (write(ends[1], &link, sizeof(link)) == sizeof(link))
			pause();
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], &ret, sizeof(ret)) != sizeof(ret))
		ret = -EIO;
	close(ends[0]);
	rest();
	kill(holder, SIGKILL);
	waitpid(holder, &status, 0);
	rest();
	return ret < 0 ? ret : 0;
}

static int update_once(int link, struct bpf_object *obj)
{
	int err = bpf_link_update(link, bpf_map__fd(struct_ops_map(obj)), NULL) ? -errno : 0;

	rest();
	return err;
}

int main(int argc, char **argv)
{
	struct bpf_object *objs[2] = { NULL, NULL };
	int link = -1, i, nr_objs = 0, err;
	bool killed;
	char *stop;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 6) {
		fputs(usage_text, stderr);
		return 2;
	}
	killed = !strcmp(argv[1], "kill");
	stop = argv[3];
	pause_ms = strtoul(argv[4], NULL, 0);
	for (i = 5; i < argc && nr_objs < 2; i++) {
		objs[nr_objs] = struct_ops_open(argv[i]);
		if (!objs[nr_objs])
			return 1;
		while (++i < argc && strcmp(argv[i], "--"))
			if (struct_ops_set(objs[nr_objs], argv[i]))
				return 2;
		nr_objs++;
	}
	if (!killed && strcmp(argv[1], "detach")) {
		link = bpf_obj_get(argv[1]);
		if (link < 0)
			return complain("no link at %s: %s", argv[1], strerror(errno));
		if (nr_objs != 2)
			return complain("a second object is wanted");
	}
	for (i = 0; i < nr_objs; i++)
		if (struct_ops_load(objs[i]) || struct_ops_make_ready(objs[i]))
			return 1;
	puts("ready");
	while (access(argv[2], F_OK))
		usleep(10000);
	for (i = 0; access(stop, F_OK); i++) {
		if (link >= 0)
			err = update_once(link, objs[i % 2]);
		else
			err = killed ? kill_once(objs[0]) : detach_once(objs[0]);
		puts(err ? strerrorname_np(-err) : "ok");
	}
	return 0;
}
