// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: the file that a shadow is saved in, and the engine that restores
 * it. Whatever the file holds, the outcome is an error with a message, or a state that
 * reads the same when it is written, and that changes no bit of a shadow but those
 * that the guest can write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl_policy_engine.h"
#include "state.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static const struct cxl_policy policy = {
#include "cxl-device.policy.h"
};

/* Of device.c, which needs libpci */
int device_parse(const char *text, struct device_address *address)
{
	(void)text;
	(void)address;
	return -1;
}

void device_format(const struct device_address *address, char text[DEVICE_ADDRESS_LEN])
{
	(void)address;
	text[0] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_restore(const struct state *state)
{
	static struct cxl_shadow shadow, before;
	unsigned int i, n, stage;

	memset(&shadow, 0, sizeof(shadow));
	for (i = 0; i < state->device.nr_dvsecs; i++) {
		const struct device_dvsec *dvsec = &state->device.dvsecs[i];
		uint32_t index = cxl_engine_find(&policy, dvsec->vendor, dvsec->id);

		for (n = 1; n * 4U < dvsec->length && dvsec->offset / 4U + n < 1024; n++)
			cxl_engine_open(&policy, index, &shadow, dvsec->offset, n * 4, ~0U);
	}
	before = shadow;
	for (stage = CXL_RESTORE_BITS; stage <= CXL_RESTORE_ONCE; stage++)
		for (i = 0; i < state->nr_dwords; i++)
			cxl_engine_restore(&policy, &shadow, &state->dwords[i], stage);
	for (i = 0; i < CXL_SHADOW_DWORDS; i++) {
		CHECK(shadow.dwords[i].valid == before.dwords[i].valid);
		CHECK(shadow.dwords[i].hw == before.dwords[i].hw);
		CHECK(!((shadow.dwords[i].value ^ before.dwords[i].value) &
			~shadow.dwords[i].valid));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state state, again;
	char error[STATE_ERROR_LEN] = "";
	struct json_object *object;
	char *text = malloc(size + 1);
	const char *written;

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (state_parse(text, size, &state, error)) {
		CHECK(error[0]);
	} else {
		object = state_format(&state, "");
		written = json_object_to_json_string(object);
		CHECK(!state_parse(written, strlen(written), &again, error));
		CHECK(!memcmp(&state, &again, sizeof(state)));
		CHECK(!state_differs(&again, &state.device, error));
		json_object_put(object);
		check_restore(&state);
	}
	free(text);
	return 0;
}
