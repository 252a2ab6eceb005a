// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access the CXL device DVSEC of QEMU's cxl-type3 at random through VFIO, under
 * policies that are swapped meanwhile. What is read is judged by the oracle. What
 * the oracle expects to reach the hardware goes to a file, byte by byte, for the
 * comparison with the emulator's own trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "oracle.h"
#include "vfio.h"

#define CFG_SIZE     4096
#define MAX_ACCESS   16
#define MAX_POLICIES 64
#define WAIT_SECONDS 60
/* Once in so many accesses */
#define RESET_EVERY  1024
#define REOPEN_EVERY 2048
/* Once in so many writes that would lock */
#define LOCK_EVERY 32

#define DVSEC_HEADER 4
#define DVSEC_LOCK   0x14

static const char usage_text[] =
	"usage: vfio_random BDF seed=N count=N expected=FILE at=PREFIX POLICY...\n"
	"\n"
	"  seed=N         of the random accesses\n"
	"  count=N        random accesses under each policy\n"
	"  expected=FILE  takes the bytes that are to reach the hardware\n"
	"  at=PREFIX      before policy I, from 2 on, is believed to be in force: create\n"
	"                 PREFIX.I, and wait until PREFIX.I.go exists\n"
	"  POLICY         cxl-device, read-only or passthrough, and what changes it, as in\n"
	"                 cxl-device,emulate,capability.cxl_reset_capable=1\n"
	"\n"
	"exit status: 0 all as expected, 1 something wasn't, 2 usage\n";

/* What of the hardware a write changes, as QEMU has it; resets change nothing */
static const uint8_t writable[ORACLE_LENGTH] = {
	[0x0c] = 0xfd, [0x0d] = 0x4f, [0x10] = 0x0f, [0x14] = 0x01, [0x20] = 0xff,
	[0x21] = 0xff, [0x22] = 0xff, [0x23] = 0xff, [0x27] = 0xf0, [0x30] = 0xff,
	[0x31] = 0xff, [0x32] = 0xff, [0x33] = 0xff, [0x37] = 0xf0,
};

/* Where registers begin, and the end */
static const uint8_t borders[] = {
	0x00, 0x04, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x14, 0x16, 0x18,
	0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x3a, 0x3c,
};

static const char *const event_names[] = {
	"refused",	  "locked",	    "wbi-dropped", "reset-dropped",
	"reset-rejected", "reset-emulated", "forwarded",
};

#define NR_EVENTS (sizeof(event_names) / sizeof(event_names[0]))

static struct {
	const char *bdf;
	int sysfs;
	struct vfio_device vfio;
	unsigned int start; /* of the DVSEC, and its length */
	unsigned int length;
	uint8_t config[CFG_SIZE]; /* what the hardware is to hold */
	FILE *expected;
	struct oracle oracle;
	struct oracle_policy policy;
	const char *policy_name;
	uint64_t seed;
	uint64_t random;
	unsigned long accesses;
	unsigned long reads;
	unsigned long writes;
	unsigned long denied;
	unsigned long resets;
	unsigned long opens;
	unsigned long events[NR_EVENTS];
} t;

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "vfio_random: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (t.policy_name)
		fprintf(stderr, "vfio_random: seed %llu, access %lu, under %s\n",
			(unsigned long long)t.seed, t.accesses, t.policy_name);
	exit(1);
}

/* ---- random numbers (xorshift64*) ---- */

static uint32_t random32(void)
{
	t.random ^= t.random >> 12;
	t.random ^= t.random << 25;
	t.random ^= t.random >> 27;
	return (t.random * 0x2545f4914f6cdd1dULL) >> 32;
}

static unsigned int below(unsigned int n)
{
	return ((uint64_t)random32() * n) >> 32;
}

/* ---- the device ---- */

static void open_sysfs(void)
{
	char path[PATH_MAX];
	unsigned int pos;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", t.bdf);
	t.sysfs = open(path, O_RDONLY | O_CLOEXEC);
	if (t.sysfs < 0 || pread(t.sysfs, t.config, CFG_SIZE, 0) != CFG_SIZE)
		fail("cannot read %s: %s", path, strerror(errno));
	for (pos = 0x100; pos; pos = (t.config[pos + 3] << 4 | t.config[pos + 2] >> 4) & ~3U) {
		if (!memcmp(&t.config[pos], "\x23\x00", 2) &&
		    !memcmp(&t.config[pos + 4], "\x98\x1e", 2) &&
		    !memcmp(&t.config[pos + 8], "\x00\x00", 2))
			break;
	}
	if (!pos)
		fail("%s has no CXL device DVSEC", t.bdf);
	t.start = pos;
	t.length = t.config[pos + 7] << 4 | t.config[pos + 6] >> 4;
	if (t.length != ORACLE_LENGTH)
		fail("a DVSEC of 0x%x bytes, not 0x%x", t.length, ORACLE_LENGTH);
}

static void opened(void)
{
	t.opens++;
	oracle_open(&t.oracle, &t.policy, &t.config[t.start], t.length);
}

/* Does the hardware hold what it should? Past VFIO, so that the model is judged too */
static void check_hardware(const char *when)
{
	uint8_t config[CFG_SIZE];
	unsigned int i;

	if (pread(t.sysfs, config, CFG_SIZE, 0) != CFG_SIZE)
		fail("cannot read the hardware: %s", strerror(errno));
	for (i = t.start; i < t.start + t.length; i++)
		if (config[i] != t.config[i])
			fail("%s: hardware @0x%x got 0x%02x, want 0x%02x", when, i, config[i],
			     t.config[i]);
}

/* ---- what the oracle expects ---- */

static void carry_out(const struct oracle_effect *effect)
{
	unsigned int i;

	for (i = 0; i < effect->nr_bytes; i++) {
		unsigned int offset = effect->bytes[i].offset;
		uint8_t *hw = &t.config[t.start + offset], value = effect->bytes[i].value;

		if (offset >= t.length)
			fail("the oracle writes past the DVSEC: 0x%x", offset);
		/* The trace has no domain */
		fprintf(t.expected, "%s @0x%x <- 0x%x\n", t.bdf + 5, t.start + offset, value);
		*hw = (*hw & ~writable[offset]) | (value & writable[offset]);
	}
	for (i = 0; i < NR_EVENTS; i++)
		t.events[i] += effect->events >> i & 1;
}

/* VFIO cuts an access into naturally aligned pieces */
static unsigned int piece_at(unsigned int pos, unsigned int left)
{
	if (left >= 4 && pos % 4 == 0)
		return 4;
	return left >= 2 && pos % 2 == 0 ? 2 : 1;
}

/* The first dword is VFIO's, which has nothing to change in it on this machine */
static bool for_oracle(unsigned int pos)
{
	return pos >= t.start + DVSEC_HEADER && pos < t.start + t.length;
}

static const char *hex(const uint8_t *bytes, unsigned int size)
{
	static char text[2][MAX_ACCESS * 3 + 1];
	static unsigned int turn;
	char *s = text[turn++ % 2];
	unsigned int i;

	for (i = 0; i < size; i++)
		sprintf(s + i * 3, " %02x", bytes[i]);
	return s;
}

/* ---- accesses ---- */

static void read_bytes(unsigned int pos, unsigned int size, uint8_t *got)
{
	uint8_t want[MAX_ACCESS];
	unsigned int i, j, piece;
	uint32_t value;

	t.accesses++;
	if (pread(t.vfio.fd, got, size, t.vfio.config + pos) != (ssize_t)size)
		fail("cannot read %u byte(s) @0x%x: %s", size, pos, strerror(errno));
	memcpy(want, &t.config[pos], size);
	for (i = 0; i < size; i += piece) {
		piece = piece_at(pos + i, size - i);
		t.reads += pos + i >= t.start;
		if (!for_oracle(pos + i))
			continue;
		value = oracle_read(&t.oracle, pos + i - t.start, piece);
		for (j = 0; j < piece; j++)
			want[i + j] = value >> (8 * j);
	}
	if (memcmp(got, want, size))
		fail("read %u @0x%x: got%s, want%s", size, pos, hex(got, size), hex(want, size));
}

static void write_bytes(unsigned int pos, unsigned int size, const uint8_t *bytes)
{
	struct oracle_effect effect;
	unsigned int i, j, piece;
	uint32_t value;

	t.accesses++;
	if (pwrite(t.vfio.fd, bytes, size, t.vfio.config + pos) != (ssize_t)size)
		fail("cannot write %u @0x%x:%s: %s", size, pos, hex(bytes, size), strerror(errno));
	for (i = 0; i < size; i += piece) {
		piece = piece_at(pos + i, size - i);
		t.writes += pos + i >= t.start;
		if (for_oracle(pos + i)) {
			for (value = 0, j = 0; j < piece; j++)
				value |= (uint32_t)bytes[i + j] << (8 * j);
			memset(&effect, 0, sizeof(effect));
			oracle_write(&t.oracle, pos + i - t.start, piece, value, &effect);
			carry_out(&effect);
			t.denied += !!effect.refused;
		} else if (pos + i < t.start + t.length + DVSEC_HEADER) {
			/* Whatever is written to the first dword of a DVSEC */
			t.denied += pos + i >= t.start;
		} else {
			t.denied += !!memcmp(&bytes[i], &t.config[pos + i], piece);
		}
	}
}

static void reset_device(void)
{
	if (ioctl(t.vfio.fd, VFIO_DEVICE_RESET))
		fail("cannot reset %s: %s", t.bdf, strerror(errno));
	t.resets++;
	oracle_reset(&t.oracle, true);
	check_hardware("after a reset");
}

/* Let go of the device, and of its group unless it is opened again */
static void close_device(bool reopen)
{
	struct oracle_effect effect = {};

	oracle_close(&t.oracle, &effect);
	carry_out(&effect);
	if (reopen && vfio_reopen(&t.vfio))
		fail("cannot open %s anew", t.bdf);
	if (!reopen)
		vfio_close(&t.vfio);
	check_hardware("after the close");
	if (reopen)
		opened();
}

static void read_all(void)
{
	uint8_t bytes[MAX_ACCESS];
	unsigned int i;

	for (i = 0; i < t.length; i += 4)
		read_bytes(t.start + i, 4, bytes);
}

/* What is in front of the DVSEC is not in one, and the hardware's: leave it as it is */
static void spare_front(unsigned int pos, unsigned int size, uint8_t *bytes)
{
	for (; size && pos < t.start; pos++, size--)
		*bytes++ = t.config[pos];
}

static bool reaches(unsigned int pos, unsigned int size, unsigned int offset)
{
	return pos <= t.start + offset && pos + size > t.start + offset;
}

/* Every width at, before and behind each border */
static void matrix(void)
{
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	static const uint8_t fills[] = { 0xff, 0x00 };
	uint8_t bytes[MAX_ACCESS];
	unsigned int i, j, k, pos;

	for (i = 0; i < sizeof(borders) * 3; i++) {
		pos = t.start + borders[i / 3] + i % 3 - 1;
		for (j = 0; j < sizeof(widths) * sizeof(fills); j++) {
			k = widths[j / sizeof(fills)];
			/* Which passthrough would not spare */
			if (pos + k > t.start + t.length + DVSEC_HEADER)
				continue;
			memset(bytes, fills[j % sizeof(fills)], k);
			spare_front(pos, k, bytes);
			write_bytes(pos, k, bytes);
			read_bytes(pos, k, bytes);
			if (!reaches(pos, k, DVSEC_LOCK))
				continue;
			read_all();
			if (fills[j % sizeof(fills)])
				reset_device();
		}
		read_all();
	}
}

static void random_access(void)
{
	uint8_t bytes[MAX_ACCESS];
	unsigned int size, pos, i;

	switch (below(16)) {
	case 0:
		size = 1 + below(MAX_ACCESS);
		break;
	case 1:
		size = 8 << below(2);
		break;
	default:
		size = 1 << below(3);
		break;
	}
	/* From the byte in front to the last; one half where most can be written */
	if (below(2))
		pos = t.start + 0x0b + below(0x0b);
	else
		pos = t.start - 1 + below(t.length + 1);
	if (t.policy.access == ORACLE_PASSTHROUGH && pos + size > t.start + t.length + DVSEC_HEADER)
		size = t.start + t.length + DVSEC_HEADER - pos;

	if (below(2)) {
		read_bytes(pos, size, bytes);
		return;
	}
	switch (below(8)) {
	case 0:
		memset(bytes, 0xff, size);
		break;
	case 1:
		memset(bytes, 0, size);
		break;
	case 2:
		memset(bytes, 0, size);
		bytes[below(size)] = 1 << below(8);
		break;
	case 3:
	case 4:
		read_bytes(pos, size, bytes);
		bytes[below(size)] ^= 1 << below(8);
		break;
	default:
		for (i = 0; i < size; i++)
			bytes[i] = random32();
	}
	spare_front(pos, size, bytes);
	/* Or else all would be locked at once */
	if (reaches(pos, size, DVSEC_LOCK) && below(LOCK_EVERY))
		bytes[t.start + DVSEC_LOCK - pos] &= ~1;
	write_bytes(pos, size, bytes);
}

static void work(unsigned long count)
{
	unsigned long end;

	read_all();
	matrix();
	for (end = t.accesses + count; t.accesses < end;) {
		if (!below(RESET_EVERY)) {
			reset_device();
		} else if (!below(REOPEN_EVERY)) {
			close_device(true);
		}
		random_access();
	}
	read_all();
	check_hardware("in the end");
}

/* ---- policies ---- */

static bool parse_policy(struct oracle_policy *policy, const char *text)
{
	char *words = strdup(text), *word, *rest = words, *value;
	bool good = words;

	while (good && (word = strsep(&rest, ","))) {
		value = strchr(word, '=');
		if (word == words && !strcmp(word, "cxl-device")) {
			oracle_cxl_device(policy);
		} else if (word == words && !strcmp(word, "read-only")) {
			oracle_read_only(policy);
		} else if (word == words && !strcmp(word, "passthrough")) {
			oracle_passthrough(policy);
		} else if (word != words && !strcmp(word, "emulate")) {
			policy->emulate_reset = true;
		} else if (word != words && value) {
			*value++ = '\0';
			good = oracle_field(word) >= 0;
			if (good)
				oracle_override(policy, word, strtoul(value, NULL, 0));
		} else {
			good = false;
		}
	}
	free(words);
	return good;
}

static void wait_for_swap(const char *prefix, int number)
{
	char path[PATH_MAX];
	int fd, tries;

	snprintf(path, sizeof(path), "%s.%d", prefix, number);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		fail("cannot create %s: %s", path, strerror(errno));
	close(fd);
	snprintf(path, sizeof(path), "%s.%d.go", prefix, number);
	for (tries = 0; access(path, F_OK); tries++) {
		if (tries == WAIT_SECONDS * 100)
			fail("%s did not come in %d s", path, WAIT_SECONDS);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	static struct oracle_policy policies[MAX_POLICIES];
	const char *names[MAX_POLICIES], *prefix = NULL, *expected = NULL;
	unsigned long count = 0;
	int nr = 0, i;

	for (i = 2; i < argc; i++) {
		if (!strncmp(argv[i], "seed=", 5)) {
			t.seed = strtoull(argv[i] + 5, NULL, 0);
		} else if (!strncmp(argv[i], "count=", 6)) {
			count = strtoul(argv[i] + 6, NULL, 0);
		} else if (!strncmp(argv[i], "expected=", 9)) {
			expected = argv[i] + 9;
		} else if (!strncmp(argv[i], "at=", 3)) {
			prefix = argv[i] + 3;
		} else if (nr < MAX_POLICIES && parse_policy(&policies[nr], argv[i])) {
			names[nr++] = argv[i];
		} else {
			fprintf(stderr, "vfio_random: what is '%s'?\n", argv[i]);
			return 2;
		}
	}
	if (!nr || !count || !expected || (nr > 1 && !prefix)) {
		fputs(usage_text, stderr);
		return 2;
	}

	t.bdf = argv[1];
	/* Not 0, and far apart where the seeds are not */
	t.random = (t.seed + 1) * 0x9e3779b97f4a7c15ULL | 1;
	t.expected = fopen(expected, "we");
	if (!t.expected)
		fail("cannot create %s: %s", expected, strerror(errno));
	open_sysfs();
	if (vfio_find(&t.vfio, t.bdf) || vfio_open(&t.vfio))
		return 1;
	t.policy = policies[0];
	t.policy_name = names[0];
	opened();
	work(count);
	for (i = 1; i < nr; i++) {
		wait_for_swap(prefix, i + 1);
		t.policy = policies[i];
		t.policy_name = names[i];
		oracle_swap(&t.oracle, &t.policy);
		work(count);
	}
	close_device(false);
	if (fclose(t.expected))
		fail("cannot write %s: %s", expected, strerror(errno));

	printf("accesses %lu\nreads %lu\nwrites %lu\ndenied %lu\nresets %lu\nopens %lu\n",
	       t.accesses, t.reads, t.writes, t.denied, t.resets, t.opens);
	for (i = 0; i < (int)NR_EVENTS; i++)
		printf("%s %lu\n", event_names[i], t.events[i]);
	return 0;
}
