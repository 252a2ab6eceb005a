// SPDX-License-Identifier: GPL-2.0-only
/*
 * record: the accesses of a user in a file, with what the policy in force made of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "follow.h"
#include "output.h"
#include "stream_file.h"

/* More than any line, so that each is written at once */
#define BUFFER_SIZE (256 * 1024)

struct record {
	struct follow follow;
	FILE *file;
	bool began;
	unsigned long limit;
	unsigned long count;
};

static void write_line(struct record *record, struct json_object *object)
{
	fprintf(record->file, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(record->file);
	json_object_put(object);
}

static void now_text(char *text, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	output_time(now.tv_sec * 1000000000ULL + now.tv_nsec, true, text, size);
}

static void begin(struct record *record, const struct cxl_shadow *shadow)
{
	if (record->began)
		return;
	record->began = true;
	write_line(record, stream_file_header(&record->follow.device, record->follow.policy.name,
					      shadow, record->follow.stream->hw));
}

static void on_access(void *arg, const struct stream_access *access)
{
	struct record *record = arg;
	char time[64];

	output_time(access->call.time, true, time, sizeof(time));
	write_line(record, stream_file_access(time, access));
	record->count++;
}

static void on_told(void *arg, const struct cxl_call *call)
{
	struct record *record = arg;
	char time[64];

	output_time(call->time, true, time, sizeof(time));
	begin(record, NULL);
	write_line(record, stream_file_told(time, call));
}

static void on_lost(void *arg, const struct cxl_call *call)
{
	struct record *record = arg;
	char time[64];

	(void)call;
	begin(record, NULL);
	now_text(time, sizeof(time));
	write_line(record, stream_file_lost(time));
}

static void on_seeded(void *arg, const struct cxl_shadow *shadow)
{
	struct record *record = arg;
	char time[64];

	if (!record->began) {
		begin(record, shadow);
		return;
	}
	now_text(time, sizeof(time));
	write_line(record, stream_file_seed(time, record->follow.policy.name, shadow,
					    record->follow.stream->hw));
}

/* The state that follows is no consequence of what was before */
static void on_swapped(void *arg)
{
	on_lost(arg, NULL);
}

static bool is_full(void *arg)
{
	const struct record *record = arg;

	return (record->limit && record->count >= record->limit) || ferror(record->file);
}

static const struct follow_ops ops = {
	.stream = { .access = on_access, .told = on_told, .lost = on_lost },
	.seeded = on_seeded,
	.swapped = on_swapped,
	.full = is_full,
};

/* What a guest did is for nobody else's eyes, and what is there is worth keeping */
static FILE *open_file(const char *path, bool force)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
	struct stat stat_buf;
	FILE *file;
	int fd;

	if (!stat(path, &stat_buf) && !S_ISREG(stat_buf.st_mode))
		flags &= ~O_CREAT;
	else
		flags |= force ? O_TRUNC : O_EXCL;
	fd = open(path, flags, 0600);
	if (fd < 0) {
		if (errno == EEXIST)
			error_set(EXIT_BUSY, -errno, "name another one, or use --force",
				  "%s is there already", path);
		else
			error_set(errno == EACCES ? EXIT_PRIVILEGE : EXIT_MISSING, -errno,
				  "is its folder there, and may it be written?",
				  "can't write %s: %s", path, strerror(errno));
		return NULL;
	}
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

int cmd_record(const struct cmd_args *args)
{
	bool to_stdout = args->argc < 2 || !strcmp(args->argv[1], "-");
	struct cmd_args device = *args;
	struct record *record;
	int err;

	if (args->argc != 1 && args->argc != 2)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help record'",
				 "a device and, if need be, a file are wanted");
	if (args->force && to_stdout)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help record'",
				 "--force is for a file, and none is named");
	record = calloc(1, sizeof(*record));
	if (!record)
		return -ENOMEM;
	device.argc = 1;
	record->limit = args->count;
	err = follow_open(&device, &ops, record, NULL, &record->follow);
	if (err)
		goto out;
	record->file = to_stdout ? stdout : open_file(args->argv[1], args->force);
	if (!record->file) {
		err = -EIO;
		goto out;
	}
	setvbuf(record->file, NULL, _IOFBF, BUFFER_SIZE);

	err = follow_run(&record->follow, args->timeout);
	begin(record, NULL);
	if (ferror(record->file) && !err)
		err = error_set(EXIT_FAILED, -EIO, "is there room for it?", "can't write %s",
				to_stdout ? "the output" : args->argv[1]);
	if (!to_stdout)
		fprintf(stderr, "cxl-policy: %lu accesses recorded, %llu records lost\n",
			record->count, (unsigned long long)record->follow.stream->nr_lost);
out:
	follow_close(&record->follow);
	if (record->file && !to_stdout && fclose(record->file) && !err)
		err = error_set(EXIT_FAILED, -EIO, "is there room for it?", "can't write %s",
				args->argv[1]);
	free(record);
	return err;
}
