// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch: keep in force what a folder assigns, with nobody looking.
 *
 * The kernel tells of a policy that ends, as a link that is held hangs up. To hold it
 * keeps it, too: one whose pin was removed while its device is assigned is pinned
 * again, and one whose device isn't assigned any more is let go. Pins tell by inotify
 * of what other invocations do, and the kernel's events of devices that come and go.
 * What none of them tells of is found by looking every now and then, which reads no
 * device, so that they can sleep.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply.h"
#include "backoff.h"
#include "cmd.h"
#include "output.h"
#include "pin.h"
#include "service.h"

/* The folder may have been read while it was written: an assignment that is gone may come back */
#define RELEASE_MS 2000
/* How often to look for what nothing tells of */
#define LOOK_MS	     10000
#define EVENTS_GROUP 1
#define STATUS_LEN   (ERROR_CAUSE_LEN + 128)

/* What an event is of, where it isn't the ID of a link */
enum source {
	SOURCE_SIGNAL = -1,
	SOURCE_UEVENT = -2,
	SOURCE_PINS = -3,
};

/**
 * struct entry - a device that has an assignment, or had one and isn't rid of its policy
 * @address: of it
 * @assigned: it is to have a policy
 * @seen: it was found by the pass that is going on
 * @link_id: of the link of its policy, 0 if it has none
 * @fd: of the link, -1 if it isn't held
 * @policy: in force
 * @backoff: of losses and failures
 * @due: when to let it have its policy again, 0 if that isn't wanted
 * @cause: why it failed, or ""
 */
struct entry {
	struct device_address address;
	bool assigned;
	bool seen;
	uint32_t link_id;
	int fd;
	char policy[VFIO_PCI_DVSEC_NAME_LEN];
	struct backoff backoff;
	int64_t due;
	char cause[ERROR_CAUSE_LEN];
};

/**
 * struct watch - all that there is
 * @path: of the folder
 * @keep_others: what had no assignment keeps its policy
 * @folder: as it was when it was valid
 * @valid: there is a @folder
 * @signature: of its files, when it was read
 * @nr: number of @entries
 * @entries: the devices
 * @backoff: of the whole of it
 * @due: when to do all that apply does, 0 if that isn't wanted
 * @cause: why that failed, or ""
 * @scan: look for devices that have come, or lost their assignment
 * @stop: end
 * @epoll: what is waited for
 * @signals: the signals
 * @uevents: the kernel's events, or -1
 * @inotify: changes of pins, or -1
 * @pins: that @inotify looks at the folder, or -1
 * @status: as it was told last
 */
struct watch {
	const char *path;
	bool keep_others;
	struct apply_folder folder;
	bool valid;
	uint64_t signature;
	unsigned int nr;
	struct entry *entries;
	struct backoff backoff;
	int64_t due;
	char cause[ERROR_CAUSE_LEN];
	bool scan;
	bool stop;
	int epoll;
	int signals;
	int uevents;
	int inotify;
	int pins;
	char status[STATUS_LEN];
};

static int add_source(struct watch *watch, int fd, uint32_t events, int64_t source)
{
	struct epoll_event event = { .events = events, .data.u64 = source };

	return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/*
 * The devices
 */

static struct entry *find_entry(struct watch *watch, const struct device_address *address)
{
	unsigned int i;

	for (i = 0; i < watch->nr; i++)
		if (device_same(&watch->entries[i].address, address))
			return &watch->entries[i];
	return NULL;
}

static struct entry *get_entry(struct watch *watch, const struct device_address *address)
{
	struct entry *entry = find_entry(watch, address), *more;

	if (entry)
		return entry;
	more = realloc(watch->entries, (watch->nr + 1) * sizeof(*more));
	if (!more)
		return NULL;
	watch->entries = more;
	entry = &more[watch->nr++];
	memset(entry, 0, sizeof(*entry));
	entry->address = *address;
	entry->fd = -1;
	return entry;
}

static void let_go(struct entry *entry)
{
	if (entry->fd >= 0)
		close(entry->fd);
	entry->fd = -1;
	entry->link_id = 0;
}

/* What was never assigned isn't among them */
static void release_unseen(struct watch *watch)
{
	unsigned int i;

	for (i = 0; i < watch->nr; i++) {
		if (watch->entries[i].seen)
			continue;
		let_go(&watch->entries[i]);
		watch->entries[i].assigned = false;
		watch->entries[i].due = cmd_now_ms() + RELEASE_MS;
	}
}

static void drop_unseen(struct watch *watch)
{
	unsigned int i = 0;

	while (i < watch->nr) {
		if (watch->entries[i].seen) {
			i++;
			continue;
		}
		let_go(&watch->entries[i]);
		watch->entries[i] = watch->entries[--watch->nr];
	}
}

static void again_text(char *text, size_t size, int64_t due, int64_t now)
{
	if (due <= now)
		snprintf(text, size, "at once");
	else
		snprintf(text, size, "in %lld s", (long long)(due - now + 999) / 1000);
}

static void lost(struct entry *entry)
{
	int64_t now = cmd_now_ms();
	char name[DEVICE_ADDRESS_LEN], again[32];

	let_go(entry);
	entry->due = backoff_next(&entry->backoff, now, false);
	device_format(&entry->address, name);
	again_text(again, sizeof(again), entry->due, now);
	service_log(SERVICE_WARNING, "%s: lost its policy%s%s, to be applied again %s", name,
		    entry->policy[0] ? " " : "", entry->policy, again);
}

/* A kernel that doesn't tell of the end of a link must not have it held either */
static void hold(struct watch *watch, struct entry *entry)
{
	entry->fd = bpf_link_get_fd_by_id(entry->link_id);
	if (entry->fd < 0) {
		entry->fd = -1;
	} else if (add_source(watch, entry->fd, 0, entry->link_id)) {
		close(entry->fd);
		entry->fd = -1;
	}
}

static bool in_force(int link_fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return !bpf_link_get_info_by_fd(link_fd, &info, &len) && info.struct_ops.map_id;
}

/* Without its pin it would end with this program */
static void pin_again(struct entry *entry)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, entry->address };
	char name[DEVICE_ADDRESS_LEN], cause[ERROR_CAUSE_LEN];
	int lock, err = 0;

	device_format(&entry->address, name);
	lock = pin_lock();
	if (lock < 0)
		err = lock;
	/* It may be about to end, and not by the removal of its pin */
	else if (in_force(entry->fd))
		err = pin_link(entry->fd, &target);
	else
		goto out;
	if (err) {
		error_take(err, cause);
		service_log(SERVICE_WARNING, "%s: the pin of its policy is gone, can't pin it: %s",
			    name, cause);
	} else {
		service_log(SERVICE_WARNING,
			    "%s: the pin of its policy %s was removed, pinned again", name,
			    entry->policy);
	}
out:
	if (lock >= 0)
		pin_unlock(lock);
}

static void take_stock_of(struct watch *watch, struct entry *entry,
			  const struct kern_policies *policies, const struct pins *pins)
{
	const struct kern_target target = { VFIO_PCI_DVSEC_MATCH_ADDRESS, entry->address };
	const struct kern_policy *policy = kern_find(policies, &target);

	if (!policy) {
		if (!entry->due)
			lost(entry);
		else
			let_go(entry);
		return;
	}
	memcpy(entry->policy, policy->name, sizeof(entry->policy));
	output_printable(entry->policy);
	if (entry->fd >= 0 && entry->link_id == policy->link_id) {
		if (!pin_find(pins, entry->link_id))
			pin_again(entry);
		return;
	}
	let_go(entry);
	entry->link_id = policy->link_id;
	/* One of another program isn't ours to keep */
	if (pin_find(pins, entry->link_id))
		hold(watch, entry);
}

/* By which links what is assigned is in force now */
static void take_stock(struct watch *watch)
{
	struct kern_policies policies = {};
	struct pins pins = {};
	unsigned int i;

	error_clear();
	if (!kern_list(&policies) && !pin_list(&pins))
		for (i = 0; i < watch->nr; i++)
			if (watch->entries[i].assigned)
				take_stock_of(watch, &watch->entries[i], &policies, &pins);
	pin_free(&pins);
	kern_free(&policies);
	error_clear();
}

/*
 * What is done with them
 */

static void print_record(const struct apply_record *record)
{
	char text[ERROR_CAUSE_LEN + 512];

	if (output_options.json)
		output_json(apply_json(record));
	else if (apply_text(record, text, sizeof(text)))
		service_log(record->result == APPLY_FAILED ? SERVICE_WARNING : SERVICE_NOTICE, "%s",
			    text);
}

/* The same failure again and again is told once */
static void on_done(void *arg, const struct apply_record *record)
{
	bool assigned = record->action->image, failed = record->result == APPLY_FAILED;
	struct watch *watch = arg;
	struct entry *entry = NULL;

	if (assigned || failed)
		entry = get_entry(watch, &record->device->address);
	if (record->result == APPLY_CHANGED ||
	    (failed && (!entry || strcmp(entry->cause, record->cause))))
		print_record(record);
	if (!entry)
		return;
	if (!assigned)
		let_go(entry);
	entry->assigned = assigned;
	entry->seen = true;
	entry->due = failed ? backoff_next(&entry->backoff, cmd_now_ms(), true) : 0;
	snprintf(entry->cause, sizeof(entry->cause), "%s", failed ? record->cause : "");
}

/* A policy that differs was put there by somebody, who knows better until the next apply */
static void on_found(void *arg, const struct apply_record *record)
{
	struct watch *watch = arg;
	struct entry *entry = find_entry(watch, &record->device->address);
	bool missing = record->action->step == ASSIGN_ATTACH || record->result == APPLY_FAILED;

	if (!record->action->image) {
		/*
		 * What is yet to be detached. One that was assigned waits for the folder to be
		 * applied; or it is the device that goes, and its link tells.
		 */
		if (entry)
			entry->seen = entry->assigned || entry->due;
		return;
	}
	if (!entry)
		entry = get_entry(watch, &record->device->address);
	if (!entry)
		return;
	entry->assigned = true;
	entry->seen = true;
	if (missing && !entry->due)
		entry->due = cmd_now_ms();
}

/* It is tried again as a whole, and what is in force stays */
static void give_up(struct watch *watch, int err)
{
	char cause[ERROR_CAUSE_LEN];
	bool told;

	error_take(err, cause);
	told = !strcmp(watch->cause, cause);
	strcpy(watch->cause, cause);
	watch->due = backoff_next(&watch->backoff, cmd_now_ms(), true);
	if (!told)
		service_log(SERVICE_WARNING, "%s; what is in force stays, to be tried again",
			    cause);
}

/* One that isn't valid doesn't take the place of what was */
static int read_folder(struct watch *watch)
{
	/* Before it is read, as what changes meanwhile is to be seen the next time */
	uint64_t signature = assign_dir_signature(watch->path);
	struct apply_folder folder;
	int err;

	error_clear();
	err = apply_read(watch->path, &folder);
	if (err) {
		apply_forget(&folder);
		give_up(watch, err);
		return err;
	}
	apply_forget(&watch->folder);
	watch->folder = folder;
	/* What is new has to be applied as a whole */
	if (!watch->valid || signature != watch->signature)
		watch->due = cmd_now_ms();
	watch->signature = signature;
	watch->valid = true;
	return 0;
}

static int run(struct watch *watch, const struct device_address *only, bool keep_others, bool look)
{
	const struct apply_options options = {
		.dry_run = look,
		.keep_others = keep_others,
		.only = only,
		.tell = look ? on_found : on_done,
		.arg = watch,
	};

	error_clear();
	return apply_run(&watch->folder, &options);
}

static void mark_unseen(struct watch *watch)
{
	unsigned int i;

	for (i = 0; i < watch->nr; i++)
		watch->entries[i].seen = false;
}

static void apply_all(struct watch *watch)
{
	int err;

	if (read_folder(watch))
		return;
	watch->due = 0;
	mark_unseen(watch);
	err = run(watch, NULL, watch->keep_others, false);
	if (err) {
		give_up(watch, err);
		return;
	}
	if (watch->keep_others)
		release_unseen(watch);
	else
		drop_unseen(watch);
	if (watch->cause[0])
		service_log(SERVICE_NOTICE, "%s is applied", watch->path);
	watch->cause[0] = '\0';
}

static void apply_one(struct watch *watch, struct entry *entry)
{
	/* Entries move as others come */
	const struct device_address address = entry->address;
	int err;

	entry->due = 0;
	entry->seen = false;
	/* It is no other one, as it is assigned, or was */
	err = run(watch, &address, false, false);
	entry = find_entry(watch, &address);
	if (err) {
		entry->due = backoff_next(&entry->backoff, cmd_now_ms(), true);
		give_up(watch, err);
	} else if (!entry->seen) {
		let_go(entry);
		*entry = watch->entries[--watch->nr];
	}
}

static struct entry *find_due(struct watch *watch, int64_t now)
{
	unsigned int i;

	for (i = 0; i < watch->nr; i++)
		if (watch->entries[i].due && watch->entries[i].due <= now)
			return &watch->entries[i];
	return NULL;
}

static void look_for_devices(struct watch *watch)
{
	int err;

	watch->scan = false;
	mark_unseen(watch);
	err = run(watch, NULL, true, true);
	if (err)
		give_up(watch, err);
	else
		drop_unseen(watch);
}

static void read_pins(struct watch *watch)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	ssize_t len, at;

	while ((len = read(watch->inotify, buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(buffer + at);
			if (event->mask & IN_IGNORED && event->wd == watch->pins)
				watch->pins = -1;
		}
		watch->scan = true;
	}
}

/* All that is due; the folder may say something else than the last time */
static void work(struct watch *watch)
{
	int64_t now = cmd_now_ms();
	struct entry *entry;

	if (!watch->scan && !(watch->due && watch->due <= now) && !find_due(watch, now))
		return;
	if (watch->due && watch->due <= now)
		apply_all(watch);
	else
		read_folder(watch);
	if (watch->valid && watch->scan)
		look_for_devices(watch);
	now = cmd_now_ms();
	while (watch->valid && (entry = find_due(watch, now)))
		apply_one(watch, entry);
	/* Most of it was ourselves, and what was not is seen now */
	read_pins(watch);
	watch->scan = false;
	take_stock(watch);
}

/*
 * What is told
 */

static void tell_status(struct watch *watch)
{
	unsigned int assigned = 0, good = 0, i;
	char text[STATUS_LEN], name[DEVICE_ADDRESS_LEN];
	const struct entry *bad = NULL;
	size_t len;

	for (i = 0; i < watch->nr; i++) {
		const struct entry *entry = &watch->entries[i];

		assigned += entry->assigned;
		if (entry->due)
			bad = entry;
		else
			good += entry->assigned;
	}
	if (watch->valid)
		snprintf(text, sizeof(text), "%u of %u assigned devices have their policy", good,
			 assigned);
	else
		snprintf(text, sizeof(text), "waiting, nothing is applied yet");
	len = strlen(text);
	if (watch->due) {
		snprintf(text + len, sizeof(text) - len, "; %s", watch->cause);
	} else if (bad) {
		device_format(&bad->address, name);
		snprintf(text + len, sizeof(text) - len, "; %s: %s", name,
			 bad->cause[0]	 ? bad->cause
			 : bad->assigned ? "lost its policy"
					 : "lost its assignment");
	}
	if (!strcmp(text, watch->status))
		return;
	strcpy(watch->status, text);
	service_notify("STATUS=%s", text);
}

/*
 * What happens
 */

static int open_sources(struct watch *watch)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = EVENTS_GROUP };
	sigset_t signals;
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (watch->epoll < 0 || watch->signals < 0)
		return -errno;
	err = add_source(watch, watch->signals, EPOLLIN, SOURCE_SIGNAL);
	if (err)
		return err;

	/* Without these it is slower to find out, no more */
	watch->uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				NETLINK_KOBJECT_UEVENT);
	if (watch->uevents >= 0 &&
	    (bind(watch->uevents, (const struct sockaddr *)&address, sizeof(address)) ||
	     add_source(watch, watch->uevents, EPOLLIN, SOURCE_UEVENT))) {
		close(watch->uevents);
		watch->uevents = -1;
	}
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify >= 0)
		add_source(watch, watch->inotify, EPOLLIN, SOURCE_PINS);
	return 0;
}

static void close_sources(struct watch *watch)
{
	const int fds[] = { watch->epoll, watch->signals, watch->uevents, watch->inotify };
	unsigned int i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void read_signals(struct watch *watch)
{
	struct signalfd_siginfo info;

	while (read(watch->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			watch->due = cmd_now_ms();
		else
			watch->stop = true;
	}
}

/* Strings, each with its end: "ACTION@PATH", then "KEY=VALUE" */
static const char *uevent_value(const char *event, size_t len, const char *key)
{
	const char *at = event;

	while (at < event + len) {
		if (!strncmp(at, key, strlen(key)) && at[strlen(key)] == '=')
			return at + strlen(key) + 1;
		at += strlen(at) + 1;
	}
	return "";
}

static void read_uevents(struct watch *watch)
{
	struct sockaddr_nl from;
	const char *subsystem, *action;
	socklen_t from_len;
	char event[8192];
	ssize_t len;

	for (;;) {
		from_len = sizeof(from);
		len = recvfrom(watch->uevents, event, sizeof(event) - 1, 0,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0 && errno == ENOBUFS) {
			watch->scan = true;
			continue;
		}
		if (len < 0)
			return;
		/* Not the kernel's */
		if (from.nl_pid)
			continue;
		event[len] = '\0';
		subsystem = uevent_value(event, len, "SUBSYSTEM");
		action = uevent_value(event, len, "ACTION");
		if (!strcmp(subsystem, "pci") &&
		    (!strcmp(action, "add") || !strcmp(action, "remove")))
			watch->scan = true;
		/* It may have the hook that was waited for */
		if (!strcmp(subsystem, "module") && !strcmp(action, "add") && watch->due &&
		    !strcmp(uevent_value(event, len, "DEVPATH"), "/module/vfio_pci_core"))
			watch->due = cmd_now_ms();
	}
}

/* The folder of pins comes and goes */
static void look_at_pins(struct watch *watch)
{
	if (watch->inotify >= 0 && watch->pins < 0)
		watch->pins = inotify_add_watch(watch->inotify, PIN_LINKS,
						IN_CREATE | IN_DELETE | IN_ONLYDIR);
}

static void hung_up(struct watch *watch, uint32_t link_id)
{
	unsigned int i;

	for (i = 0; i < watch->nr; i++)
		if (watch->entries[i].fd >= 0 && watch->entries[i].link_id == link_id)
			lost(&watch->entries[i]);
}

static int wait_ms(const struct watch *watch, int64_t look)
{
	int64_t until = look, now = cmd_now_ms();
	unsigned int i;

	if (watch->due && watch->due < until)
		until = watch->due;
	for (i = 0; watch->valid && i < watch->nr; i++)
		if (watch->entries[i].due && watch->entries[i].due < until)
			until = watch->entries[i].due;
	return until <= now ? 0 : until - now;
}

static int wait_for_events(struct watch *watch, int64_t look)
{
	struct epoll_event events[16];
	int nr, i;

	nr = epoll_wait(watch->epoll, events, 16, wait_ms(watch, look));
	if (nr < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < nr; i++) {
		switch ((int64_t)events[i].data.u64) {
		case SOURCE_SIGNAL:
			read_signals(watch);
			break;
		case SOURCE_UEVENT:
			read_uevents(watch);
			break;
		case SOURCE_PINS:
			read_pins(watch);
			break;
		default:
			hung_up(watch, events[i].data.u64);
		}
	}
	return 0;
}

int cmd_watch(const struct cmd_args *args)
{
	struct watch watch = {
		.path = args->argc ? args->argv[0] : ASSIGN_DIR,
		.keep_others = args->keep_others,
		.due = 1,
		.epoll = -1,
		.signals = -1,
		.uevents = -1,
		.inotify = -1,
		.pins = -1,
	};
	bool ready = false;
	int64_t look;
	int err;

	if (args->argc > 1)
		return error_set(EXIT_USAGE, -EINVAL, "see 'cxl-policy help watch'",
				 "at most one folder is wanted");
	err = kern_check_privilege();
	if (!err)
		err = open_sources(&watch);
	look = cmd_now_ms() + LOOK_MS;
	while (!err && !watch.stop) {
		work(&watch);
		look_at_pins(&watch);
		tell_status(&watch);
		/* Where nothing could be applied, nothing is open either, and nobody has to wait */
		if (!ready)
			service_notify("READY=1");
		ready = true;
		err = wait_for_events(&watch, look);
		if (cmd_now_ms() >= look) {
			take_stock(&watch);
			if (!watch.due && watch.signature != assign_dir_signature(watch.path))
				watch.due = cmd_now_ms();
			look = cmd_now_ms() + LOOK_MS;
		}
	}
	if (ready)
		service_notify("STOPPING=1");
	mark_unseen(&watch);
	drop_unseen(&watch);
	free(watch.entries);
	apply_forget(&watch.folder);
	close_sources(&watch);
	return err;
}
