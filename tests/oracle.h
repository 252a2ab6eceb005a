/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a user of a CXL device DVSEC is to see and to cause, written from the
 * specification register by register and worked out bit by bit. It has a table
 * of its own and shares no code with the engine, the compiler of policies or the
 * kernel, so that each can be judged by it.
 *
 * CXL Specification 3.x, 8.1.3 (registers), 9.2 to 9.7 (resets).
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The registers, and with them the largest DVSEC that the oracle takes */
#define ORACLE_LENGTH	  0x3c
#define ORACLE_SPACE	  0x40
#define ORACLE_MAX_FIELDS 96
#define ORACLE_ALWAYS	  (-1)

enum oracle_access { ORACLE_RULES, ORACLE_READ_ONLY, ORACLE_PASSTHROUGH };
enum oracle_source { ORACLE_HARDWARE, ORACLE_SHADOW, ORACLE_VALUE };
enum oracle_action { ORACLE_NO_ACTION, ORACLE_WBI, ORACLE_CXL_RESET };

/**
 * struct oracle_rule - what a policy says of a field
 * @attribute: as the specification writes it: "RO", "RWL", "RW1CS", ...
 * @read: where a read comes from
 * @write_shadow: a write goes to the shadow
 * @write_hardware: a write goes to the hardware
 * @action: of an initiate bit
 * @when: number of the field that has to be seen as 1, or ORACLE_ALWAYS
 * @absent_reserved: where @when isn't met, the field is reserved, not read-only 0
 * @value: with ORACLE_VALUE what is read, with ORACLE_SHADOW the value at open
 */
struct oracle_rule {
	const char *attribute;
	enum oracle_source read;
	bool write_shadow;
	bool write_hardware;
	enum oracle_action action;
	int when;
	bool absent_reserved;
	uint32_t value;
};

/**
 * struct oracle_policy - a policy in the oracle's words
 * @access: rules, all read-only, or all of it the hardware's
 * @emulate_reset: a CXL Reset that the user can see is emulated, not rejected
 * @rules: by number of the field
 */
struct oracle_policy {
	enum oracle_access access;
	bool emulate_reset;
	struct oracle_rule rules[ORACLE_MAX_FIELDS];
};

/* Events of a write, in the oracle's words */
#define ORACLE_REFUSED	      (1U << 0) /* bits that are read-only */
#define ORACLE_LOCKED	      (1U << 1)
#define ORACLE_WBI_DROPPED    (1U << 2)
#define ORACLE_RESET_DROPPED  (1U << 3)
#define ORACLE_RESET_REJECTED (1U << 4)
#define ORACLE_RESET_EMULATED (1U << 5)
#define ORACLE_FORWARDED      (1U << 6)

/**
 * struct oracle_effect - what a write, or a close, causes
 * @events: ORACLE_*
 * @refused: bits of the access that the user wanted to change and could not
 * @nr_bytes: number of @bytes
 * @bytes: that are written to the hardware, in this order: offset and value
 */
struct oracle_effect {
	unsigned int events;
	uint32_t refused;
	unsigned int nr_bytes;
	struct {
		uint16_t offset;
		uint8_t value;
	} bytes[ORACLE_SPACE];
};

/**
 * struct oracle - a device that a user has open
 * @policy: in force
 * @length: DVSEC Length as the device tells it
 * @hw: what the hardware holds, ORACLE_LENGTH bytes, or ORACLE_SPACE where @length
 *	is more than that; belongs to the caller, who also carries out the writes
 *	that an &struct oracle_effect tells
 * The rest is the oracle's own.
 */
struct oracle {
	struct oracle_policy policy;
	uint16_t length;
	const uint8_t *hw;
	uint8_t known[ORACLE_SPACE]; /* what the hardware held when the policy looked last */
	uint8_t user[ORACLE_SPACE]; /* the user's bits */
	uint8_t given[ORACLE_SPACE]; /* those of them that have been given a value */
	uint8_t acknowledged[ORACLE_SPACE]; /* status bits that the user has cleared for itself */
	uint8_t undo[ORACLE_SPACE]; /* bits to put back at close, and ... */
	uint8_t undo_value[ORACLE_SPACE]; /* ... what to */
	uint8_t undo_keep[ORACLE_SPACE]; /* bits to leave then as the hardware has them */
};

/* Number of a field by its name ("control.mem_enable"), or -1 */
int oracle_field(const char *name);

/* Fields have numbers from 0; what the table says of one */
unsigned int oracle_nr_fields(void);
const char *oracle_register_name(int field);
const char *oracle_field_name(int field);
const char *oracle_field_attribute(int field);
unsigned int oracle_field_width(int field);

/*
 * A policy that names no field: RO and HwInit read the hardware; RW, RWL, RWO and
 * RWS live in the shadow and are 0 at open; a clear of RW1C and RW1CS is
 * acknowledged in the shadow; reserved bits read 0. The initiate bits do what they
 * are for, and conditions are the specification's.
 */
void oracle_specification(struct oracle_policy *policy);

/* The shipped policies, from what they are documented to do */
void oracle_cxl_device(struct oracle_policy *policy);
void oracle_read_only(struct oracle_policy *policy);
void oracle_passthrough(struct oracle_policy *policy);

/* Override a read-only field by a value that is read in its place */
void oracle_override(struct oracle_policy *policy, const char *field, uint32_t value);

/* A user opens the device; nothing of an earlier one is left */
void oracle_open(struct oracle *oracle, const struct oracle_policy *policy, const uint8_t *hw,
		 uint16_t length);

/* Another policy takes over under the open device */
void oracle_swap(struct oracle *oracle, const struct oracle_policy *policy);

/* A reset of the hardware, after which @hw holds what it does now */
void oracle_reset(struct oracle *oracle, bool conventional);

/* Accesses are naturally aligned, 1, 2 or 4 bytes, and begin at offset 4 or later */
uint32_t oracle_read(struct oracle *oracle, unsigned int offset, unsigned int size);
void oracle_write(struct oracle *oracle, unsigned int offset, unsigned int size, uint32_t value,
		  struct oracle_effect *effect);

/* The user closes the device: what is put back in the hardware */
void oracle_close(struct oracle *oracle, struct oracle_effect *effect);

#endif /* ORACLE_H */
