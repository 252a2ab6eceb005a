// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that race for the CXL device DVSEC of one open device.
 */
#include <errno.h>
#include <limits.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vfio.h"

#define CONTROL	  0x0c
#define CONTROL2  0x10
#define LOCK	  0x14
#define BASE_HIGH 0x20

static const char usage_text[] =
	"usage: vfio_race BDF DVSEC reset|lock|bytes N\n"
	"\n"
	"DVSEC is where the CXL device DVSEC begins in configuration space.\n"
	"\n"
	"  reset  N resets while others write CONTROL2\n"
	"  lock   N times CONFIG_LOCK is set while others write CONTROL\n"
	"  bytes  four threads write a byte each of one register, N times\n"
	"\n"
	"exit status: 0 as it should be, 1 not so, 2 usage\n";

static struct vfio_device device = VFIO_DEVICE_CLOSED;
static uint64_t dvsec;
static bool stop;

static uint32_t get(unsigned int offset, unsigned int size)
{
	uint32_t value = 0;
	int err = vfio_config_read(&device, dvsec + offset, size, &value);

	if (err) {
		fprintf(stderr, "vfio_race: read at %#x: %s\n", offset, strerror(-err));
		exit(1);
	}
	return value;
}

static void set(unsigned int offset, unsigned int size, uint32_t value)
{
	int err = vfio_config_write(&device, dvsec + offset, size, value);

	if (err) {
		fprintf(stderr, "vfio_race: write at %#x: %s\n", offset, strerror(-err));
		exit(1);
	}
}

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void *write_control2(void *arg)
{
	unsigned long *writes = arg;

	while (!stopped()) {
		set(CONTROL2, 1, (*writes)++ & 1);
		__atomic_thread_fence(__ATOMIC_RELEASE);
	}
	return NULL;
}

static void *write_control(void *arg)
{
	uint32_t value = (uintptr_t)arg;

	while (!stopped()) {
		value = value * 1664525 + 1013904223;
		set(CONTROL, 2, value >> 16);
	}
	return NULL;
}

static unsigned long rounds;

static void *write_byte(void *arg)
{
	unsigned int at = (uintptr_t)arg;
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		set(BASE_HIGH + at, 1, i & 0xff);
		if (get(BASE_HIGH + at, 1) != (i & 0xff)) {
			printf("byte %u lost what was written to it\n", at);
			return (void *)1;
		}
	}
	return NULL;
}

static void reset(void)
{
	if (ioctl(device.fd, VFIO_DEVICE_RESET)) {
		fprintf(stderr, "vfio_race: cannot reset: %s\n", strerror(errno));
		exit(1);
	}
}

static int race_reset(void)
{
	unsigned long writes = 0, before, i;
	pthread_t thread;

	pthread_create(&thread, NULL, write_control2, &writes);
	for (i = 0; i < rounds; i++) {
		before = __atomic_load_n(&writes, __ATOMIC_ACQUIRE);
		while (__atomic_load_n(&writes, __ATOMIC_ACQUIRE) < before + 20)
			usleep(100);
		reset();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("%lu resets against %lu writes\n", rounds, writes);
	return 0;
}

static int race_lock(void)
{
	unsigned long i, k, changed = 0;
	pthread_t threads[2];
	uint32_t locked;

	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_control, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < rounds; i++) {
		locked = get(CONTROL, 2);
		while (get(CONTROL, 2) == locked)
			usleep(100);
		set(LOCK, 2, 1);
		locked = get(CONTROL, 2);
		for (k = 0; k < 50; k++) {
			if (get(CONTROL, 2) != locked)
				changed++;
			if (k % 10 == 0)
				usleep(500);
		}
		reset();
		if (get(LOCK, 2)) {
			printf("still locked after a reset\n");
			changed++;
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%lu locks, %lu changes of what was locked\n", rounds, changed);
	return changed != 0;
}

static int race_bytes(void)
{
	pthread_t threads[4];
	void *result;
	int bad = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, write_byte, (void *)(uintptr_t)i);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		bad |= result != NULL;
	}
	printf("4 x %lu bytes, %s\n", rounds, bad ? "some lost" : "none lost");
	return bad;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*race)(void);
	} races[] = { { "reset", race_reset }, { "lock", race_lock }, { "bytes", race_bytes } };
	unsigned int i;

	if (argc != 5) {
		fputs(usage_text, stderr);
		return 2;
	}
	dvsec = strtoul(argv[2], NULL, 0);
	rounds = strtoul(argv[4], NULL, 0);
	for (i = 0; i < sizeof(races) / sizeof(races[0]); i++)
		if (!strcmp(argv[3], races[i].name)) {
			if (vfio_find(&device, argv[1]) || vfio_open(&device))
				return 1;
			return races[i].race();
		}
	fputs(usage_text, stderr);
	return 2;
}
