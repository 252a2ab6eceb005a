// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shipped policies, so that their names work where no file is installed.
 */
#include "policy.h"

#define EMBED(symbol, file)                                                                        \
	__asm__(".pushsection .rodata\n"                                                           \
		".global " #symbol "\n" #symbol ":\n"                                              \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const char symbol[] __attribute__((visibility("hidden")))

EMBED(policy_cxl_device, "policies/cxl-device.yaml");
EMBED(policy_locked, "policies/locked.yaml");
EMBED(policy_no_cache, "policies/no-cache.yaml");
EMBED(policy_passthrough, "policies/passthrough.yaml");
EMBED(policy_read_only, "policies/read-only.yaml");
EMBED(policy_type3_memory, "policies/type3-memory.yaml");

const struct policy_text policy_embedded[] = {
	{ "cxl-device", policy_cxl_device },
	{ "read-only", policy_read_only },
	{ "locked", policy_locked },
	{ "no-cache", policy_no_cache },
	{ "type3-memory", policy_type3_memory },
	{ "passthrough", policy_passthrough },
	{ NULL, NULL },
};
