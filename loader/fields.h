/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for bits of DVSECs.
 */
#ifndef LOADER_FIELDS_H
#define LOADER_FIELDS_H

#include <json-c/json.h>

#include "policy.h"

/**
 * fields_names - names of the fields that have some of the bits of an access
 * @policy: that describes fields of DVSECs other than the CXL device's, or NULL
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @offset: of the access in the DVSEC
 * @bits: counted from the access
 *
 * Return: an array of strings, to be freed.
 */
struct json_object *fields_names(const struct policy *policy, uint16_t vendor, uint16_t id,
				 uint16_t offset, uint32_t bits);

/**
 * fields_dvsec - name of a kind of DVSEC, for people
 * @vendor: DVSEC Vendor ID
 * @id: DVSEC ID
 * @text: filled in
 *
 * Return: @text.
 */
const char *fields_dvsec(uint16_t vendor, uint16_t id, char text[32]);

#endif /* LOADER_FIELDS_H */
