/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a policy lets a guest do: the bits that it can change, and those of the host
 * that it sees. Needs neither a device nor a kernel.
 */
#ifndef LOADER_SURFACE_H
#define LOADER_SURFACE_H

#include "describe.h"

/**
 * enum surface_kind - what a guest can do with a bit, as a mask
 * @SURFACE_HARDWARE: change it in the hardware
 * @SURFACE_SHADOW: change it in the shadow
 * @SURFACE_TRIGGER: make something happen by it
 * @SURFACE_READ: see what the hardware has, where the specification lets it be written
 */
enum surface_kind {
	SURFACE_HARDWARE = 1 << 0,
	SURFACE_SHADOW = 1 << 1,
	SURFACE_TRIGGER = 1 << 2,
	SURFACE_READ = 1 << 3,
};
#define SURFACE_NR_KINDS 4

/**
 * struct surface_field - bits that a guest can do something with
 * @kinds: a mask of &enum surface_kind
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @field: the bits
 * @when: name of the capability that they depend on, or empty
 * @lock: name of the field that freezes them, or empty
 * @locked: it is set at open, so a guest can change them under a policy of before alone
 */
struct surface_field {
	unsigned int kinds;
	uint16_t vendor;
	uint16_t id;
	struct describe_field field;
	char when[POLICY_FIELD_NAME_LEN];
	char lock[POLICY_FIELD_NAME_LEN];
	bool locked;
};

/**
 * struct surface_warning - what may not be meant
 * @field: that it is about, or NULL
 * @text: what it is
 */
struct surface_warning {
	const char *field;
	char text[256];
};

#define SURFACE_MAX_WARNINGS 128

/**
 * struct surface - what a policy lets a guest do
 * @raw: everything that no rule covers reaches the hardware
 * @record: every write is recorded
 * @nr_fields: number of @fields in use
 * @fields: in order of DVSEC and bit
 * @bits: by kind: number of bits
 * @nr_warnings: number of @warnings in use
 * @warnings: what may not be meant
 */
struct surface {
	bool raw;
	bool record;
	unsigned int nr_fields;
	struct surface_field *fields;
	unsigned int bits[SURFACE_NR_KINDS];
	unsigned int nr_warnings;
	struct surface_warning warnings[SURFACE_MAX_WARNINGS];
};

/**
 * surface_make - find out what a policy lets a guest do
 * @policy: the policy; must stay, as it has the names
 * @image: made of it
 * @surface: filled in, to be freed by surface_free()
 *
 * Return: 0 or -ENOMEM.
 */
int surface_make(const struct policy *policy, const struct policy_image *image,
		 struct surface *surface);

/**
 * surface_free - free what surface_make() filled in
 * @surface: the surface
 */
void surface_free(struct surface *surface);

/**
 * surface_kinds - what a guest can do with a bit
 * @flags: of its &struct describe
 * @attribute: an &enum cxl_dvsec_attribute, or -1 if it isn't known
 *
 * Return: a mask of &enum surface_kind.
 */
unsigned int surface_kinds(uint32_t flags, int attribute);

#endif /* LOADER_SURFACE_H */
