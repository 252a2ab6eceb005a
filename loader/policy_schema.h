/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The format of policies as a JSON schema, for editors and for checks that need
 * nothing of this program.
 */
#ifndef LOADER_POLICY_SCHEMA_H
#define LOADER_POLICY_SCHEMA_H

#include <json-c/json.h>

/**
 * policy_schema - make the JSON schema of policies
 *
 * It tells what a file must look like; whether its fields fit together is for the
 * compiler of policies to say.
 *
 * Return: an object, to be freed.
 */
struct json_object *policy_schema(void);

#endif /* LOADER_POLICY_SCHEMA_H */
