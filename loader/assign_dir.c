// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assign_dir.h"
#include "hash.h"
#include "policy_model.h"

#define SUFFIX ".yaml"

static int __attribute__((format(printf, 2, 3)))
add_text(struct assign_texts *texts, const char *fmt, ...)
{
	char **more = realloc(texts->texts, (texts->nr + 1) * sizeof(*more));
	va_list args;
	int len;

	if (!more)
		return -ENOMEM;
	texts->texts = more;
	va_start(args, fmt);
	len = vasprintf(&more[texts->nr], fmt, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	texts->nr++;
	return 0;
}

static void free_texts(struct assign_texts *texts)
{
	while (texts->nr)
		free(texts->texts[--texts->nr]);
	free(texts->texts);
	texts->texts = NULL;
}

/* Length of @name without the end that a file has to have, 0 if it hasn't */
static size_t stem(const char *name)
{
	size_t len = strlen(name);

	if (len <= strlen(SUFFIX) || strcmp(name + len - strlen(SUFFIX), SUFFIX))
		return 0;
	return len - strlen(SUFFIX);
}

/*
 * Call @fn for each file of a folder, in order of their names.
 *
 * Return: 0; what @fn returned; -ENOENT if there is no folder; another negative errno.
 */
static int for_each_file(struct assign_dir *dir, const char *path,
			 int (*fn)(struct assign_dir *dir, const char *path, const char *name))
{
	struct dirent **entries;
	size_t len;
	char *file;
	int nr, i, err = 0;

	nr = scandir(path, &entries, NULL, alphasort);
	if (nr < 0)
		return -errno;
	for (i = 0; i < nr; i++) {
		const char *name = entries[i]->d_name;

		len = strlen(name);
		if (err || name[0] == '.') {
			;
		} else if (asprintf(&file, "%s/%s", path, name) < 0) {
			err = -ENOMEM;
		} else {
			if (stem(name))
				err = fn(dir, file, name);
			else if (len > 4 && !strcmp(name + len - 4, ".yml"))
				err = add_text(&dir->warnings,
					       "%s: not read, as it doesn't end in " SUFFIX, file);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int read_assignments(struct assign_dir *dir, const char *path, const char *file)
{
	char error[POLICY_ERROR_LEN];
	char *text = NULL;
	size_t size;
	int err;

	dir->nr_files++;
	err = policy_read_file(path, &text, &size, error);
	if (!err)
		err = assign_parse(text, size, path, file, &dir->all, error);
	free(text);
	if (!err || err == -ENOMEM)
		return err;
	return add_text(&dir->problems, "%s", error);
}

static int read_devices_d(struct assign_dir *dir, const char *path, const char *name)
{
	char file[ASSIGN_FILE_LEN];

	snprintf(file, sizeof(file), "devices.d/%s", name);
	return read_assignments(dir, path, file);
}

static struct assign_policy *add_policy(struct assign_dir *dir, const char *name, size_t len)
{
	struct assign_policy *more;

	more = realloc(dir->policies, (dir->nr_policies + 1) * sizeof(*more));
	if (!more)
		return NULL;
	dir->policies = more;
	more += dir->nr_policies++;
	memset(more, 0, sizeof(*more));
	snprintf(more->name, sizeof(more->name), "%.*s", (int)len, name);
	return more;
}

/*
 * Return: 0, with &assign_policy.image NULL if it isn't valid, or -ENOMEM. The cause
 * is in @error; no policy of that name is -ENOENT.
 */
static int load_policy(struct assign_policy *policy, const char *spec, char *error)
{
	struct policy_image *image = calloc(1, sizeof(*image));
	struct policy *source = calloc(1, sizeof(*source));
	int err = -ENOMEM;

	if (source && image)
		err = policy_load(spec, source, error);
	if (!err)
		err = policy_compile(source, image, error);
	if (!err && strcmp(source->name, policy->name))
		err = policy_error(error, -EINVAL,
				   "%s: name '%s' isn't the one it has as a file, '%s'", spec,
				   source->name, policy->name);
	if (!err && !strcmp(source->name, ASSIGN_NONE))
		err = policy_error(error, -EINVAL,
				   "%s: name '" ASSIGN_NONE "' stands for no policy", spec);
	if (!err)
		policy->image = image;
	else
		free(image);
	free(source);
	return err;
}

static int read_policy(struct assign_dir *dir, const char *path, const char *name)
{
	char error[POLICY_ERROR_LEN];
	struct assign_policy *policy;
	int err;

	if (stem(name) >= CXL_POLICY_NAME_LEN)
		return add_text(&dir->problems, "%s: its name has more than %u characters", path,
				CXL_POLICY_NAME_LEN - 1);
	policy = add_policy(dir, name, stem(name));
	if (!policy)
		return -ENOMEM;
	policy->local = true;
	err = load_policy(policy, path, error);
	if (!err || err == -ENOMEM)
		return err;
	return add_text(&dir->problems, "%s", error);
}

/* The policies that assignments name, wherever they are */
static int find_policies(struct assign_dir *dir, const char *path)
{
	char error[POLICY_ERROR_LEN];
	struct assign_policy *policy;
	unsigned int i, j;
	int err;

	for (i = 0; i < dir->all.nr; i++) {
		const struct assignment *entry = &dir->all.entries[i];

		if (!entry->policy[0])
			continue;
		for (j = 0; j < dir->nr_policies; j++)
			if (!strcmp(dir->policies[j].name, entry->policy))
				break;
		if (j < dir->nr_policies) {
			dir->policies[j].used = true;
			continue;
		}
		policy = add_policy(dir, entry->policy, strlen(entry->policy));
		if (!policy)
			return -ENOMEM;
		policy->used = true;
		err = load_policy(policy, entry->policy, error);
		if (err == -ENOENT)
			err = add_text(&dir->problems,
				       "%s/%s:%u: there is no policy '%s', neither as %s/%s" SUFFIX
				       " nor with cxl-policy",
				       path, entry->file, entry->line, entry->policy,
				       dir->policies_dir, entry->policy);
		else if (err && err != -ENOMEM)
			err = add_text(&dir->problems, "%s/%s:%u: %s", path, entry->file,
				       entry->line, error);
		if (err)
			return err;
	}
	return 0;
}

static int read_folder(struct assign_dir *dir, const char *path, const char *name,
		       int (*fn)(struct assign_dir *dir, const char *path, const char *name))
{
	char *folder;
	int err;

	if (asprintf(&folder, "%s/%s", path, name) < 0)
		return -ENOMEM;
	err = for_each_file(dir, folder, fn);
	if (err == -ENOENT)
		err = 0;
	else if (err && err != -ENOMEM)
		err = add_text(&dir->problems, "%s: %s", folder, strerror(-err));
	free(folder);
	return err;
}

int assign_dir_load(const char *path, struct assign_dir *dir)
{
	char *file = NULL;
	unsigned int i;
	DIR *opened;
	int err;

	memset(dir, 0, sizeof(*dir));
	opened = opendir(path);
	if (!opened)
		return -errno;
	closedir(opened);
	if (asprintf(&dir->policies_dir, "%s/policies", path) < 0) {
		dir->policies_dir = NULL;
		return -ENOMEM;
	}
	policy_look_in(dir->policies_dir);

	if (asprintf(&file, "%s/devices" SUFFIX, path) < 0)
		return -ENOMEM;
	/* A link to nothing isn't meant to be there */
	err = faccessat(AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW)
		      ? 0
		      : read_assignments(dir, file, "devices" SUFFIX);
	if (!err)
		err = read_folder(dir, path, "devices.d", read_devices_d);
	if (!err && !dir->nr_files)
		err = add_text(
			&dir->problems,
			"%s: there are no assignments, write them to %s or %s/devices.d/*" SUFFIX,
			path, file, path);
	if (!err)
		err = read_folder(dir, path, "policies", read_policy);
	if (!err)
		err = find_policies(dir, path);
	for (i = 0; !err && i < dir->nr_policies; i++)
		if (!dir->policies[i].used)
			err = add_text(&dir->warnings,
				       "%s/%s" SUFFIX ": no device is assigned to it",
				       dir->policies_dir, dir->policies[i].name);
	free(file);
	return err;
}

void assign_dir_free(struct assign_dir *dir)
{
	policy_look_in(NULL);
	while (dir->nr_policies)
		free(dir->policies[--dir->nr_policies].image);
	free(dir->policies);
	assign_free(&dir->all);
	free_texts(&dir->problems);
	free_texts(&dir->warnings);
	free(dir->policies_dir);
	memset(dir, 0, sizeof(*dir));
}

/*
 * Changes
 */

static uint64_t add_file(uint64_t hash, const char *path)
{
	struct stat st;

	hash = hash_add(hash, path, strlen(path) + 1);
	if (stat(path, &st))
		return hash;
	hash = hash_add(hash, &st.st_ino, sizeof(st.st_ino));
	hash = hash_add(hash, &st.st_size, sizeof(st.st_size));
	hash = hash_add(hash, &st.st_mtim.tv_sec, sizeof(st.st_mtim.tv_sec));
	return hash_add(hash, &st.st_mtim.tv_nsec, sizeof(st.st_mtim.tv_nsec));
}

uint64_t assign_dir_signature(const char *path)
{
	static const char *const folders[] = { "devices.d", "policies" };
	uint64_t hash = HASH_INIT;
	struct dirent **entries;
	char file[PATH_MAX];
	unsigned int i;
	int nr, n;

	snprintf(file, sizeof(file), "%s/devices.yaml", path);
	hash = add_file(hash, file);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, folders[i]);
		nr = scandir(file, &entries, NULL, alphasort);
		for (n = 0; n < nr; n++) {
			snprintf(file, sizeof(file), "%s/%s/%s", path, folders[i],
				 entries[n]->d_name);
			if (entries[n]->d_name[0] != '.')
				hash = add_file(hash, file);
			free(entries[n]);
		}
		if (nr >= 0)
			free(entries);
	}
	return hash;
}
