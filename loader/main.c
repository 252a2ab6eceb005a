// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"
#include "cmd.h"
#include "cxl_policy_abi.h"
#include "output.h"
#include "version.h"

enum option_value {
	OPT_POLICY = 0x100,
	OPT_UNBOUND,
	OPT_COUNT,
	OPT_TIMEOUT,
	OPT_PROMETHEUS,
	OPT_CLEAR,
	OPT_FORCE,
	OPT_DRY_RUN,
	OPT_KEEP_OTHERS,
	OPT_DEVICE,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "unbound", no_argument, NULL, OPT_UNBOUND },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "prometheus", no_argument, NULL, OPT_PROMETHEUS },
	{ "clear", no_argument, NULL, OPT_CLEAR },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "keep-others", no_argument, NULL, OPT_KEEP_OTHERS },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ NULL, 0, NULL, 0 },
};

#define BIT_OF(opt) (1U << ((opt)&0xff))

static int cmd_help(const struct cmd_args *args);
static int cmd_version(const struct cmd_args *args);

static const struct cmd {
	const char *name;
	int (*fn)(const struct cmd_args *args);
	unsigned int options;
	const char *usage;
	const char *help;
} cmds[] = {
	{ "attach", cmd_attach, BIT_OF(OPT_POLICY) | BIT_OF(OPT_UNBOUND),
	  "attach BDF [--policy NAME|FILE] [--unbound]",
	  "Put a policy in force on a device, cxl-device if none is named. With\n"
	  "--unbound the device need not be bound to vfio-pci yet. The policy stays when\n"
	  "this program ends, and when the device is unbound and bound again.\n"
	  "\n"
	  "  cxl-policy attach 0000:0d:00.0\n"
	  "  cxl-policy attach 0d:00.0 --policy ./my.yaml --unbound\n" },
	{ "swap", cmd_swap, BIT_OF(OPT_POLICY), "swap BDF|default --policy NAME|FILE",
	  "Replace the policy of a device, or the default policy, at once: each access is\n"
	  "decided by the old or by the new one. The shadow is taken over.\n"
	  "\n"
	  "  cxl-policy swap 0000:0d:00.0 --policy read-only\n" },
	{ "detach", cmd_detach, 0, "detach BDF|default",
	  "End a policy. What covers the device then is the default policy, or, without\n"
	  "one, the kernel, which makes the DVSECs of CXL read-only.\n"
	  "\n"
	  "  cxl-policy detach 0000:0d:00.0\n" },
	{ "default", cmd_default, BIT_OF(OPT_POLICY),
	  "default set [--policy NAME|FILE] | default clear",
	  "The policy for every CXL device that has none of its own.\n"
	  "\n"
	  "  cxl-policy default set\n"
	  "  cxl-policy default set --policy read-only\n"
	  "  cxl-policy default clear\n" },
	{ "apply", cmd_apply, BIT_OF(OPT_DRY_RUN) | BIT_OF(OPT_KEEP_OTHERS) | BIT_OF(OPT_DEVICE),
	  "apply [DIR] [--device BDF] [--dry-run] [--keep-others]",
	  "Let each CXL device have the policy that the folder DIR, /etc/cxl-policy if none\n"
	  "is named, assigns to it: attach, swap or detach what differs, and keep the rest.\n"
	  "The whole folder is checked first; where it isn't valid, nothing is changed. A\n"
	  "device whose change fails stays as it was, and the others go on. With --dry-run it\n"
	  "only says what would be changed, with --keep-others what has no assignment keeps\n"
	  "its policy, and with --device all devices but that one are left as they are. See\n"
	  "cxl-policy-format(5) for DIR.\n"
	  "\n"
	  "The exit status is 0 if all was as assigned, 8 if something had to be changed, and\n"
	  "another one if something failed. So a unit of systemd wants SuccessExitStatus=8,\n"
	  "and a task of Ansible changed_when: result.rc == 8 and failed_when: result.rc not\n"
	  "in [0, 8].\n"
	  "\n"
	  "  cxl-policy apply\n"
	  "  cxl-policy apply ./fleet --dry-run\n"
	  "  cxl-policy apply --json | jq -r '.[] | select(.result == \"failed\").device'\n" },
	{ "refresh", cmd_refresh, BIT_OF(OPT_DRY_RUN), "refresh [--dry-run]",
	  "Let the policies that another version of cxl-policy put in force be enforced by\n"
	  "the program of this one, in one step each: they stay what they are, and guests\n"
	  "keep their state. Where this version can't take the state over, nothing is\n"
	  "changed, and the exit status is 6. It is 8 if something was changed, or with\n"
	  "--dry-run would be.\n"
	  "\n"
	  "  cxl-policy refresh\n"
	  "  cxl-policy refresh --dry-run\n" },
	{ "watch", cmd_watch, BIT_OF(OPT_KEEP_OTHERS), "watch [DIR] [--keep-others]",
	  "Do what apply does, and see to it that it stays so: a policy that is lost, by\n"
	  "detach or as its device is removed, is put in force again at once, or, if that\n"
	  "happens again and again, after a while that grows from 1 s to 60 s; a device that\n"
	  "comes gets its policy. Where DIR isn't valid, or vfio-pci has no hook yet, it says\n"
	  "so, keeps what is in force, and tries again. With --keep-others a policy is only\n"
	  "detached if it loses its assignment meanwhile. SIGHUP applies DIR anew; SIGTERM\n"
	  "ends it, and the policies stay. It tells systemd when it is ready, and how it fares.\n"
	  "\n"
	  "  cxl-policy watch\n"
	  "  cxl-policy watch ./fleet --json | jq -r 'select(.result == \"failed\").error'\n" },
	{ "list", cmd_list, 0, "list",
	  "The CXL devices of this host and what is in force on them, whoever registered it,\n"
	  "and the default policy. All of it is the kernel's word; where the pins of\n"
	  "cxl-policy don't agree with it, that is told as a problem.\n"
	  "\n"
	  "  cxl-policy list\n"
	  "  cxl-policy list --json | jq -r '.[] | select(.state == \"enforced\").device'\n"
	  "  cxl-policy list --json | jq -r '.[].problem // empty'\n" },
	{ "show", cmd_show, 0, "show BDF",
	  "The registers of a device's CXL DVSEC, and those fields of its other DVSECs that\n"
	  "the policy describes: what the guest sees, what the hardware has, what the policy\n"
	  "allows.\n"
	  "\n"
	  "  cxl-policy show 0000:0d:00.0\n"
	  "  cxl-policy show 0d:00.0 --json\n" },
	{ "monitor", cmd_monitor, BIT_OF(OPT_COUNT) | BIT_OF(OPT_TIMEOUT),
	  "monitor [--count N] [--timeout SECONDS]",
	  "Print events as they come: refused writes, locks, resets, and with a policy\n"
	  "that records, all writes.\n"
	  "\n"
	  "  cxl-policy monitor\n"
	  "  cxl-policy monitor --json --count 10 --timeout 60\n" },
	{ "stats", cmd_stats, BIT_OF(OPT_PROMETHEUS), "stats [BDF] [--prometheus]",
	  "What the kernel counts of the accesses to the DVSECs of a device, or of all CXL\n"
	  "devices that a vfio-pci with the hook has, and of their events while it is open.\n"
	  "Anybody may run it; to tell of events it needs root. With --prometheus in the\n"
	  "text format of that, for a textfile collector say.\n"
	  "\n"
	  "  cxl-policy stats\n"
	  "  cxl-policy stats 0000:0d:00.0 --json | jq '.[0].writes_denied'\n"
	  "  cxl-policy stats --prometheus >cxl.tmp && mv cxl.tmp cxl.prom\n" },
	{ "check", cmd_check, 0, "check FILE|NAME|DIR",
	  "Whether a policy is valid, and what it lets a guest do: the bits that reach the\n"
	  "hardware, those that live in the shadow, what can be triggered and what is seen\n"
	  "of the host. Warnings are about what may not be meant; they don't fail. This\n"
	  "needs no privilege, no device and no kernel that has the hook. DIR is a folder for\n"
	  "'cxl-policy apply', written with a slash; all that is wrong with it is told.\n"
	  "\n"
	  "  cxl-policy check ./my.yaml\n"
	  "  cxl-policy check ./my.yaml --json | jq -e '.warnings == []'\n"
	  "  cxl-policy check ./fleet\n" },
	{ "diff", cmd_diff, 0, "diff A B",
	  "What changes for a guest from policy A to B, field by field. Each is a policy by\n"
	  "name, a FILE, or what is in force on a device (BDF) or by default ('default'),\n"
	  "which needs privilege. The exit status is 8 if something changes.\n"
	  "\n"
	  "  cxl-policy diff cxl-device ./my.yaml\n"
	  "  cxl-policy diff 0000:0d:00.0 ./my.yaml && echo it is in force\n" },
	{ "registers", cmd_registers, 0, "registers [NAME]",
	  "The registers and fields of the CXL device DVSEC, by the names that policies use.\n"
	  "NAME is a register, or the beginning of a field, with its register or without.\n"
	  "\n"
	  "  cxl-policy registers\n"
	  "  cxl-policy registers control2\n"
	  "  cxl-policy registers mem_enable --json\n" },
	{ "trial", cmd_trial, BIT_OF(OPT_COUNT) | BIT_OF(OPT_TIMEOUT),
	  "trial BDF NAME|FILE [--count N] [--timeout SECONDS]",
	  "Try a policy beside the one in force on a device, on the accesses that its user\n"
	  "makes, without any effect. Prints each access whose outcome would differ, and at\n"
	  "the end, by SIGINT or after --timeout or --count differences, a summary. The exit\n"
	  "status is 8 if any differed, and 1 if none did but there was no access, or not all\n"
	  "accesses were seen.\n"
	  "\n"
	  "  cxl-policy trial 0000:0d:00.0 ./my.yaml\n"
	  "  cxl-policy trial 0d:00.0 read-only --json --timeout 60\n" },
	{ "record", cmd_record, BIT_OF(OPT_COUNT) | BIT_OF(OPT_TIMEOUT) | BIT_OF(OPT_FORCE),
	  "record BDF [FILE] [--count N] [--timeout SECONDS] [--force]",
	  "Write the accesses that a device's user makes to its DVSECs, and what the policy\n"
	  "in force makes of them, to a file or to the standard output, one line of JSON each,\n"
	  "until SIGINT, --timeout or --count accesses. A file that is there is replaced with\n"
	  "--force alone.\n"
	  "\n"
	  "  cxl-policy record 0000:0d:00.0 boot.jsonl --timeout 300\n" },
	{ "replay", cmd_replay, BIT_OF(OPT_POLICY) | BIT_OF(OPT_COUNT),
	  "replay FILE --policy NAME|FILE [--count N]",
	  "Tell what a policy would have made of recorded accesses, as trial does. Needs no\n"
	  "privilege, no device and no kernel.\n"
	  "\n"
	  "  cxl-policy replay boot.jsonl --policy ./my.yaml\n" },
	{ "save", cmd_save, 0, "save BDF [FILE]",
	  "Write the state that the guest sees in an open device's CXL registers to a file\n"
	  "or to standard output (-): for a guest that moves to another host. Pause the\n"
	  "guest first, as what it changes afterwards isn't in the file.\n"
	  "\n"
	  "  cxl-policy save 0000:0d:00.0 vm1.json\n"
	  "  cxl-policy save 0d:00.0 | ssh other cxl-policy restore 0e:00.0 -\n" },
	{ "restore", cmd_restore, BIT_OF(OPT_CLEAR), "restore BDF FILE | restore BDF --clear",
	  "Give the guest the state that was saved, at its first access to the CXL registers:\n"
	  "of the next opening of the device, or of the present one if no access has been\n"
	  "made yet. The device has to be of the same kind as the one that was saved. What\n"
	  "reaches the hardware isn't restored, and is told of. FILE is - for standard input.\n"
	  "--clear takes back what has not been applied yet.\n"
	  "\n"
	  "  cxl-policy restore 0000:0d:00.0 vm1.json\n"
	  "  cxl-policy restore 0000:0d:00.0 --clear\n" },
	{ "doctor", cmd_doctor, 0, "doctor",
	  "Look for what keeps policies from being enforced on this host: one line a check\n"
	  "with ok, warn, fail or unknown, what was found, and the way to mend it. Nothing\n"
	  "is changed. Anybody may run it; root sees more.\n"
	  "\n"
	  "Exit status: 0 no check fails, 4 none but that for privilege, 3 others too.\n"
	  "\n"
	  "  cxl-policy doctor\n"
	  "  cxl-policy doctor --json | jq -r '.checks[] | select(.status == \"fail\").hint'\n" },
	{ "help", cmd_help, 0, "help [COMMAND]",
	  "Tell of all commands, or of one.\n"
	  "\n"
	  "  cxl-policy help attach\n"
	  "  cxl-policy help --json | jq -r '.policies[]'\n" },
	{ "version", cmd_version, 0, "version", "Print the version.\n" },
};

static const struct cmd *find_cmd(const char *name)
{
	const struct cmd *found = NULL;
	size_t len = strlen(name), used = 0;
	unsigned int nr = 0, i;
	char names[256];

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (!strcmp(cmds[i].name, name))
			return &cmds[i];
		if (!len || strncmp(cmds[i].name, name, len))
			continue;
		if (used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s%s",
					 nr ? " or " : "", cmds[i].name);
		found = &cmds[i];
		nr++;
	}
	if (nr == 1)
		return found;
	if (nr)
		error_set(EXIT_USAGE, -EINVAL, "write more of it", "'%s' could be %s", name, names);
	else
		error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'", "no command '%s'", name);
	return NULL;
}

static void print_usage(FILE *f)
{
	const struct policy_text *text;
	unsigned int i;

	fprintf(f, "Usage: cxl-policy [OPTION]... COMMAND\n"
		   "\n"
		   "Policies for the CXL registers of devices that vfio-pci gives to guests.\n"
		   "\n"
		   "Commands:\n");
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		fprintf(f, "  %s\n", cmds[i].usage);
	fprintf(f, "\n"
		   "Options:\n"
		   "  -j, --json     JSON instead of text, errors too\n"
		   "  -p, --pretty   indented JSON\n"
		   "  -d, --debug    libbpf's messages and the verifier's log, on standard error\n"
		   "  -h, --help     help, also for one command\n"
		   "  -V, --version  the version\n"
		   "\n"
		   "BDF is an address such as 0000:0d:00.0 or 0d:00.0. NAME is a policy from the\n"
		   "folders in $CXL_POLICY_PATH, from /etc/cxl-policy/policies, from\n"
		   "/usr/share/cxl-policy/policies or a built-in one. FILE has a slash or ends in\n"
		   ".yaml.\n"
		   "\n"
		   "Built-in policies:\n");
	for (text = policy_embedded; text->name; text++)
		fprintf(f, "  %s\n", text->name);
	fprintf(f,
		"\n"
		"Exit status: 0 done, 1 failed, 2 usage, 3 the kernel lacks something, 4 no\n"
		"privilege, 5 device, policy or file not there, 6 taken or busy, 7 a file isn't\n"
		"valid, 8 what was compared differs, or had to be changed.\n");
}

/* Options that have a bit in @mask, or those that every command takes */
static struct json_object *options_json(bool common, unsigned int mask)
{
	struct json_object *names = json_object_new_array();
	char name[64];
	unsigned int i;

	for (i = 0; options[i].name; i++) {
		if (common ? options[i].val >= OPT_POLICY
			   : options[i].val < OPT_POLICY || !(BIT_OF(options[i].val) & mask))
			continue;
		snprintf(name, sizeof(name), "--%s", options[i].name);
		json_object_array_add(names, output_string(name));
	}
	return names;
}

static struct json_object *cmd_json(const struct cmd *cmd)
{
	struct json_object *object = json_object_new_object();

	output_add(object, "name", output_string(cmd->name));
	output_add(object, "usage", output_string(cmd->usage));
	output_add(object, "options", options_json(false, cmd->options));
	output_add(object, "help", output_string(cmd->help));
	return object;
}

static void add_policy(const char *name, void *arg)
{
	json_object_array_add(arg, output_string(name));
}

static struct json_object *all_json(void)
{
	struct json_object *object = json_object_new_object();
	struct json_object *commands = json_object_new_array();
	struct json_object *policies = json_object_new_array();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		json_object_array_add(commands, cmd_json(&cmds[i]));
	policy_for_each_name(add_policy, policies);
	output_add(object, "commands", commands);
	output_add(object, "options", options_json(true, 0));
	output_add(object, "policies", policies);
	return object;
}

static int cmd_help(const struct cmd_args *args)
{
	const struct cmd *cmd;

	if (args->argc > 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
				 "help takes at most one command");
	if (!args->argc) {
		if (output_options.json)
			output_json(all_json());
		else
			print_usage(stdout);
		return 0;
	}
	cmd = find_cmd(args->argv[0]);
	if (!cmd)
		return -EINVAL;
	if (output_options.json) {
		output_json(cmd_json(cmd));
		return 0;
	}
	printf("Usage: cxl-policy %s\n\n%s", cmd->usage, cmd->help);
	return 0;
}

static int cmd_version(const struct cmd_args *args)
{
	struct json_object *object;
	char libbpf[16];

	if (args->argc)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
				 "version takes no argument");
	snprintf(libbpf, sizeof(libbpf), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	if (!output_options.json) {
		printf("cxl-policy %s, ABI %u, libbpf %s\n", VERSION, CXL_POLICY_ABI_VERSION,
		       libbpf);
		return 0;
	}
	object = json_object_new_object();
	output_add(object, "version", output_string(VERSION));
	output_add(object, "abi", json_object_new_int(CXL_POLICY_ABI_VERSION));
	output_add(object, "libbpf", output_string(libbpf));
	output_json(object);
	return 0;
}

static int parse_number(const char *option, const char *text, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || !*number || *number > INT32_MAX)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
				 "--%s: '%s' is no number from 1 to %d", option, text, INT32_MAX);
	return 0;
}

static int run(int argc, char **argv)
{
	struct cmd_args args = {};
	unsigned int given = 0;
	bool help = false, version = false;
	const struct cmd *cmd;
	int opt, index, err, i;
	char usage[128];

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":jpdhV", options, &index)) != -1) {
		err = 0;
		switch (opt) {
		case 'p':
			output_options.pretty = true;
			/* fall through */
		case 'j':
			output_options.json = true;
			break;
		case 'd':
			output_options.debug = true;
			break;
		case 'h':
			help = true;
			break;
		case 'V':
			version = true;
			break;
		case OPT_POLICY:
			args.policy = optarg;
			break;
		case OPT_UNBOUND:
			args.unbound = true;
			break;
		case OPT_COUNT:
			err = parse_number("count", optarg, &args.count);
			break;
		case OPT_TIMEOUT:
			err = parse_number("timeout", optarg, &args.timeout);
			break;
		case OPT_PROMETHEUS:
			args.prometheus = true;
			break;
		case OPT_CLEAR:
			args.clear = true;
			break;
		case OPT_FORCE:
			args.force = true;
			break;
		case OPT_DRY_RUN:
			args.dry_run = true;
			break;
		case OPT_KEEP_OTHERS:
			args.keep_others = true;
			break;
		case OPT_DEVICE:
			args.device = optarg;
			break;
		case ':':
			err = error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
					"%s wants a value", argv[optind - 1]);
			break;
		default:
			err = error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'",
					"no option '%s'", argv[optind - 1]);
		}
		if (err)
			return err;
		if (opt >= OPT_POLICY)
			given |= BIT_OF(opt);
	}
	argc -= optind;
	argv += optind;

	if (version)
		return cmd_version(&args);
	if (!argc && help)
		return cmd_help(&args);
	if (!argc) {
		if (!output_options.json)
			print_usage(stderr);
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help'", "no command");
	}

	cmd = find_cmd(argv[0]);
	if (!cmd)
		return -EINVAL;
	args.argc = argc - 1;
	args.argv = argv + 1;
	if (help) {
		args.argc = 1;
		args.argv = argv;
		return cmd_help(&args);
	}
	for (i = 0; options[i].name; i++) {
		if (options[i].val < OPT_POLICY ||
		    !(BIT_OF(options[i].val) & given & ~cmd->options))
			continue;
		snprintf(usage, sizeof(usage), "usage is: %s", cmd->usage);
		return error_set(EXIT_USAGE, -EINVAL, usage, "%s takes no --%s", cmd->name,
				 options[i].name);
	}
	return cmd->fn(&args);
}

int main(int argc, char **argv)
{
	int err, i;

	/* An error in the options is in the wanted form too */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j") ||
		    !strcmp(argv[i], "--pretty") || !strcmp(argv[i], "-p"))
			output_options.json = true;
	bpf_init();
	err = run(argc, argv);
	if (err < 0)
		return error_print(err);
	/* Whoever takes the exit status for an answer wants the output that explains it */
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "cxl-policy: can't write the output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return err;
}
