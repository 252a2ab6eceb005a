// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "fields.h"
#include "output.h"

struct json_object *fields_names(const struct policy *policy, uint16_t vendor, uint16_t id,
				 uint16_t offset, uint32_t bits)
{
	struct json_object *names = json_object_new_array();
	unsigned int i;

	bits <<= offset % 4 * 8;
	for (i = 0;
	     vendor == CXL_DVSEC_VENDOR_ID && id == CXL_DVSEC_ID_DEVICE && i < POLICY_NR_FIELDS;
	     i++)
		if (policy_registers[policy_fields[i].reg].offset / 4 == offset / 4 &&
		    (policy_field_bits(i) & bits))
			json_object_array_add(names, output_string(policy_fields[i].name));

	for (i = 0; policy && i < policy->nr_described; i++) {
		const struct policy_described *field = &policy->described[i];
		const struct policy_dvsec *dvsec = &policy->dvsecs[field->dvsec];

		if (dvsec->vendor == vendor && dvsec->id == id && field->offset / 4 == offset / 4 &&
		    (CXL_DVSEC_BITS(field->hi, field->lo) << (field->offset % 4 * 8) & bits))
			json_object_array_add(names, output_string(field->name));
	}
	return names;
}

bool fields_source(const struct cxl_policy *table, struct policy *source)
{
	char error[POLICY_ERROR_LEN];
	struct policy_image image;

	return !policy_is_file(table->name) && !policy_load(table->name, source, error) &&
	       !policy_compile(source, &image, error) &&
	       !memcmp(&image.table, table, sizeof(*table));
}
