// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do the tests find out about a wrong table? Each bit of the default policy's is
 * flipped in turn, and test_engine and test_differential are run with it. A bit
 * that they don't miss has to be one of those that immune() proves to be without
 * effect, and each of those has to go unnoticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cxl_policy_engine.h"
#include "mutant.h"
#include "policy.h"

#define ACCESSES     "12000"
#define TIME_LIMIT   60
#define MAX_JOBS     64
#define EXIT_KILLED  1
#define EXIT_NO_TEST 3

static const struct cxl_policy policy = {
#include "cxl-device.policy.h"
};

/*
 * Bits without effect
 */

static bool is(const struct mutant *m, const char *member)
{
	return !strcmp(m->member->name, member);
}

/* Bits that cxl_engine_write() never refuses as read-only, but for @without */
static uint32_t known(const struct cxl_rule *rule, uint32_t without)
{
	return (rule->write | rule->once | rule->fwd | rule->fwd1 | rule->wbi | rule->reset |
		rule->reserved) &
	       ~without;
}

/* What cxl_engine_cxl_reset() gives a value, and what a reset doesn't do so anyway */
static uint32_t reset_bits(const struct cxl_rule *rule, uint32_t kept)
{
	return rule->shadow & ~(rule->once | rule->reset_complete | rule->reset_error | kept);
}

static bool is_condition_for_others(unsigned int rule, uint32_t bit)
{
	unsigned int i, j;

	for (i = 0; i < policy.nr_rules; i++)
		for (j = 0; j < policy.rules[i].nr_conds; j++)
			if (policy.rules[i].conds[j].cap_rule == rule &&
			    policy.rules[i].conds[j].cap_mask & bit)
				return true;
	return false;
}

/* Bits of a dword that are in a field */
static uint32_t described(unsigned int rule)
{
	uint32_t bits = 0;
	unsigned int id;

	for (id = 0; id < POLICY_NR_FIELDS; id++)
		if (policy_registers[policy_fields[id].reg].offset / 4 == rule)
			bits |= policy_field_bits(id);
	return bits;
}

static const char *immune_cond(const struct mutant *m, const struct cxl_rule *rule)
{
	const struct cxl_cond *cond;
	unsigned int i, j;
	char member[32];
	uint32_t bit;

	if (sscanf(m->member->name, "conds[%u].%31s", &i, member) != 2)
		return NULL;
	if (i >= rule->nr_conds)
		return "cxl_engine_absent() stops at nr_conds";
	cond = &rule->conds[i];
	if (!strcmp(member, "reserved")) {
		if (cond->reserved && cond->reserved != 1U << m->bit)
			return "reserved is asked for whether it is 0";
		if (!(cond->bits & ~rule->reset))
			return "reserved or not, an absent Initiate_CXL_Reset is dropped";
	}
	if (strcmp(member, "bits"))
		return NULL;
	bit = 1U << m->bit;
	if (cond->reserved && rule->reserved & bit)
		return "a reserved bit that is reserved if it is absent, too";
	for (j = 0; j < rule->nr_conds; j++)
		if (j != i && rule->conds[j].bits & bit &&
		    rule->conds[j].cap_rule == cond->cap_rule &&
		    rule->conds[j].cap_mask == cond->cap_mask &&
		    (rule->conds[j].reserved || !cond->reserved))
			return "another condition says this, and that the bit is reserved";
	return NULL;
}

static const char *immune_rule(const struct mutant *m, const struct cxl_rule *rule)
{
	const uint32_t bit = 1U << m->bit;
	const uint32_t byte = 0xffU << m->bit / 8 * 8;
	const uint32_t reaches = rule->fwd | rule->fwd1 | rule->wbi;

	if (m->rule == policy.dvsecs[0].first_rule && !is_condition_for_others(0, ~0U))
		return "the kernel answers for the first dword, no condition looks at it";
	if (is(m, "value") && rule->hw & ~rule->shadow & bit)
		return "value is for bits that are in the shadow or not in hw";
	/* Of lock, cxl_engine_write() uses bits of write and fwd */
	if (is(m, "lock") && ~(rule->write | rule->fwd | reset_bits(rule, rule->sticky)) & bit)
		return "lock of a bit that can't be written and that no reset changes";
	if (is(m, "sticky") && ~reset_bits(rule, 0) & bit)
		return "sticky of a bit that no reset changes";
	/* No policy can put those into the shadow, as they are in no field */
	if (is(m, "ack") && ~(rule->write | described(m->rule)) & bit)
		return "ack of a bit that can't be acknowledged and has no other value";
	if (is(m, "fwd1") && rule->fwd & ~rule->lock & bit)
		return "fwd1 of a bit that fwd forwards always";
	if (is(m, "wbi") && rule->fwd & rule->undo & rule->wbi_gate & ~rule->lock & bit)
		return "wbi of its own gate: a 1 opens it, and is forwarded by fwd anyway";
	if (is(m, "undo") && ~(rule->fwd | rule->wbi) & bit)
		return "undo of a bit that isn't forwarded";
	if (is(m, "reserved") && known(rule, 0) & ~rule->reserved & bit)
		return "reserved of a bit that isn't read-only";
	/* What cxl_engine_write() makes of w1 and zero: hw_keep, and of read-only bits "refused" */
	if (is(m, "w1") && (rule->zero & bit || !(reaches & byte))) {
		if (known(rule, 0) & bit)
			return "w1 of a bit that isn't read-only";
		/* A policy may show what others depend on, as with-reset does */
		if (~(rule->hw | rule->shadow | rule->value | rule->w1) & bit &&
		    !is_condition_for_others(m->rule, bit))
			return "w1 of a bit that reads 0, where writing 0 changes nothing";
	}
	if (is(m, "zero") && rule->w1 & known(rule, 0) & bit)
		return "zero of a bit that is in w1 and isn't read-only";
	if (is(m, "zero") && ~rule->w1 & bit && !(reaches & byte))
		return "zero of a bit whose byte is never written to the hardware";
	if (is(m, "wbi_gate") && !rule->wbi)
		return "wbi_gate where there is no wbi";
	if ((is(m, "reset_complete") || is(m, "reset_error")) && !rule->reset)
		return "result of a reset where there is no reset";
	if (is(m, "nr_conds") && (rule->nr_conds ^ bit) > rule->nr_conds)
		return "an empty condition is always met";
	return immune_cond(m, rule);
}

/* Why flipping the bit changes nothing that the user or the host could see, or NULL */
static const char *immune(const struct mutant *m)
{
	if (m->rule >= 0)
		return immune_rule(m, &policy.rules[m->rule]);
	if (is(m, "flags") && ~(CXL_POLICY_RAW | CXL_POLICY_RECORD) & 1U << m->bit)
		return "a flag without a meaning";
	if (is(m, "nr_dvsecs") && (policy.nr_dvsecs ^ 1U << m->bit) > policy.nr_dvsecs)
		return "unused DVSECs are of vendor 0, which the policy doesn't claim";
	if (m->dvsec < 0 && is(m, "nr_rules"))
		return "the number of all rules is for the printer of the table alone";
	if (is(m, "lock_rule") && !((4U << m->bit) % 0x10000))
		return "offsets in a DVSEC count modulo 64 KiB";
	return NULL;
}

/*
 * Running the tests
 */

static void print_mutant(const char *verdict, unsigned int number, const struct mutant *m,
			 const char *why)
{
	unsigned int reg;

	printf("%s: %s=%u: ", verdict, MUTANT_ENV, number);
	if (m->dvsec >= 0)
		printf("dvsecs[%d].", m->dvsec);
	if (m->rule >= 0)
		printf("rules[%d].", m->rule);
	printf("%s bit %u", m->member->name, m->bit);
	for (reg = 0; m->rule >= 0 && reg < CXL_DVSEC_NR_REGS; reg++)
		if (policy_registers[reg].offset / 4 == m->rule)
			printf(" (%s)", policy_registers[reg].name);
	printf("%s%s\n", why ? ": " : "", why ? why : "");
}

static bool run_test(const char *test)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(TIME_LIMIT);
		execl(test, test, NULL);
		_exit(EXIT_NO_TEST);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(EXIT_NO_TEST);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_TEST && access(test, X_OK))
		_exit(EXIT_NO_TEST);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The exit status tells whether the tests passed */
static pid_t start(int number)
{
	char text[16];
	pid_t pid;
	int null;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (number >= 0) {
		snprintf(text, sizeof(text), "%d", number);
		setenv(MUTANT_ENV, text, 1);
	}
	setenv("CXL_DIFFERENTIAL_ACCESSES", ACCESSES, 1);
	_exit(run_test("build/tests/test_engine") && run_test("build/tests/test_differential")
		      ? 0
		      : EXIT_KILLED);
}

static int finish(pid_t *pid)
{
	int status;

	*pid = wait(&status);
	if (*pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == EXIT_NO_TEST) {
		fprintf(stderr, "mutants: the tests can't be run; make tests\n");
		exit(2);
	}
	return WEXITSTATUS(status);
}

#define MAX_REASONS 32

struct counts {
	unsigned int mutants;
	unsigned int to_kill;
	unsigned int killed;
	unsigned int wrong;
	struct {
		const char *why;
		unsigned int nr;
	} reasons[MAX_REASONS];
};

static void count_reason(struct counts *counts, const char *why)
{
	unsigned int i;

	for (i = 0; i < MAX_REASONS - 1 && counts->reasons[i].why; i++)
		if (!strcmp(counts->reasons[i].why, why))
			break;
	counts->reasons[i].why = why;
	counts->reasons[i].nr++;
}

static void judge(unsigned int number, bool survived, struct counts *counts)
{
	const char *why;
	struct mutant m;

	if (!mutant_find(&policy, number, &m))
		return;
	why = immune(&m);
	if (why)
		count_reason(counts, why);
	counts->to_kill += !why;
	counts->killed += !why && !survived;
	if (survived && !why) {
		print_mutant("SURVIVED", number, &m, NULL);
	} else if (!survived && why) {
		print_mutant("NOT IMMUNE", number, &m, why);
		counts->wrong++;
	}
}

int main(int argc, char **argv)
{
	struct {
		pid_t pid;
		unsigned int number;
	} jobs[MAX_JOBS] = {};
	unsigned int nr, next = 0, done = 0, running = 0, nr_jobs, i;
	long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct counts counts = {};
	struct mutant m;
	pid_t pid;
	int ret;

	if (argc > 1 && argv[1][strspn(argv[1], "0123456789")]) {
		fprintf(stderr,
			"Usage: %s [NUMBER]...\n"
			"Flips all bits, or those with these numbers. To be run where build/ is.\n",
			argv[0]);
		return 2;
	}
	nr_jobs = nr_cpus < 1 ? 1 : nr_cpus;
	if (nr_jobs > MAX_JOBS)
		nr_jobs = MAX_JOBS;
	while (mutant_find(&policy, counts.mutants, &m))
		counts.mutants++;
	nr = argc > 1 ? (unsigned int)argc - 1 : counts.mutants;

	/* Or else all mutants would seem to be killed */
	start(-1);
	if (finish(&pid)) {
		fprintf(stderr, "mutants: the tests fail without a mutant\n");
		return 2;
	}

	while (next < nr || running) {
		if (next < nr && running < nr_jobs) {
			for (i = 0; jobs[i].pid; i++)
				;
			jobs[i].number = argc > 1 ? strtoul(argv[next + 1], NULL, 10) : next;
			if (jobs[i].number >= counts.mutants) {
				fprintf(stderr, "mutants: there are %u\n", counts.mutants);
				return 2;
			}
			jobs[i].pid = start(jobs[i].number);
			if (jobs[i].pid < 0) {
				perror("mutants: fork");
				return 2;
			}
			next++;
			running++;
			continue;
		}
		ret = finish(&pid);
		for (i = 0; i < nr_jobs && jobs[i].pid != pid; i++)
			;
		if (i == nr_jobs)
			continue;
		jobs[i].pid = 0;
		running--;
		judge(jobs[i].number, !ret, &counts);
		if (++done % 1000 == 0)
			printf("# %u of %u bits flipped\n", done, nr);
	}
	printf("# %u bits have no effect:\n", nr - counts.to_kill);
	for (i = 0; i < MAX_REASONS && counts.reasons[i].why; i++)
		printf("# %6u %s\n", counts.reasons[i].nr, counts.reasons[i].why);
	if (counts.wrong)
		printf("# %u of them have one\n", counts.wrong);
	printf("mutants killed: %u/%u\n", counts.killed, counts.to_kill);
	return counts.killed != counts.to_kill || counts.wrong ? 1 : 0;
}
