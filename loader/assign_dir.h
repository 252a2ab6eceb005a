/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder that assignments and local policies are in.
 */
#ifndef LOADER_ASSIGN_DIR_H
#define LOADER_ASSIGN_DIR_H

#include "assign.h"

#define ASSIGN_DIR "/etc/cxl-policy"

/**
 * struct assign_texts - what is to be told
 * @nr: number of @texts
 * @texts: a line each
 */
struct assign_texts {
	unsigned int nr;
	char **texts;
};

/**
 * struct assign_policy - a policy that is assigned, or in the folder
 * @name: of it
 * @local: it is in the folder
 * @used: it is assigned
 * @image: its tables; NULL if it isn't valid
 */
struct assign_policy {
	char name[CXL_POLICY_NAME_LEN];
	bool local;
	bool used;
	struct policy_image *image;
};

/**
 * struct assign_dir - all that is in the folder
 * @nr_files: number of files of assignments
 * @all: the assignments
 * @nr_policies: number of @policies
 * @policies: those that are assigned, and all in the folder
 * @problems: what makes it invalid
 * @warnings: what may not be meant
 * @policies_dir: where its policies are
 */
struct assign_dir {
	unsigned int nr_files;
	struct assignments all;
	unsigned int nr_policies;
	struct assign_policy *policies;
	struct assign_texts problems;
	struct assign_texts warnings;
	char *policies_dir;
};

/**
 * assign_dir_load - read the folder, and judge it
 * @path: of it
 * @dir: filled in, to be freed by assign_dir_free(), whatever is returned
 *
 * From here on policies are looked for in it before they are looked for elsewhere.
 *
 * Return: 0, also if there are problems; -ENOMEM; another negative errno if the
 * folder can't be read.
 */
int assign_dir_load(const char *path, struct assign_dir *dir);

/**
 * assign_dir_signature - find out whether anything in the folder has been changed
 * @path: of it
 *
 * Return: a number that is another one after a change, by names, sizes and times.
 */
uint64_t assign_dir_signature(const char *path);

/**
 * assign_dir_free - free what assign_dir_load() read
 * @dir: the folder
 */
void assign_dir_free(struct assign_dir *dir);

#endif /* LOADER_ASSIGN_DIR_H */
