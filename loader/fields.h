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
 * fields_source - find the policy that a table was made of
 * @table: the table, which has no names of fields
 * @source: filled in
 *
 * Return: whether the policy of that name makes the same table.
 */
bool fields_source(const struct cxl_policy *table, struct policy *source);

#endif /* LOADER_FIELDS_H */
