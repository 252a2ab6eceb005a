// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that read and write the configuration space of several devices through
 * VFIO, while others reset the devices, close them and open them anew. The devices
 * may be unbound, removed and plugged in again, and policies may come and go: what
 * is judged holds all the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vfio.h"

#define MAX_DEVICES 8
#define READERS	    1
#define WRITERS	    1
#define THREADS	    (READERS + WRITERS + 2)
#define CONFIG_SIZE 4096
#define MAX_REPORTS 20

/* Of the CXL device DVSEC */
#define CONTROL	   0x0c
#define CONTROL2   0x10
#define LOCK	   0x14
#define BASE1_HIGH 0x20
#define BASE1_LOW  0x24
#define BASE2_HIGH 0x30
#define BASE2_LOW  0x34

static const char usage_text[] =
	"usage: vfio_stress [-t SECONDS] [-n ACCESSES] [-s SEED] [-b] [-m] [-q] BDF...\n"
	"\n"
	"Read, write, reset, close and open the devices, each by several threads, until\n"
	"the time is over, so many accesses were made, or SIGTERM comes. Print \"ready\" when\n"
	"the devices may go and come, and at the end one line of counts.\n"
	"\n"
	"  -b  the devices may be bare, without a policy, at times, and show what the\n"
	"      host has\n"
	"  -m  they may be away for a moment, when all of a byte is 1, or 0\n"
	"\n"
	"Each read has to be what some moment under cxl-device or read-only gives: the\n"
	"bytes that are the hardware's are as in sysfs at the start, reserved bits and\n"
	"those that initiate something are 0, IO_Enable is 1, no dword is torn. What no\n"
	"user writes is nowhere read: Viral_Enable, and bit 7 of a byte of the range\n"
	"bases; let the host set these in the device. A device that was closed in all its\n"
	"threads and opened anew has the values at open.\n"
	"\n"
	"exit status: 0 as it should be, 1 not so, 2 usage\n";

/* What a byte of configuration space may be */
struct expected {
	uint8_t may; /* bits that may be 1 */
	uint8_t must; /* bits that are 1 */
	uint8_t away; /* while all that the hardware answers is 1 */
	uint8_t write; /* bits that users write */
};

struct device {
	char bdf[32];
	struct expected expected[CONFIG_SIZE];
	unsigned int first, end; /* the DVSECs of CXL */
	unsigned int dvsec; /* the one of the device */
	unsigned int ends[16];
	unsigned int nr_ends;

	/*
	 * The descriptor that all threads use. It always has this number, and
	 * stands for nothing while the device is closed, so no thread gets hold of
	 * another file.
	 */
	int fd;
	_Atomic uint64_t config;
	atomic_ulong accesses;
	atomic_long in_flight;
	pthread_rwlock_t group_lock; /* of the group in vfio */
	struct vfio_device vfio;
};

struct thread {
	pthread_t id;
	struct device *dev;
	uint64_t random;
};

enum count {
	READS,
	WRITES,
	CLOSED,
	OPENS,
	FRESH,
	GROUPS,
	ABSENT,
	HELD,
	LOCKED,
	RESETS,
	HOT_RESETS,
	BUSY,
	AWAY,
	WRONG,
	NR_COUNTS
};

static const char *const count_names[NR_COUNTS] = { "reads",  "writes", "closed", "opens",
						    "fresh",  "groups", "absent", "held",
						    "locked", "resets", "hot",	  "busy",
						    "away",   "wrong" };

static struct device devices[MAX_DEVICES];
static struct thread threads[MAX_DEVICES * THREADS];
static unsigned int nr_devices;
static atomic_ulong counts[NR_COUNTS];
static atomic_bool stop;
static volatile sig_atomic_t terminated;
static bool bare, mobile;
static int nothing; /* a descriptor with which every access is EBADF */
static FILE *report;

static void wrong(const struct device *dev, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void wrong(const struct device *dev, const char *format, ...)
{
	char text[256];
	va_list args;

	if (atomic_fetch_add(&counts[WRONG], 1) >= MAX_REPORTS)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(report, "vfio_stress: %s: %s\n", dev->bdf, text);
}

static void count(enum count what)
{
	atomic_fetch_add_explicit(&counts[what], 1, memory_order_relaxed);
}

static uint32_t draw(struct thread *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (t->random >> 20) % below;
}

static bool stopped(void)
{
	return atomic_load_explicit(&stop, memory_order_relaxed);
}

/* ---- what is expected ---- */

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bytes from @at on have what the host has, but for the bits in @any */
static void expect_host(struct device *dev, const uint8_t *host, unsigned int at, unsigned int size,
			uint8_t any)
{
	for (; size--; at++) {
		dev->expected[at].may = host[at] | any;
		dev->expected[at].must = host[at] & ~any;
	}
}

/* One has what users write to it, bits among @may; with no policy what the host has */
static void expect_shadow(struct device *dev, unsigned int at, uint8_t may, uint8_t must)
{
	dev->expected[at].may = bare ? 0xff : may;
	dev->expected[at].must = must;
}

static void expect_device_dvsec(struct device *dev, const uint8_t *host)
{
	/* Bytes of which a policy takes some bits alone from the hardware */
	static const struct {
		unsigned int at;
		uint8_t bits;
	} mixed[] = { { 0x0a, 0x7f }, { 0x0b, 0xf0 }, { 0x0f, 0x40 }, { 0x12, 0x01 },
		      { 0x13, 0x80 }, { 0x1e, 0x01 }, { 0x1f, 0xf0 }, { 0x2e, 0x01 },
		      { 0x2f, 0xf0 }, { 0x38, 0x1f } };
	unsigned int at = dev->dvsec, i;

	for (i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++)
		dev->expected[at + mixed[i].at].away = mixed[i].bits;
	/* HDM_Count is for a policy to vary, CXL reset is hidden */
	expect_host(dev, host, at + 0x0a, 1, 0x30);
	dev->expected[at + 0x0a].must &= ~0x80;
	expect_host(dev, host, at + 0x0b, 1, 0);
	dev->expected[at + 0x0b].must &= ~0x0f;
	expect_shadow(dev, at + CONTROL, 0xff, 0x02);
	expect_shadow(dev, at + CONTROL + 1, 0x0f, 0);
	dev->expected[at + CONTROL + 1].write = 0x0f;
	expect_shadow(dev, at + CONTROL2, 0x09, 0);
	/* Bits that a policy forwarded are seen when it is gone */
	if (bare)
		dev->expected[at + CONTROL2].may = 0x0b;
	dev->expected[at + CONTROL2 + 1].may = 0;
	/* The hardware has Reset_Complete, but no user reset it */
	dev->expected[at + 0x12].may = bare ? host[at + 0x12] : 0;
	dev->expected[at + 0x12].must = 0;
	dev->expected[at + LOCK].may = 0x01;
	dev->expected[at + LOCK].must = 0;
	dev->expected[at + LOCK + 1].may = 0;
	for (i = 0; i < 4; i++) {
		expect_shadow(dev, at + BASE1_HIGH + i, 0x7f, 0);
		expect_shadow(dev, at + BASE2_HIGH + i, 0x7f, 0);
		expect_shadow(dev, at + BASE1_LOW + i, i == 3 ? 0x70 : 0, 0);
		expect_shadow(dev, at + BASE2_LOW + i, i == 3 ? 0x70 : 0, 0);
		dev->expected[at + BASE1_HIGH + i].write = 0x7f;
		dev->expected[at + BASE2_HIGH + i].write = 0x7f;
		dev->expected[at + BASE1_LOW + i].write = 0x7f;
		dev->expected[at + BASE2_LOW + i].write = 0x7f;
	}
}

static int expect(struct device *dev)
{
	uint8_t host[CONFIG_SIZE];
	unsigned int at, i, length;
	char path[128];
	FILE *file;
	size_t n;

	for (i = 0; i < CONFIG_SIZE; i++)
		dev->expected[i] = (struct expected){ .may = 0xff, .away = 0xff, .write = 0xff };
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev->bdf);
	file = fopen(path, "r");
	n = file ? fread(host, 1, sizeof(host), file) : 0;
	if (file)
		fclose(file);
	if (n != sizeof(host)) {
		fprintf(report, "vfio_stress: cannot read %s\n", path);
		return 1;
	}
	expect_host(dev, host, 0, 4, 0);
	for (at = 0x100, i = 0; at && i < CONFIG_SIZE / 4; at = get32(host + at) >> 20, i++) {
		if ((get32(host + at) & 0xffff) != 0x23 || get32(host + at + 4) % 0x10000 != 0x1e98)
			continue;
		length = get32(host + at + 4) >> 20;
		/*
		 * The header is vfio's own, made from what it read at the open: 0 or all
		 * ones if another one reset the device just then.
		 */
		expect_host(dev, host, at + 4, length - 4, 0);
		if (!(get32(host + at + 8) & 0xffff))
			dev->dvsec = at;
		if (!dev->first)
			dev->first = at;
		dev->end = at + length;
		if (dev->nr_ends < sizeof(dev->ends) / sizeof(dev->ends[0]))
			dev->ends[dev->nr_ends++] = at + length;
	}
	if (!dev->dvsec) {
		fprintf(report, "vfio_stress: %s has no CXL device DVSEC\n", dev->bdf);
		return 1;
	}
	expect_device_dvsec(dev, host);
	return 0;
}

static void judge(const struct device *dev, unsigned int at, unsigned int width, uint32_t value)
{
	const struct expected *want;
	uint8_t byte;
	unsigned int i;

	for (i = 0; i < width; i++) {
		want = &dev->expected[at + i];
		byte = value >> (8 * i);
		if (!(byte & ~want->may) && !(~byte & want->must))
			continue;
		/*
		 * A device that is away answers all ones, and where the policy can't
		 * be told of a reset for that, or vfio made its list from it, 0.
		 */
		if (mobile && (byte == 0xff || byte == want->away || !byte)) {
			count(AWAY);
			continue;
		}
		wrong(dev, "read %0*x of %u bytes at %#x: byte %#x is %02x, not %02x to %02x",
		      (int)width * 2, value, width, at, at + i, byte, want->must, want->may);
		return;
	}
	/* All of its bytes are written at once, and the same */
	if (at == dev->dvsec + BASE2_HIGH && width == 4 && value != (value & 0xff) * 0x01010101)
		wrong(dev, "read %08x at %#x: a torn dword", value, at);
}

/* ---- accesses ---- */

/* 0 or a positive errno */
static int access_config(struct device *dev, bool write, unsigned int at, unsigned int width,
			 uint32_t *value)
{
	struct vfio_device vfio = { .fd = dev->fd, .config = atomic_load(&dev->config) };
	int err = EBADF;

	atomic_fetch_add(&dev->in_flight, 1);
	if (vfio.config)
		err = -(write ? vfio_config_write(&vfio, at, width, *value)
			      : vfio_config_read(&vfio, at, width, value));
	atomic_fetch_sub(&dev->in_flight, 1);
	if (!err)
		atomic_fetch_add_explicit(&dev->accesses, 1, memory_order_relaxed);
	return err;
}

static unsigned int draw_position(struct thread *t, unsigned int width, bool write)
{
	struct device *dev = t->dev;
	unsigned int what = draw(t, 16);

	if (what < 8)
		return (dev->dvsec + draw(t, 0x3c)) & (draw(t, 2) ? ~0U : ~(width - 1));
	if (what < 12)
		return dev->first + draw(t, dev->end - dev->first);
	if (what < 14 || write)
		return dev->ends[draw(t, dev->nr_ends)] - draw(t, 4);
	return draw(t, CONFIG_SIZE - width + 1);
}

static bool meets_base2_high(const struct device *dev, unsigned int at, unsigned int width)
{
	return at + width > dev->dvsec + BASE2_HIGH && at < dev->dvsec + BASE2_HIGH + 4;
}

/* As little as an access of its own would be, so that the others get on */
static void rest(struct thread *t)
{
	if (!draw(t, 4))
		usleep(draw(t, 1000));
}

static void *work(struct thread *t, bool write)
{
	static const unsigned int widths[] = { 1, 2, 4, 4 };
	struct device *dev = t->dev;
	unsigned int at, width, i;
	uint32_t value;
	int err;

	while (!stopped()) {
		width = widths[draw(t, 4)];
		at = draw_position(t, width, write);
		value = 0;
		if (write && meets_base2_high(dev, at, width)) {
			at = dev->dvsec + BASE2_HIGH;
			width = 4;
			value = draw(t, 0x80) * 0x01010101;
		} else if (write) {
			for (i = 0; i < width; i++)
				value |= (draw(t, 0x100) & dev->expected[at + i].write) << (8 * i);
			/* A locked device would be dull */
			if (at <= dev->dvsec + LOCK && at + width > dev->dvsec + LOCK &&
			    draw(t, 64))
				value &= ~(1U << (8 * (dev->dvsec + LOCK - at)));
		}
		err = access_config(dev, write, at, width, &value);
		/* Closed by its owner; no other error has a reason, as it is not
		 * unbound or removed while it is open. */
		if (err == EBADF) {
			count(CLOSED);
			usleep(2000);
			continue;
		}
		count(write ? WRITES : READS);
		if (err)
			wrong(dev, "%s of %u bytes at %#x: %s", write ? "write" : "read", width, at,
			      strerror(err));
		else if (!write)
			judge(dev, at, width, value);
		rest(t);
	}
	return NULL;
}

static void *reader(void *arg)
{
	return work(arg, false);
}

static void *writer(void *arg)
{
	return work(arg, true);
}

/* ---- resets ---- */

static int hot_reset(int fd, int group)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t group;
	} reset = { .head = { .argsz = sizeof(reset), .count = 1 }, .group = group };

	return ioctl(fd, VFIO_DEVICE_PCI_HOT_RESET, &reset);
}

static void *resetter(void *arg)
{
	struct thread *t = arg;
	struct device *dev = t->dev;
	bool hot;
	int err;

	while (!stopped()) {
		hot = draw(t, 2);
		pthread_rwlock_rdlock(&dev->group_lock);
		err = EBADF;
		atomic_fetch_add(&dev->in_flight, 1);
		if (dev->vfio.group >= 0)
			err = (hot ? hot_reset(dev->fd, dev->vfio.group)
				   : ioctl(dev->fd, VFIO_DEVICE_RESET))
				      ? errno
				      : 0;
		atomic_fetch_sub(&dev->in_flight, 1);
		pthread_rwlock_unlock(&dev->group_lock);
		/* It is closed; or locked by another who resets or removes it */
		if (err == EAGAIN)
			count(BUSY);
		else if (err && err != EBADF)
			wrong(dev, "%s: %s", hot ? "hot reset" : "reset", strerror(err));
		else if (!err)
			count(hot ? HOT_RESETS : RESETS);
		usleep(5000 + draw(t, 40000));
	}
	return NULL;
}

/* ---- opening and closing ---- */

/* Is this an error of a device that is unbound, removed, or reset by others? */
static bool absent(const struct device *dev, const char *what, int err)
{
	switch (err) {
	/* It is not there, or not bound to vfio-pci, or its group is just going */
	case ENOENT:
	case ENXIO:
	/* It is about to be unbound; then its group has no container any more */
	case ENODEV:
	case EINVAL:
		count(ABSENT);
		return true;
	/* An access of a thread still holds the opening before */
	case EBUSY:
		count(HELD);
		return true;
	/* It is reset or removed by somebody else */
	case EAGAIN:
	case EIO:
		count(LOCKED);
		return true;
	default:
		wrong(dev, "%s: %s", what, strerror(err));
		return false;
	}
}

/* What the next user sees at first, be it under cxl-device or read-only */
static void judge_fresh(struct device *dev)
{
	static const struct {
		unsigned int at, width;
		uint32_t value;
	} at_open[] = { { CONTROL, 2, 2 },    { CONTROL2, 2, 0 },  { LOCK, 2, 0 },
			{ BASE1_HIGH, 4, 0 }, { BASE1_LOW, 4, 0 }, { BASE2_HIGH, 4, 0 },
			{ BASE2_LOW, 4, 0 } };
	uint32_t value;
	unsigned int i;
	int err;

	if (bare)
		return;
	for (i = 0; i < sizeof(at_open) / sizeof(at_open[0]); i++) {
		err = vfio_config_read(&dev->vfio, dev->dvsec + at_open[i].at, at_open[i].width,
				       &value);
		if (err)
			wrong(dev, "read after open: %s", strerror(-err));
		else if (value != at_open[i].value)
			wrong(dev, "after open %#x has %0*x", dev->dvsec + at_open[i].at,
			      (int)at_open[i].width * 2, value);
	}
	count(FRESH);
}

static void give(struct device *dev)
{
	count(OPENS);
	atomic_store(&dev->config, dev->vfio.config);
	dup3(dev->vfio.fd, dev->fd, O_CLOEXEC);
	close(dev->vfio.fd);
	dev->vfio.fd = -1;
}

/* With @drain, until no thread is in an access, so that the device is closed */
static void take(struct device *dev, bool drain)
{
	dup3(nothing, dev->fd, O_CLOEXEC);
	while (drain && atomic_load(&dev->in_flight))
		usleep(500);
}

/* Let the threads work a while, but never as long as a hung task takes */
static void let_work(struct thread *t)
{
	struct device *dev = t->dev;
	unsigned long until = atomic_load(&dev->accesses) + 20 + draw(t, 400);
	unsigned int i;

	for (i = 0; i < 100 && atomic_load(&dev->accesses) < until && !stopped(); i++)
		usleep(5000);
}

static bool open_group(struct device *dev)
{
	struct vfio_device vfio = VFIO_DEVICE_CLOSED;
	const char *what = "find";
	int err;

	errno = 0;
	err = vfio_find(&vfio, dev->bdf);
	if (!err) {
		what = "open";
		errno = 0;
		err = vfio_open(&vfio);
	}
	if (err) {
		absent(dev, what, errno);
		vfio_close(&vfio);
		return false;
	}
	pthread_rwlock_wrlock(&dev->group_lock);
	dev->vfio = vfio;
	pthread_rwlock_unlock(&dev->group_lock);
	count(GROUPS);
	return true;
}

static void *owner(void *arg)
{
	struct thread *t = arg;
	struct device *dev = t->dev;
	bool drained = true;
	unsigned int turns;

	while (!stopped()) {
		if (!open_group(dev)) {
			usleep(20000);
			continue;
		}
		for (turns = 1 + draw(t, 6); turns; turns--) {
			if (drained)
				judge_fresh(dev);
			give(dev);
			let_work(t);
			drained = draw(t, 2);
			take(dev, drained);
			if (turns == 1 || stopped())
				break;
			if (vfio_reopen(&dev->vfio)) {
				absent(dev, "open again", errno);
				break;
			}
		}
		pthread_rwlock_wrlock(&dev->group_lock);
		vfio_close(&dev->vfio);
		pthread_rwlock_unlock(&dev->group_lock);
	}
	return NULL;
}

/* ---- all of it ---- */

static void terminate(int signal)
{
	(void)signal;
	terminated = 1;
}

static bool start(struct thread *t, struct device *dev, uint64_t seed, void *(*run)(void *))
{
	t->dev = dev;
	t->random = (seed + 1 + (t - threads)) * 0x9e3779b97f4a7c15ULL | 1;
	return !pthread_create(&t->id, NULL, run, t);
}

static int set_up(struct device *dev, const char *bdf)
{
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	dev->vfio = (struct vfio_device)VFIO_DEVICE_CLOSED;
	pthread_rwlock_init(&dev->group_lock, NULL);
	dev->fd = dup(nothing);
	return expect(dev);
}

int main(int argc, char **argv)
{
	static void *(*const runs[THREADS])(void *) = { reader, writer, owner, resetter };
	unsigned long seconds = 0, accesses = 0, seed = 1, done;
	struct timespec begin, now;
	unsigned int i, k;
	int c;

	while ((c = getopt(argc, argv, "t:n:s:bm")) != -1) {
		switch (c) {
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			accesses = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'b':
			bare = true;
			break;
		case 'm':
			mobile = true;
			break;
		default:
			fputs(usage_text, stderr);
			return 2;
		}
	}
	if (optind == argc || argc - optind > MAX_DEVICES) {
		fputs(usage_text, stderr);
		return 2;
	}

	/* tools/vfio.c tells all that goes wrong there, which is much */
	report = fdopen(dup(STDERR_FILENO), "w");
	nothing = open("/", O_PATH | O_CLOEXEC);
	if (!report || nothing < 0 || !freopen("/dev/null", "w", stderr))
		return 1;
	setvbuf(report, NULL, _IOLBF, 0);
	for (nr_devices = 0; optind < argc; nr_devices++)
		if (set_up(&devices[nr_devices], argv[optind++]))
			return 1;

	/* Whoever changes policies and devices meanwhile has to get on, too */
	if (nice(10) < 0)
		return 1;
	signal(SIGTERM, terminate);
	puts("ready");
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (i = 0; i < nr_devices; i++)
		for (k = 0; k < THREADS; k++)
			if (!start(&threads[i * THREADS + k], &devices[i], seed, runs[k]))
				return 1;
	do {
		usleep(50000);
		clock_gettime(CLOCK_MONOTONIC, &now);
		done = counts[READS] + counts[WRITES];
	} while (!terminated && (!accesses || done < accesses) &&
		 (!seconds || (unsigned long)(now.tv_sec - begin.tv_sec) < seconds));
	stop = true;
	for (i = 0; i < nr_devices * THREADS; i++)
		pthread_join(threads[i].id, NULL);

	printf("seed=%lu", seed);
	for (i = 0; i < NR_COUNTS; i++)
		printf(" %s=%lu", count_names[i], counts[i]);
	putchar('\n');
	return counts[WRONG] != 0;
}
