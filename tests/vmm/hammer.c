// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in a guest: accesses to the configuration space of a device through the
 * file that Linux has for it, over and over, with each value read judged.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_OPS	   32
#define MAX_VALUES 4
#define MAX_TOLD   10
#define MAX_TURNED 16

struct op {
	unsigned int offset;
	unsigned int size;
	bool write;
	/* What is written, or what a read may give */
	unsigned int count;
	uint32_t values[MAX_VALUES];
	/* What was read first, and what each time that it was another than before */
	uint32_t turned[MAX_TURNED];
	unsigned int turns;
};

static struct op ops[MAX_OPS];
static unsigned int op_count;
static uint64_t accesses, wrong, state;
static int fd;

static int usage(void)
{
	fputs("usage: hammer FILE until=PATH|turns=N [random=SEED,FIRST,LAST] [OP]...\n"
	      "Turn by turn, a random read and a random write between FIRST and LAST of any\n"
	      "width, and each OP in its order: OFFSET.W=VALUE writes, OFFSET.W:VALUE[,VALUE]...\n"
	      "reads one of these values. W is b, w or l. Tells for each OP that reads what it\n"
	      "read, in its order, without repetition.\n",
	      stderr);
	return 2;
}

static uint32_t next_random(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

static bool parse(const char *text, struct op *op)
{
	char *end;

	op->offset = strtoul(text, &end, 0);
	if (end == text || end[0] != '.' || !end[1])
		return false;
	op->size = end[1] == 'b' ? 1 : end[1] == 'w' ? 2 : end[1] == 'l' ? 4 : 0;
	op->write = end[2] == '=';
	end += 2;
	if (!op->size || (*end != '=' && *end != ':'))
		return false;
	do {
		if (op->count == (op->write ? 1 : MAX_VALUES))
			return false;
		text = end + 1;
		op->values[op->count++] = strtoul(text, &end, 0);
		if (end == text)
			return false;
	} while (*end == ',');
	return !*end;
}

static void tell(uint64_t turn, const char *what, const struct op *op, uint32_t value)
{
	if (wrong++ < MAX_TOLD)
		printf("turn %" PRIu64 ": %s of %u at 0x%x: 0x%x\n", turn, what, op->size,
		       op->offset, value);
}

static void access_config(uint64_t turn, struct op *op, bool judge)
{
	uint64_t value = op->values[0];
	unsigned int i;
	ssize_t done;

	done = op->write ? pwrite(fd, &value, op->size, op->offset)
			 : pread(fd, &value, op->size, op->offset);
	accesses++;
	if (done != (ssize_t)op->size) {
		tell(turn, op->write ? "failed write" : "failed read", op, 0);
		return;
	}
	if (op->write || !judge)
		return;
	value &= (1ull << (8 * op->size)) - 1;
	for (i = 0; i < op->count; i++) {
		if (op->values[i] != value)
			continue;
		if (!op->turns || (op->turns < MAX_TURNED && op->turned[op->turns - 1] != value))
			op->turned[op->turns++] = value;
		return;
	}
	tell(turn, "wrong read", op, value);
}

static void access_random(uint64_t turn, unsigned int first, unsigned int last, bool write)
{
	struct op op = { .write = write };

	/* Three bytes and unaligned ones too: Linux cuts them into what the bus can do */
	op.size = 1 + next_random() % 4;
	op.offset = first + next_random() % (last - first + 2 - op.size);
	op.values[0] = next_random() ^ (next_random() << 16);
	access_config(turn, &op, false);
}

int main(int argc, char **argv)
{
	unsigned int first = 0, last = 0, i, j;
	const char *until = NULL;
	uint64_t turns = 0, turn;
	struct timespec begin, end;
	bool random = false;

	if (argc < 3)
		return usage();
	for (i = 2; i < (unsigned int)argc; i++) {
		if (!strncmp(argv[i], "until=", 6)) {
			until = argv[i] + 6;
		} else if (!strncmp(argv[i], "turns=", 6)) {
			turns = strtoull(argv[i] + 6, NULL, 0);
		} else if (!strncmp(argv[i], "random=", 7)) {
			random = sscanf(argv[i] + 7, "%" SCNu64 ",%i,%i", &state, (int *)&first,
					(int *)&last) == 3 &&
				 last >= first + 3;
			if (!random)
				return usage();
		} else if (op_count == MAX_OPS || !parse(argv[i], &ops[op_count++])) {
			return usage();
		}
	}
	if (!until == !turns)
		return usage();
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (turn = 0; turns ? turn < turns : (turn % 32 || access(until, F_OK)); turn++) {
		if (random) {
			access_random(turn, first, last, false);
			access_random(turn, first, last, true);
		}
		for (i = 0; i < op_count; i++)
			access_config(turn, &ops[i], true);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (i = 0; i < op_count; i++) {
		if (ops[i].write)
			continue;
		printf("0x%x", ops[i].offset);
		for (j = 0; j < ops[i].turns; j++)
			printf(" 0x%x", ops[i].turned[j]);
		puts(ops[i].turns == MAX_TURNED ? " and on" : "");
	}
	printf("%" PRIu64 " accesses, %" PRIu64 " wrong, in %.1f s\n", accesses, wrong,
	       end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
	return wrong ? 1 : 0;
}
