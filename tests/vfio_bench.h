/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of vfio_bench have in common. */
#ifndef VFIO_BENCH_H
#define VFIO_BENCH_H

#include <stdint.h>

#define BATCH	100
#define BATCHES 61

/**
 * struct access - an access, and what it has to give with a policy
 * @offset: in the DVSEC, or with @exp in the PCI Express capability
 * @width: in bytes
 * @write: rather than a read
 * @value: of a write
 * @want: of a read: the value of the bits that are not in @hw
 * @hw: of a read: bits that are those of the hardware
 */
struct access {
	uint16_t offset;
	uint8_t width;
	uint8_t write;
	uint32_t value;
	uint32_t want;
	uint32_t hw;
};

/**
 * struct bench_case - accesses whose cost is measured
 * @name: of the case
 * @exp: in the PCI Express capability, which is none of a policy's
 * @setup: what is written before
 * @access: one or two accesses that take turns
 * @after: with a policy: a read after all of them
 * @reaches: with a policy: bits of what was written last that the hardware has
 */
struct bench_case {
	const char *name;
	int exp;
	struct access setup[2];
	struct access access[2];
	struct access after;
	uint32_t reaches;
};

void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t bench_now(void);
/* Of @BATCHES times; sorts them */
uint64_t bench_median(uint64_t *took);
void bench_row(const char *kernel, const char *name, const char *what, const char *metric,
	       int digits, double value);

/**
 * bench_engine() - the verdict of each case, by BPF and by C
 * @kernel: name in the rows
 * @object: file with the BPF program
 * @cases: what is measured
 * @nr_cases: how many
 * @hw: the CXL device DVSEC, dword by dword
 * @length: of it, in bytes
 * @start: its position in configuration space
 *
 * Return: 0, or 1 if the program can't be loaded or run.
 */
int bench_engine(const char *kernel, const char *object, const struct bench_case *cases,
		 unsigned int nr_cases, const uint32_t *hw, unsigned int length,
		 unsigned int start);

#endif
