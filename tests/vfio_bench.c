// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an access to the configuration space of a device costs its user, and whether
 * it gives what it should: a JSON object a line for each case.
 *
 * The instructions of a machine that counts them (QEMU's -icount) are the ticks of its
 * TSC. What is told is the median of many small batches, so that a timer's interrupt
 * in some of them does not count.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "cxl_dvsec_regs.h"
#include "vfio.h"
#include "vfio_bench.h"

#define PCI_CAPABILITY_LIST 0x34
#define PCI_CAP_ID_EXP	    0x10
#define PCI_EXP_DEVCAP	    0x04
#define PCI_EXT_CAP_START   0x100
#define PCI_EXT_CAP_DVSEC   0x23

#define CONTROL		   0x0c
#define CONTROL2	   0x10
#define LOCK		   0x14
#define RANGE1_BASE_HIGH   0x20
#define LONG_LIVED_REG_END 0x38

/**
 * enum kind - what stands between the user and the DVSEC
 * @RAW: nothing, each write goes to the hardware
 * @READ_ONLY: each write is dropped
 * @POLICY: what the policy cxl-device says
 */
enum kind { RAW, READ_ONLY, POLICY };

static const struct variant {
	const char *name;
	enum kind kind;
} variants[] = {
	{ "stock", RAW },     { "empty", READ_ONLY }, { "native", POLICY },
	{ "switch", POLICY }, { "bpf", POLICY },
};

static const struct bench_case cases[] = {
	{
		.name = "read_shadow_w",
		.setup = { { CONTROL, 2, 1, 0x0006, 0, 0 } },
		.access = { { CONTROL, 2, 0, 0, 0x0006, 0 } },
	},
	{
		.name = "read_shadow_l",
		.setup = { { RANGE1_BASE_HIGH, 4, 1, 0x12345678, 0, 0 } },
		.access = { { RANGE1_BASE_HIGH, 4, 0, 0, 0x12345678, 0 } },
	},
	{
		.name = "read_mixed_l",
		.setup = { { CONTROL, 2, 1, 0x0806, 0, 0 } },
		.access = { { CONTROL, 4, 0, 0, 0x00000806, 0x40000000 },
			    { CONTROL2, 4, 0, 0, 0x00000000, 0x80090000 } },
	},
	{
		.name = "write_shadow_w",
		.access = { { CONTROL, 2, 1, 0x0006, 0, 0 }, { CONTROL, 2, 1, 0x0802, 0, 0 } },
		.after = { CONTROL, 2, 0, 0, 0x0802, 0 },
	},
	{
		.name = "write_locked_w",
		.setup = { { CONTROL, 2, 1, 0x0006, 0, 0 }, { LOCK, 2, 1, 0x0001, 0, 0 } },
		.access = { { CONTROL, 2, 1, 0x0002, 0, 0 }, { CONTROL, 2, 1, 0x0802, 0, 0 } },
		.after = { CONTROL, 2, 0, 0, 0x0006, 0 },
	},
	{
		.name = "write_forwarded_w",
		.access = { { CONTROL2, 2, 1, 0x0000, 0, 0 }, { CONTROL2, 2, 1, 0x0001, 0, 0 } },
		.after = { CONTROL2, 2, 0, 0, 0x0001, 0 },
		.reaches = 0x0001,
	},
	{
		.name = "read_other_cap",
		.exp = 1,
		.access = { { PCI_EXP_DEVCAP, 4, 0, 0, 0, 0xffffffff } },
	},
};

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static struct vfio_device dev = VFIO_DEVICE_CLOSED;
static int hw_fd = -1;
static uint32_t dvsec, exp_cap;
static const struct variant *variant;
static int use_tsc;

void bench_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vfio_bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint32_t mask_of(unsigned int width)
{
	return ~0U >> (32 - width * 8);
}

/* What the device itself holds, past vfio */
static uint32_t hw_read(uint32_t pos, unsigned int width)
{
	uint32_t value = 0;

	if (pread(hw_fd, &value, width, pos) != (ssize_t)width)
		bench_die("cannot read the device at %#x", pos);
	return value;
}

static uint32_t user_read(uint32_t pos, unsigned int width)
{
	uint32_t value;

	if (vfio_config_read(&dev, pos, width, &value))
		bench_die("a read at %#x fails", pos);
	return value;
}

static void find_capabilities(void)
{
	uint32_t pos, header, tries;

	pos = hw_read(PCI_CAPABILITY_LIST, 1);
	for (tries = 0; pos && tries < 48; tries++, pos = (header >> 8) & 0xff) {
		header = hw_read(pos, 2);
		if ((header & 0xff) == PCI_CAP_ID_EXP)
			exp_cap = pos;
	}
	pos = PCI_EXT_CAP_START;
	for (tries = 0; pos && tries < 960; tries++, pos = header >> 20) {
		header = hw_read(pos, 4);
		if ((header & 0xffff) == PCI_EXT_CAP_DVSEC &&
		    (hw_read(pos + DVSEC_HEADER1_OFFSET, 4) & 0xffff) == CXL_DVSEC_VENDOR_ID &&
		    hw_read(pos + DVSEC_HEADER2_OFFSET, 2) == CXL_DVSEC_ID_DEVICE)
			dvsec = pos;
	}
	if (!exp_cap || !dvsec)
		bench_die("the device has no CXL device DVSEC, or no PCI Express capability");
}

uint64_t bench_now(void)
{
	struct timespec ts;

	if (use_tsc)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t bench_median(uint64_t *took)
{
	qsort(took, BATCHES, sizeof(took[0]), compare);
	return took[BATCHES / 2];
}

static uint32_t position(const struct bench_case *c, const struct access *access)
{
	return (c->exp ? exp_cap : dvsec) + access->offset;
}

static void is(const struct bench_case *c, const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		bench_die("%s, %s: %s is %#x and not %#x", c->name, variant->name, what, got, want);
}

/* What a read has to give: nothing but the policy makes it differ from the hardware */
static uint32_t wanted(const struct bench_case *c, const struct access *access)
{
	uint32_t hw = hw_read(position(c, access), access->width);

	return variant->kind == POLICY ? access->want | (hw & access->hw) : hw;
}

struct op {
	uint64_t pos;
	uint32_t width;
	uint32_t write;
	uint32_t value;
};

/* One batch; what it took */
static uint64_t batch(const struct bench_case *c, const struct op *ops)
{
	uint64_t begin, end;
	uint32_t value = 0, i;
	int wrong = 0;
	ssize_t n;

	begin = bench_now();
	for (i = 0; i < BATCH; i++) {
		const struct op *op = &ops[i % 2];

		if (op->write) {
			n = pwrite(dev.fd, &op->value, op->width, op->pos);
		} else {
			n = pread(dev.fd, &value, op->width, op->pos);
			wrong |= value != op->value;
			value = 0;
		}
		wrong |= n != op->width;
	}
	end = bench_now();
	if (wrong)
		bench_die("%s, %s: an access gave something wrong", c->name, variant->name);
	return end - begin;
}

static void check_hardware(const struct bench_case *c, const struct access *last, uint32_t before)
{
	uint32_t hw = hw_read(position(c, last), last->width), reaches = 0;

	if (variant->kind == RAW)
		reaches = mask_of(last->width);
	else if (variant->kind == POLICY)
		reaches = c->reaches;
	is(c, "what the hardware holds", hw, (before & ~reaches) | (last->value & reaches));
}

static double measure(const struct bench_case *c)
{
	uint64_t took[BATCHES];
	uint32_t begin[16], i, first = 0;
	struct op ops[2];

	for (i = 0; i < 16; i++)
		begin[i] = hw_read(dvsec + i * 4, i * 4 < LONG_LIVED_REG_END ? 4 : 2);
	if (vfio_reopen(&dev))
		exit(1);

	for (i = 0; i < 2 && c->setup[i].width; i++) {
		const struct access *a = &c->setup[i];

		if (vfio_config_write(&dev, position(c, a), a->width, a->value))
			bench_die("%s, %s: a write fails", c->name, variant->name);
		check_hardware(c, a, begin[a->offset / 4] & mask_of(a->width));
	}

	for (i = 0; i < 2; i++) {
		const struct access *a = &c->access[c->access[i].width ? i : 0];

		ops[i] = (struct op){
			.pos = dev.config + position(c, a),
			.width = a->width,
			.write = a->write,
			.value = a->write ? a->value : wanted(c, a),
		};
	}

	batch(c, ops);
	for (i = 0; i < BATCHES; i++)
		took[i] = batch(c, ops);

	if (c->after.width) {
		first = wanted(c, &c->after);
		is(c, "what is read after it", user_read(position(c, &c->after), c->after.width),
		   first);
		check_hardware(c, &c->access[1],
			       begin[c->access[1].offset / 4] & mask_of(c->access[1].width));
	}

	/* With a policy that is what it always was */
	for (i = CONTROL / 4; i < LONG_LIVED_REG_END / 4; i++)
		if (variant->kind == RAW && pwrite(hw_fd, &begin[i], 4, dvsec + i * 4) != 4)
			bench_die("cannot write to the device");
	return (double)bench_median(took) / BATCH;
}

void bench_row(const char *kernel, const char *name, const char *what, const char *metric,
	       int digits, double value)
{
	printf("{\"kernel\":\"%s\",\"case\":\"%s\",\"variant\":\"%s\",\"metric\":\"%s\","
	       "\"value\":%.*f}\n",
	       kernel, name, what, metric, digits, value);
	fflush(stdout);
}

/* All cases, one after the other */
static void bench_cases(const char *kernel, const char *metric)
{
	uint32_t i;

	for (i = 0; i < NR_CASES; i++)
		bench_row(kernel, cases[i].name, variant->name, metric, use_tsc ? 1 : 0,
			  measure(&cases[i]));
}

/*
 * Reads of CONTROL for so many seconds: what most of them took, and the longest. The
 * swaps meanwhile are between policies that give the register the same value.
 */
static void bench_latency(const char *kernel, const char *what, int seconds)
{
	uint32_t size = 4 * 1024 * 1024, n = 0, want, value = 0;
	uint64_t *took = malloc(size * sizeof(*took)), begin, last, end;

	if (!took)
		bench_die("no memory");
	memset(took, 0, size * sizeof(*took));
	want = user_read(dvsec + CONTROL, 2);
	begin = last = bench_now();
	while (n < size) {
		if (pread(dev.fd, &value, 2, dev.config + dvsec + CONTROL) != 2 || value != want)
			bench_die("a read gave %#x and not %#x", value, want);
		end = bench_now();
		took[n++] = end - last;
		last = end;
		if (end - begin > seconds * 1000000000ULL)
			break;
	}
	qsort(took, n, sizeof(took[0]), compare);
	bench_row(kernel, "swap", what, "p50_ns", 0, took[n / 2]);
	bench_row(kernel, "swap", what, "p99_ns", 0, took[n - 1 - n / 100]);
	bench_row(kernel, "swap", what, "max_ns", 0, took[n - 1]);
	bench_row(kernel, "swap", what, "accesses", 0, n);
	free(took);
}

#define MAX_THREADS 32

static atomic_int running;

struct worker {
	pthread_t thread;
	struct vfio_device dev;
	uint64_t accesses;
	uint32_t wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t value;

	while (!running)
		sched_yield();
	while (running) {
		value = 0;
		if (pread(w->dev.fd, &value, 2, w->dev.config + dvsec + CONTROL) != 2 ||
		    value != 0x0002)
			w->wrong++;
		w->accesses++;
	}
	return NULL;
}

/* As many threads as devices, each with its own */
static int bench_scale(const char *kernel, const char *what, int seconds, int n, char *bdfs[])
{
	static struct worker workers[MAX_THREADS];
	uint64_t accesses = 0, begin, end;
	char name[16];
	int i, ret;

	for (i = 0; i < n; i++) {
		workers[i].dev = (struct vfio_device)VFIO_DEVICE_CLOSED;
		ret = vfio_find(&workers[i].dev, bdfs[i]);
		if (!ret)
			ret = vfio_open(&workers[i].dev);
		if (ret)
			return ret;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			bench_die("cannot start a thread");
	}
	begin = bench_now();
	running = 1;
	sleep(seconds);
	running = 0;
	end = bench_now();
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].wrong)
			bench_die("%s: an access gave something wrong", bdfs[i]);
		accesses += workers[i].accesses;
		vfio_close(&workers[i].dev);
	}
	snprintf(name, sizeof(name), "scale_%d", n);
	bench_row(kernel, name, what, "accesses_per_second", 0, accesses * 1e9 / (end - begin));
	return 0;
}

static int bench_verdicts(const char *kernel, const char *object)
{
	uint32_t hw[LONG_LIVED_REG_END / 4 + 2] = {}, length, i;

	length = hw_read(dvsec + DVSEC_HEADER1_OFFSET, 4) >> 20;
	for (i = 0; i < length && i < sizeof(hw); i += 4)
		hw[i / 4] = hw_read(dvsec + i, 4);
	return bench_engine(kernel, object, cases, NR_CASES, hw, i < length ? i : length, dvsec);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: vfio_bench KERNEL VARIANT instructions|ns BDF\n"
		"       vfio_bench KERNEL OBJECT engine BDF\n"
		"       vfio_bench KERNEL NAME latency SECONDS BDF\n"
		"       vfio_bench KERNEL NAME scale SECONDS BDF...\n"
		"VARIANT: what the accesses are to be answered by: stock, empty, native, switch, "
		"bpf\n");
	return 2;
}

static int open_device(const char *bdf)
{
	char path[128];
	int ret;

	ret = vfio_find(&dev, bdf);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev.bdf);
	hw_fd = open(path, O_RDWR | O_CLOEXEC);
	if (hw_fd < 0)
		bench_die("cannot open %s: %s", path, strerror(errno));
	find_capabilities();
	return vfio_open(&dev);
}

int main(int argc, char *argv[])
{
	uint32_t i;
	int ret;

	if (argc < 5)
		return usage();
	use_tsc = !strcmp(argv[3], "instructions");
	if (use_tsc || !strcmp(argv[3], "ns")) {
		for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
			if (!strcmp(variants[i].name, argv[2]))
				variant = &variants[i];
		if (!variant || argc != 5)
			return usage();
		ret = open_device(argv[4]);
		if (!ret)
			bench_cases(argv[1], argv[3]);
	} else if (!strcmp(argv[3], "engine") && argc == 5) {
		use_tsc = 1;
		ret = open_device(argv[4]);
		if (!ret)
			ret = bench_verdicts(argv[1], argv[2]);
	} else if (!strcmp(argv[3], "latency") && argc == 6) {
		ret = open_device(argv[5]);
		if (!ret)
			bench_latency(argv[1], argv[2], atoi(argv[4]));
	} else if (!strcmp(argv[3], "scale") && argc > 5 && argc <= 5 + MAX_THREADS) {
		ret = open_device(argv[5]);
		vfio_close(&dev);
		if (!ret)
			ret = bench_scale(argv[1], argv[2], atoi(argv[4]), argc - 5, argv + 5);
	} else {
		return usage();
	}
	if (dev.fd >= 0)
		vfio_close(&dev);
	return ret;
}
