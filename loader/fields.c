// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "describe.h"
#include "fields.h"
#include "output.h"

struct json_object *fields_names(const struct policy *policy, uint16_t vendor, uint16_t id,
				 uint16_t offset, uint32_t bits)
{
	struct json_object *names = json_object_new_array();
	struct describe_field field;

	bits <<= offset % 4 * 8;
	while (bits) {
		unsigned int bit = __builtin_ctz(bits);

		if (describe_find_field(policy, vendor, id, offset / 4, bit, &field))
			json_object_array_add(names, output_string(field.name));
		else
			field.mask = 1U << bit;
		bits &= ~field.mask;
	}
	return names;
}

const char *fields_dvsec(uint16_t vendor, uint16_t id, char text[32])
{
	if (vendor == CXL_DVSEC_VENDOR_ID && id == CXL_DVSEC_ID_DEVICE)
		snprintf(text, 32, "CXL device DVSEC");
	else if (vendor == CXL_DVSEC_VENDOR_ID)
		snprintf(text, 32, "DVSEC %u of CXL", id);
	else
		snprintf(text, 32, "DVSEC %#x:%u", vendor, id);
	return text;
}
