/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream of calls in a file: lines of JSON, the first one a header.
 */
#ifndef LOADER_STREAM_FILE_H
#define LOADER_STREAM_FILE_H

#include <json-c/json.h>
#include <stdio.h>

#include "device.h"
#include "stream.h"

#define STREAM_FILE_FORMAT   "cxl-policy-record"
#define STREAM_FILE_VERSION  1
#define STREAM_FILE_TIME_LEN 32

/* The events of an answer by name; NULL ends the list */
extern const struct stream_event_name {
	uint32_t flag;
	const char *name;
} stream_event_names[];

/**
 * stream_verdict_name - a verdict as text
 * @verdict: an &enum vfio_pci_dvsec_verdict
 *
 * Return: its name; "invalid" for what is none.
 */
const char *stream_verdict_name(int verdict);

/**
 * stream_file_header - make the first line
 * @device: whose calls are recorded
 * @policy: name of the policy in force
 * @shadow: its state, or NULL if the device isn't open
 * @hw: what the hardware holds by dword
 *
 * Return: an object.
 */
struct json_object *stream_file_header(const struct device *device, const char *policy,
				       const struct cxl_shadow *shadow, const uint32_t *hw);

/**
 * stream_file_seed - make a line for a state that nothing before it leads to
 * @time: of now
 * @policy: name of the policy in force
 * @shadow: its state
 * @hw: what the hardware holds by dword
 *
 * Return: an object.
 */
struct json_object *stream_file_seed(const char *time, const char *policy,
				     const struct cxl_shadow *shadow, const uint32_t *hw);

/**
 * stream_file_lost - make a line for calls that are missing
 * @time: of now
 *
 * Return: an object.
 */
struct json_object *stream_file_lost(const char *time);

/**
 * stream_file_told - make a line for an opening, a closing or a reset
 * @time: of the call
 * @call: the call
 *
 * Return: an object.
 */
struct json_object *stream_file_told(const char *time, const struct cxl_call *call);

/**
 * stream_file_access - make a line for an access
 * @time: of the access
 * @access: the access, with the answer of the policy in force
 *
 * Return: an object.
 */
struct json_object *stream_file_access(const char *time, const struct stream_access *access);

/**
 * enum stream_record_kind - what a line is
 * @STREAM_RECORD_SEED: a state; the header has one if the device was open
 * @STREAM_RECORD_LOST: calls are missing
 * @STREAM_RECORD_TOLD: an opening, a closing or a reset
 * @STREAM_RECORD_ACCESS: an access
 */
enum stream_record_kind {
	STREAM_RECORD_SEED,
	STREAM_RECORD_LOST,
	STREAM_RECORD_TOLD,
	STREAM_RECORD_ACCESS,
};

/**
 * struct stream_record - a line
 * @kind: what it is
 * @time: as in the file
 * @policy: of a seed: name of the policy in force; that of the seed before otherwise
 * @shadow: of a seed
 * @access: of an access; @call alone where the policy was told of something
 */
struct stream_record {
	enum stream_record_kind kind;
	char time[STREAM_FILE_TIME_LEN];
	char policy[CXL_POLICY_NAME_LEN];
	struct cxl_shadow shadow;
	struct stream_access access;
};

/**
 * struct stream_file - a file that is read
 * @file: it
 * @path: its name
 * @line: number of the line that was read last
 * @text: that line
 * @device: whose calls are in it
 * @nr_dvsecs: number of @dvsecs in use
 * @dvsecs: of the device
 * @open: the header had the state of an open device, in @record
 * @record: what was read last
 */
struct stream_file {
	FILE *file;
	const char *path;
	unsigned long line;
	char *text;
	char device[DEVICE_ADDRESS_LEN];
	unsigned int nr_dvsecs;
	struct device_dvsec dvsecs[2 * DEVICE_MAX_DVSECS];
	bool open;
	struct stream_record record;
};

/**
 * stream_file_open - begin to read a file, whoever wrote it
 * @path: its name; "-" is standard input
 * @file: filled in, to be given to stream_file_close(), also upon an error
 *
 * Return: 0 or a negative errno, with the error set.
 */
int stream_file_open(const char *path, struct stream_file *file);

/**
 * stream_file_next - read a line into &stream_file.record
 * @file: the file
 *
 * Return: 1; 0 at the end; or a negative errno, with the error set.
 */
int stream_file_next(struct stream_file *file);

/**
 * stream_file_close - end reading
 * @file: the file
 */
void stream_file_close(struct stream_file *file);

#endif /* LOADER_STREAM_FILE_H */
