// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs the kernel to verify the BPF programs, and how large they get: one
 * JSON object a line for each program and figure.
 *
 * The verifier goes by the values of a frozen .rodata, so the cost is that of a
 * policy: of each one that is shipped, and of one that fills all tables.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cxl_policy_abi.h"
#include "policy.h"
#include "struct_ops.h"

#define LOG_STATS 4 /* BPF_LOG_STATS of the kernel: no trace of the instructions */
#define LOG_SIZE  65536
#define MAX_PROGS 16

static const char *kernel;
static char libbpf_says[4096];

/* Of a trace program and of the policy's that it looks at */
static const char *const traced[][2] = {
	{ "trace_opened", "cxl_opened" }, { "trace_closed", "cxl_closed" },
	{ "trace_reset", "cxl_reset" },	  { "trace_read", "cxl_read" },
	{ "trace_write", "cxl_write" },
};

/* The last things said name the cause */
static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t len = strlen(libbpf_says);

	if (level == LIBBPF_WARN)
		vsnprintf(libbpf_says + len, sizeof(libbpf_says) - len, format, args);
	return 0;
}

static void row(const char *object, const char *prog, const char *policy, const char *metric,
		unsigned long long value)
{
	printf("{\"kernel\":\"%s\",\"case\":\"verifier\",\"variant\":\"%s.%s%s%s\",\"metric\":\"%s\","
	       "\"value\":%llu}\n",
	       kernel, object, prog, policy ? "." : "", policy ? policy : "", metric, value);
}

/* The number after a word of the log */
static int find_number(const char *log, const char *word, unsigned long long *number)
{
	const char *at = strstr(log, word);

	return at && sscanf(at + strlen(word), " %llu", number) == 1 ? 0 : -ENOENT;
}

static int print_prog(const char *object, const struct bpf_program *prog, const char *policy)
{
	static const struct {
		const char *word, *metric;
	} figures[] = {
		{ "processed", "instructions" },
		{ "total_states", "states" },
		{ "peak_states", "peak_states" },
		{ "max_states_per_insn", "max_states_per_insn" },
	};
	const char *name = bpf_program__name(prog), *log;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	unsigned long long number;
	size_t size, i;

	log = bpf_program__log_buf(prog, &size);
	for (i = 0; i < ARRAY_SIZE(figures); i++) {
		if (!log || find_number(log, figures[i].word, &number))
			return complain("the verifier does not tell '%s' of %s: %s",
					figures[i].word, name, log ? log : "it has no log");
		row(object, name, policy, figures[i].metric, number);
	}
	if (!find_number(log, "verification time", &number))
		row(object, name, policy, "verification_usec", number);
	if (bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return complain("cannot ask for %s: %s", name, strerror(errno));
	row(object, name, policy, "xlated_bytes", info.xlated_prog_len);
	row(object, name, policy, "jited_bytes", info.jited_prog_len);
	return 0;
}

/* Load the object with a log for each program, and tell what is in the logs */
static int measure(struct bpf_object *obj, const char *object, const char *policy)
{
	char *logs[MAX_PROGS] = {};
	struct bpf_program *prog;
	int nr = 0, err = 0;

	bpf_object__for_each_program(prog, obj)
	{
		if (nr == MAX_PROGS) {
			err = -E2BIG;
			break;
		}
		logs[nr] = calloc(1, LOG_SIZE);
		if (!logs[nr] || bpf_program__set_log_buf(prog, logs[nr], LOG_SIZE) ||
		    bpf_program__set_log_level(prog, LOG_STATS))
			err = -ENOMEM;
		nr++;
	}
	err = err ?: bpf_object__load(obj);
	if (err)
		err = complain("cannot load %s with %s: %s\n%s", object, policy, strerror(-err),
			       libbpf_says);
	for (prog = NULL; !err && (prog = bpf_object__next_program(obj, prog));)
		err = print_prog(object, prog, policy);
	while (nr)
		free(logs[--nr]);
	return err;
}

static struct bpf_object *open_object(const char *folder, const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	struct bpf_object *obj;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.bpf.o", folder, name);
	obj = bpf_object__open_file(path, &opts);
	if (!obj)
		complain("cannot open %s: %s", path, strerror(errno));
	return obj;
}

static struct cxl_policy *find_table(const struct bpf_object *obj)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_var_secinfo *var;
	const struct btf_type *section;
	char *data;
	size_t size;
	int id, i;

	id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	data = map ? bpf_map__initial_value(map, &size) : NULL;
	if (id < 0 || !data)
		return NULL;
	section = btf__type_by_id(btf, id);
	for (i = 0, var = btf_var_secinfos(section); i < btf_vlen(section); i++, var++)
		if (var->size == sizeof(struct cxl_policy) && var->offset + var->size <= size &&
		    !strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, var->type)->name_off),
			    "cxl_policy_table"))
			return (struct cxl_policy *)(data + var->offset);
	return NULL;
}

/*
 * All that the tables have room for, so that nothing is left out for a value known
 * to be 0. CXL_POLICY_RAW would leave out more than it adds.
 */
static void fill_table(struct cxl_policy *table)
{
	struct cxl_policy_dvsec *dvsec;
	struct cxl_rule *rule;
	unsigned int i, j;

	memset(table, 0xff, sizeof(*table));
	table->abi_version = CXL_POLICY_ABI_VERSION;
	table->flags = CXL_POLICY_RECORD;
	table->nr_dvsecs = CXL_POLICY_MAX_DVSECS;
	table->nr_rules = CXL_POLICY_MAX_RULES;
	snprintf(table->name, sizeof(table->name), "full");
	for (i = 0; i < CXL_POLICY_MAX_DVSECS; i++) {
		dvsec = &table->dvsecs[i];
		dvsec->vendor = CXL_DVSEC_VENDOR_ID;
		dvsec->id = i;
		dvsec->nr_rules = CXL_POLICY_MAX_RULES / CXL_POLICY_MAX_DVSECS;
		dvsec->first_rule = i * dvsec->nr_rules;
		dvsec->lock_rule = 1;
		dvsec->reset_action = CXL_RESET_EMULATE;
		dvsec->lock_mask = 1;
	}
	for (i = 0; i < CXL_POLICY_MAX_RULES; i++) {
		rule = &table->rules[i];
		rule->nr_conds = CXL_POLICY_MAX_CONDS;
		for (j = 0; j < CXL_POLICY_MAX_CONDS; j++) {
			rule->conds[j].cap_rule = 1;
			rule->conds[j].reserved = j % 2;
		}
	}
}

static int compile(const struct policy_text *text, struct cxl_policy *table)
{
	static struct policy policy;
	static struct policy_image image;
	char error[POLICY_ERROR_LEN] = "";

	if (policy_parse(text->text, strlen(text->text), text->name, &policy, error) ||
	    policy_compile(&policy, &image, error))
		return complain("%s", error);
	*table = image.table;
	return 0;
}

/* @text NULL: the full tables */
static int measure_policy(const char *folder, const struct policy_text *text)
{
	struct bpf_object *obj = open_object(folder, "cxl_policy");
	struct cxl_policy *table;
	int err = 1;

	if (!obj)
		return 1;
	table = find_table(obj);
	if (!table)
		complain("cxl_policy.bpf.o has no table");
	else if (text)
		err = compile(text, table);
	else
		err = (fill_table(table), 0);
	if (!err)
		err = measure(obj, "cxl_policy", text ? text->name : "full");
	bpf_object__close(obj);
	return err;
}

/* The programs of the trace are attached to those of a policy that is loaded */
static int measure_trace(const char *folder)
{
	struct bpf_object *policy = open_object(folder, "cxl_policy"), *obj;
	struct bpf_program *prog, *target;
	struct bpf_map *shadow;
	int err = 1;
	size_t i;

	obj = policy ? open_object(folder, "cxl_trace") : NULL;
	if (!obj)
		goto out;
	err = bpf_object__load(policy);
	if (err) {
		err = complain("cannot load cxl_policy: %s\n%s", strerror(-err), libbpf_says);
		goto out;
	}
	for (i = 0; i < ARRAY_SIZE(traced) && !err; i++) {
		prog = bpf_object__find_program_by_name(obj, traced[i][0]);
		target = bpf_object__find_program_by_name(policy, traced[i][1]);
		err = prog && target ? bpf_program__set_attach_target(prog, bpf_program__fd(target),
								      traced[i][1])
				     : -ENOENT;
	}
	shadow = bpf_object__find_map_by_name(policy, CXL_SHADOW_MAP_NAME);
	if (!err)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, CXL_SHADOW_MAP_NAME),
					bpf_map__fd(shadow));
	err = err ? complain("cannot prepare cxl_trace: %s", strerror(-err))
		  : measure(obj, "cxl_trace", NULL);
out:
	bpf_object__close(obj);
	bpf_object__close(policy);
	return err;
}

int main(int argc, char **argv)
{
	const struct policy_text *text;

	if (argc != 3) {
		fputs("usage: verifier_cost KERNEL DIR\n"
		      "\n"
		      "Load the BPF objects in DIR and print what that costs, as JSON; KERNEL is\n"
		      "what the rows call this kernel.\n",
		      stderr);
		return 2;
	}
	kernel = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(keep);
	for (text = policy_embedded; text->name; text++)
		if (measure_policy(argv[2], text))
			return 1;
	return measure_policy(argv[2], NULL) || measure_trace(argv[2]);
}
