// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: files of assignments. Whatever one holds, the outcome is an error
 * with a message, or entries no two of which are for the same; and a later file that
 * says the same replaces each of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct assignments *all, unsigned int nr, const char *file)
{
	const struct assignment *entry = &all->entries[nr];
	char text[32], other[32];
	const char *key;
	unsigned int i;

	CHECK(entry->line && !strcmp(entry->file, file));
	CHECK(memchr(entry->policy, '\0', sizeof(entry->policy)));
	CHECK(strcmp(entry->policy, ASSIGN_NONE) && !policy_is_file(entry->policy));
	key = assign_match_text(&entry->match, text, sizeof(text));
	for (i = 0; i < nr; i++)
		CHECK(strcmp(assign_match_text(&all->entries[i].match, other, sizeof(other)),
			     key) ||
		      strcmp(other, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[POLICY_ERROR_LEN] = "";
	struct assignments all = {};
	unsigned int i, nr;
	int err;

	err = assign_parse((const char *)data, size, "fuzz.yaml", "a.yaml", &all, error);
	if (err) {
		CHECK(err < 0 && error[0] && !strchr(error, '\n'));
	} else {
		nr = all.nr;
		CHECK(!assign_parse((const char *)data, size, "fuzz.yaml", "b.yaml", &all, error));
		CHECK(all.nr == nr);
		for (i = 0; i < nr; i++)
			check_entry(&all, i, "b.yaml");
	}
	assign_free(&all);
	return 0;
}
