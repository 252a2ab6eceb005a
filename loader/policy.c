// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies as they are written: fields, what attributes say of them, and where
 * policies are found.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_model.h"

#define POLICY_MAX_SIZE (1024 * 1024)

/* The loader has policies in it, other programs need none */
const struct policy_text policy_embedded[] __attribute__((weak)) = { { NULL, NULL } };

const struct policy_register policy_registers[CXL_DVSEC_NR_REGS] = {
#define POLICY_R(name, NAME, offset, size) { #name, offset, size },
	CXL_DVSEC_REGISTERS(POLICY_R)
#undef POLICY_R
};

const struct policy_field policy_fields[POLICY_NR_FIELDS] = {
#define POLICY_F(reg, REG, name, NAME, hi, lo, attr)                                               \
	{ #reg "." #name, CXL_DVSEC_REG_##REG, hi, lo, CXL_DVSEC_ATTR_##attr },
	CXL_DVSEC_FIELDS(POLICY_F)
#undef POLICY_F
};

const struct policy_condition policy_conditions[POLICY_NR_CONDITIONS] = {
#define POLICY_C(reg, name, cap_reg, cap, attr)                                                    \
	{ #reg "." #name, #cap_reg "." #cap, CXL_DVSEC_ATTR_##attr },
	CXL_DVSEC_CONDITIONS(POLICY_C)
#undef POLICY_C
};

static const char *const attribute_names[CXL_DVSEC_NR_ATTRS] = {
	[CXL_DVSEC_ATTR_RO] = "RO",	  [CXL_DVSEC_ATTR_RW] = "RW",
	[CXL_DVSEC_ATTR_RWL] = "RWL",	  [CXL_DVSEC_ATTR_RWO] = "RWO",
	[CXL_DVSEC_ATTR_RWS] = "RWS",	  [CXL_DVSEC_ATTR_RW1C] = "RW1C",
	[CXL_DVSEC_ATTR_RW1CS] = "RW1CS", [CXL_DVSEC_ATTR_RSVDP] = "RsvdP",
	[CXL_DVSEC_ATTR_RSVDZ] = "RsvdZ", [CXL_DVSEC_ATTR_HWINIT] = "HwInit",
};

const char *policy_attribute_name(unsigned int attribute)
{
	return attribute < CXL_DVSEC_NR_ATTRS ? attribute_names[attribute] : "?";
}

const char *policy_bits_text(unsigned int hi, unsigned int lo, char text[8])
{
	if (hi == lo)
		snprintf(text, 8, "%u", lo & 31);
	else
		snprintf(text, 8, "%u:%u", hi & 31, lo & 31);
	return text;
}

uint32_t policy_field_bits(unsigned int id)
{
	const struct policy_field *field = &policy_fields[id];
	unsigned int shift = policy_registers[field->reg].offset % 4 * 8;

	return CXL_DVSEC_BITS(field->hi, field->lo) << shift;
}

struct policy_any_field policy_field_of(const struct policy *policy, unsigned int id)
{
	struct policy_any_field field;

	if (id < POLICY_NR_FIELDS) {
		field.name = policy_fields[id].name;
		field.dvsec = POLICY_DEVICE_DVSEC;
		field.offset = policy_registers[policy_fields[id].reg].offset;
		field.hi = policy_fields[id].hi;
		field.lo = policy_fields[id].lo;
		field.attribute = policy_fields[id].attribute;
	} else {
		const struct policy_described *d = &policy->described[id - POLICY_NR_FIELDS];

		field.name = d->name;
		field.dvsec = d->dvsec;
		field.offset = d->offset;
		field.hi = d->hi;
		field.lo = d->lo;
		field.attribute = d->attribute;
	}
	field.rule = field.offset / 4;
	field.bits = CXL_DVSEC_BITS(field.hi, field.lo) << (field.offset % 4 * 8);
	return field;
}

/* Go on from @id to a field of a DVSEC, which may be @id itself */
bool policy_next_field(const struct policy *policy, int dvsec, unsigned int *id)
{
	if (dvsec == POLICY_DEVICE_DVSEC)
		return *id < POLICY_NR_FIELDS;
	if (*id < POLICY_NR_FIELDS)
		*id = POLICY_NR_FIELDS;
	for (; *id < POLICY_NR_FIELDS + policy->nr_described; ++*id)
		if (policy->described[*id - POLICY_NR_FIELDS].dvsec == dvsec)
			return true;
	return false;
}

int policy_error(char *error, int err, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(error, POLICY_ERROR_LEN, fmt, args);
	va_end(args);
	/* It may quote the file, and it is printed as one line */
	for (c = error; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return err;
}

bool policy_is_reserved(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RSVDP || attribute == CXL_DVSEC_ATTR_RSVDZ;
}

bool policy_is_rw1c(unsigned int attribute)
{
	return attribute == CXL_DVSEC_ATTR_RW1C || attribute == CXL_DVSEC_ATTR_RW1CS;
}

unsigned int policy_action_of(unsigned int id)
{
	switch (id) {
	case CXL_DVSEC_FIELD_CONTROL2_INITIATE_CACHE_WBI:
		return POLICY_ACTION_WBI;
	case CXL_DVSEC_FIELD_CONTROL2_INITIATE_CXL_RESET:
		return POLICY_ACTION_CXL_RESET;
	default:
		return POLICY_ACTION_NONE;
	}
}

/* Results of Initiate_CXL_Reset are those of the shadow, as the reset is */
static bool is_reset_result(unsigned int id)
{
	return id == CXL_DVSEC_FIELD_STATUS2_CXL_RESET_COMPLETE ||
	       id == CXL_DVSEC_FIELD_STATUS2_CXL_RESET_ERROR;
}

/*
 * Model
 */

/* What the attribute alone says of a field */
static void model_set_attribute(struct policy_field_model *model, unsigned int attribute)
{
	model->attribute = attribute;
	model->read = POLICY_READ_HARDWARE;
	model->write = 0;
	model->action = POLICY_ACTION_NONE;
	model->value = 0;

	switch (attribute) {
	case CXL_DVSEC_ATTR_RW:
	case CXL_DVSEC_ATTR_RWL:
	case CXL_DVSEC_ATTR_RWO:
	case CXL_DVSEC_ATTR_RWS:
		model->read = POLICY_READ_SHADOW;
		model->write = POLICY_WRITE_SHADOW;
		break;
	case CXL_DVSEC_ATTR_RW1C:
	case CXL_DVSEC_ATTR_RW1CS:
		model->write = POLICY_WRITE_SHADOW;
		break;
	case CXL_DVSEC_ATTR_RSVDP:
	case CXL_DVSEC_ATTR_RSVDZ:
		model->read = POLICY_READ_VALUE;
		break;
	}
}

void policy_model_action(struct policy_field_model *model, unsigned int action)
{
	model->read = POLICY_READ_VALUE;
	model->value = 0;
	model->write = action == POLICY_ACTION_WBI ? POLICY_WRITE_HARDWARE : 0;
	model->action = action;
}

/* What the attribute says of a field, and the specification beyond it */
void policy_model_default(struct policy_field_model *model, unsigned int id, unsigned int attribute)
{
	model_set_attribute(model, attribute);
	if (id >= POLICY_NR_FIELDS || attribute != policy_fields[id].attribute)
		return;
	if (policy_action_of(id))
		policy_model_action(model, policy_action_of(id));
	if (is_reset_result(id))
		model->read = POLICY_READ_SHADOW;
}

void policy_model_init(struct policy *policy)
{
	unsigned int id, i, cap;

	memset(policy, 0, sizeof(*policy));
	policy->texts_len = 1;
	for (id = 0; id < POLICY_NR_FIELDS; id++) {
		struct policy_field_model *model = &policy->fields[id];

		policy_model_default(model, id, policy_fields[id].attribute);
		model->when = POLICY_ALWAYS;
		model->absent = CXL_DVSEC_ATTR_RO;
		for (i = 0; i < POLICY_NR_CONDITIONS; i++) {
			if (strcmp(policy_conditions[i].field, policy_fields[id].name))
				continue;
			for (cap = 0; cap < POLICY_NR_FIELDS; cap++)
				if (!strcmp(policy_conditions[i].when, policy_fields[cap].name))
					model->when = cap;
			model->absent = policy_conditions[i].absent;
		}
	}
}

/* The fields RWO in the shadow: their number, and the last of them */
unsigned int policy_find_locks(const struct policy *policy, int dvsec, unsigned int *lock)
{
	unsigned int nr = 0, id;

	for (id = 0; policy_next_field(policy, dvsec, &id); id++)
		if (policy->fields[id].attribute == CXL_DVSEC_ATTR_RWO &&
		    policy->fields[id].read == POLICY_READ_SHADOW) {
			*lock = id;
			nr++;
		}
	return nr;
}

bool policy_claims(const struct vfio_pci_dvsec_id *claims, uint32_t nr, uint16_t vendor,
		   uint16_t id)
{
	uint32_t i;

	if (vendor == CXL_DVSEC_VENDOR_ID)
		return true;
	for (i = 0; i < nr && i < VFIO_PCI_DVSEC_MAX_CLAIMS; i++)
		if (claims[i].vendor == vendor && claims[i].id == id)
			return true;
	return false;
}

/*
 * Files
 */

bool policy_is_file(const char *spec)
{
	size_t len = strlen(spec);

	return strchr(spec, '/') || (len > 5 && !strcmp(spec + len - 5, ".yaml"));
}

int policy_read_file(const char *path, char **result, size_t *len, char *error)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t ret;
	int fd, err = 0;
	struct stat st;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return policy_error(error, -errno, "%s: %s", path, strerror(errno));

	if (fstat(fd, &st)) {
		err = policy_error(error, -errno, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		err = policy_error(error, -EINVAL, "%s: not a file", path);
		goto out;
	}
	text = malloc(POLICY_MAX_SIZE + 1);
	if (!text) {
		err = policy_error(error, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	do {
		ret = read(fd, text + size, POLICY_MAX_SIZE + 1 - size);
		if (ret < 0 && errno != EINTR) {
			err = policy_error(error, -errno, "%s: %s", path, strerror(errno));
			goto out;
		}
		if (ret > 0)
			size += ret;
	} while (ret && size <= POLICY_MAX_SIZE);
	if (size > POLICY_MAX_SIZE)
		err = policy_error(error, -EINVAL, "%s: larger than 1 MiB", path);
out:
	if (err)
		free(text);
	else
		*result = text;
	*len = size;
	close(fd);
	return err;
}

static int load_file(const char *path, unsigned int depth, struct policy *policy, char *error)
{
	size_t size;
	char *text;
	int err;

	err = policy_read_file(path, &text, &size, error);
	if (err)
		return err;
	err = policy_parse_based(text, size, path, depth, policy, error);
	free(text);
	return err;
}

static const char *first_dir;

void policy_look_in(const char *dir)
{
	first_dir = dir;
}

/* Call @fn for each folder of policies until it returns non-zero */
static int for_each_dir(int (*fn)(const char *dir, void *arg), void *arg)
{
	static const char *const dirs[] = {
		"/etc/cxl-policy/policies",
		"/usr/share/cxl-policy/policies",
	};
	char *env = getenv(POLICY_DIR_ENV), *copy, *dir, *rest;
	unsigned int i;
	int ret = 0;

	if (first_dir)
		ret = fn(first_dir, arg);
	if (env && !ret) {
		copy = strdup(env);
		if (!copy)
			return -ENOMEM;
		for (dir = strtok_r(copy, ":", &rest); dir && !ret;
		     dir = strtok_r(NULL, ":", &rest))
			ret = fn(dir, arg);
		free(copy);
	}
	for (i = 0; i < ARRAY_SIZE(dirs) && !ret; i++)
		ret = fn(dirs[i], arg);
	return ret;
}

struct find_arg {
	const char *name;
	char *path;
};

static int find_file(const char *dir, void *arg)
{
	struct find_arg *find = arg;

	if (asprintf(&find->path, "%s/%s.yaml", dir, find->name) < 0) {
		find->path = NULL;
		return -ENOMEM;
	}
	if (!access(find->path, F_OK))
		return 1;
	free(find->path);
	find->path = NULL;
	return 0;
}

static int load_name(const char *name, unsigned int depth, struct policy *policy, char *error)
{
	struct find_arg find = { .name = name };
	char origin[CXL_POLICY_NAME_LEN + 16];
	const struct policy_text *text;
	int ret;

	ret = for_each_dir(find_file, &find);
	if (ret < 0)
		return policy_error(error, ret, "out of memory");
	if (ret) {
		ret = load_file(find.path, depth, policy, error);
		free(find.path);
		return ret;
	}
	for (text = policy_embedded; text->name; text++)
		if (!strcmp(text->name, name)) {
			snprintf(origin, sizeof(origin), "%s (built in)", name);
			return policy_parse_based(text->text, strlen(text->text), origin, depth,
						  policy, error);
		}
	return policy_error(error, -ENOENT, "no policy '%s'", name);
}

int policy_load_spec(const char *spec, const char *from, unsigned int depth, struct policy *policy,
		     char *error)
{
	char *copy, *path;
	int err;

	if (!policy_is_file(spec))
		return load_name(spec, depth, policy, error);
	if (!from || spec[0] == '/')
		return load_file(spec, depth, policy, error);

	copy = strdup(from);
	if (!copy || asprintf(&path, "%s/%s", dirname(copy), spec) < 0) {
		free(copy);
		return policy_error(error, -ENOMEM, "%s: out of memory", from);
	}
	err = load_file(path, depth, policy, error);
	free(path);
	free(copy);
	return err;
}

int policy_load(const char *spec, struct policy *policy, char *error)
{
	return policy_load_spec(spec, NULL, 0, policy, error);
}

struct names_arg {
	void (*fn)(const char *name, void *arg);
	void *arg;
	unsigned int nr;
	char names[64][CXL_POLICY_NAME_LEN];
};

static void add_name(struct names_arg *names, const char *name)
{
	unsigned int i;

	for (i = 0; i < names->nr; i++)
		if (!strcmp(names->names[i], name))
			return;
	if (names->nr == ARRAY_SIZE(names->names))
		return;
	snprintf(names->names[names->nr++], CXL_POLICY_NAME_LEN, "%s", name);
	names->fn(name, names->arg);
}

static int list_dir(const char *dir, void *arg)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || dot == entry->d_name || strcmp(dot, ".yaml") ||
		    dot - entry->d_name >= CXL_POLICY_NAME_LEN)
			continue;
		*dot = '\0';
		add_name(arg, entry->d_name);
	}
	if (d)
		closedir(d);
	return 0;
}

void policy_for_each_name(void (*fn)(const char *name, void *arg), void *arg)
{
	struct names_arg names = { .fn = fn, .arg = arg };
	const struct policy_text *text;

	for (text = policy_embedded; text->name; text++)
		add_name(&names, text->name);
	for_each_dir(list_dir, &names);
}
