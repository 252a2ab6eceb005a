// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small VFIO client that reads and writes a device's configuration space,
 * as a virtual machine monitor would on behalf of its guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vfio.h"

#define CFG_SIZE	 4096
#define EXT_START	 0x100
#define DVSEC_HDR1	 4
#define DVSEC_HDR2	 8
#define DVSEC_CXL_VENDOR 0x1e98
#define DVSEC_CXL_DEVICE 0
#define WAIT_SECONDS	 60

enum op_kind {
	OP_READ,
	OP_WRITE,
	OP_RESET,
	OP_HOT_RESET,
	OP_LOW_POWER,
	OP_REOPEN,
	OP_SLEEP,
	OP_WAIT,
	OP_TOUCH,
	OP_LOOP,
	OP_QUIET,
	OP_DVSEC,
};

struct op {
	enum op_kind kind;
	const char *text;
	bool in_dvsec;
	unsigned int dvsec_id;
	uint64_t offset;
	uint64_t end;
	unsigned int width;
	uint64_t value;
	const char *path;
	double seconds;
};

struct dvsec {
	unsigned int offset;
	unsigned int vendor;
	unsigned int id;
	unsigned int length;
};

struct device {
	struct vfio_device vfio;
	bool walked;
	unsigned int dvsec_count;
	struct dvsec dvsecs[(CFG_SIZE - EXT_START) / 4];
};

static bool quiet;

static const char usage_text[] =
	"usage: vfio-cfg BDF OP...\n"
	"\n"
	"Open the device at BDF through VFIO and do the OPs in order, in one open.\n"
	"\n"
	"  OFF.b|w|l          read 1, 2 or 4 bytes; prints lower-case hex, one a line\n"
	"  OFF.b|w|l=VALUE    write\n"
	"  OFF..END.b|w|l[=VALUE]\n"
	"                     the same at OFF and each that follows in such steps, up to\n"
	"                     the byte at END\n"
	"  reset              VFIO_DEVICE_RESET\n"
	"  hot-reset          VFIO_DEVICE_PCI_HOT_RESET\n"
	"  low-power          VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY: let it be suspended\n"
	"  reopen             close the device and open it anew\n"
	"  dvsecs             list the DVSECs that the device shows: OFFSET VENDOR ID LENGTH\n"
	"  sleep=SECONDS      wait; fractions are allowed\n"
	"  wait=FILE          wait until FILE exists, for 60 s at most\n"
	"  touch=FILE         create FILE\n"
	"  quiet              from here on, reads print nothing\n"
	"  loop=N             do all the OPs that follow N times\n"
	"\n"
	"  OFF    a number (0x for hex), dvsec+N (from the start of the CXL device DVSEC)\n"
	"         or dvsecID+N (of the CXL DVSEC with that ID); any alignment\n"
	"  VALUE  a number that fits the width\n"
	"\n"
	"examples:\n"
	"  vfio-cfg 0000:0d:00.0 0x0.l\n"
	"  vfio-cfg 0000:0d:00.0 dvsec+0xc.w=0x6 dvsec+0xc.w\n"
	"  vfio-cfg 0000:0d:00.0 dvsec8+4.l reset dvsec+0x14.w=1 reopen dvsec+0x14.w\n"
	"  vfio-cfg 0000:0d:00.0 quiet loop=1000 dvsec+0xc.w=6 dvsec+0xc.w\n"
	"\n"
	"exit status: 0 done, 1 an operation failed, 2 usage or no such device\n";

static bool parse_number(const char *s, const char **end, uint64_t *value)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? s + 2 : s;
	char *stop;

	if (!strchr(hex ? "0123456789abcdefABCDEF" : "0123456789", *digits) || !*digits)
		return false;
	errno = 0;
	*value = strtoull(digits, &stop, hex ? 16 : 10);
	*end = stop;
	return !errno;
}

static bool parse_whole(const char *s, uint64_t *value)
{
	const char *end;

	return parse_number(s, &end, value) && !*end;
}

static int bad_op(const char *text, const char *why)
{
	fprintf(stderr, "vfio-cfg: bad operation '%s': %s (see vfio-cfg --help)\n", text, why);
	return VFIO_EXIT_USAGE;
}

static int parse_seconds(struct op *op, const char *arg)
{
	char *end;

	/* strtod() alone would take "inf", "nan" and hexadecimal. */
	if (!*arg || strspn(arg, "0123456789.") != strlen(arg))
		return bad_op(op->text, "SECONDS is not a number");
	op->seconds = strtod(arg, &end);
	if (*end || op->seconds > 1e6)
		return bad_op(op->text, "SECONDS is not a number up to 1000000");
	return 0;
}

static int parse_access(struct op *op)
{
	const char *s = op->text, *end;
	uint64_t number;
	bool range;

	if (!strncmp(s, "dvsec", 5)) {
		op->in_dvsec = true;
		op->dvsec_id = DVSEC_CXL_DEVICE;
		s += 5;
		if (*s != '+') {
			if (!parse_number(s, &end, &number) || number > 0xffff)
				return bad_op(op->text,
					      "the DVSEC's ID is not a number up to 0xffff");
			op->dvsec_id = number;
			s = end;
		}
		if (*s++ != '+')
			return bad_op(op->text, "a DVSEC's offset reads dvsec+N or dvsecID+N");
	}
	if (!parse_number(s, &end, &op->offset))
		return bad_op(op->text, "no such operation, and no offset either");
	range = end[0] == '.' && end[1] == '.';
	if (range && !parse_number(end + 2, &end, &op->end))
		return bad_op(op->text, "END is not a number");
	if (op->offset >= CFG_SIZE || op->end >= CFG_SIZE)
		return bad_op(op->text, "the offset is past the configuration space (4096 bytes)");
	switch (end[0] == '.' ? end[1] : '\0') {
	case 'b':
		op->width = 1;
		break;
	case 'w':
		op->width = 2;
		break;
	case 'l':
		op->width = 4;
		break;
	default:
		return bad_op(op->text, "the offset must end in .b, .w or .l");
	}
	end += 2;
	if (!range)
		op->end = op->offset + op->width - 1;
	else if (op->end < op->offset + op->width - 1)
		return bad_op(op->text, "END comes before the end of the first access");
	op->kind = OP_READ;
	if (!*end)
		return 0;
	if (*end++ != '=')
		return bad_op(op->text, "only =VALUE may follow the width");
	op->kind = OP_WRITE;
	if (!parse_whole(end, &op->value))
		return bad_op(op->text, "VALUE is not a number");
	if (op->value >> (8 * op->width))
		return bad_op(op->text, "VALUE does not fit the width");
	return 0;
}

static int parse_op(struct op *op, const char *text)
{
	static const struct {
		const char *name;
		enum op_kind kind;
	} words[] = {
		{ "reset", OP_RESET },	 { "hot-reset", OP_HOT_RESET },
		{ "reopen", OP_REOPEN }, { "low-power", OP_LOW_POWER },
		{ "quiet", OP_QUIET },	 { "dvsecs", OP_DVSEC },
	};
	const char *arg = strchr(text, '=');
	size_t i, len = arg ? (size_t)(arg - text) : 0;

	memset(op, 0, sizeof(*op));
	op->text = text;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i].name)) {
			op->kind = words[i].kind;
			return 0;
		}
	}
	if (len == 5 && !strncmp(text, "sleep", len)) {
		op->kind = OP_SLEEP;
		return parse_seconds(op, arg + 1);
	}
	if ((len == 4 && !strncmp(text, "wait", len)) ||
	    (len == 5 && !strncmp(text, "touch", len))) {
		op->kind = len == 4 ? OP_WAIT : OP_TOUCH;
		op->path = arg + 1;
		return *op->path ? 0 : bad_op(text, "FILE is missing");
	}
	if (len == 4 && !strncmp(text, "loop", len)) {
		op->kind = OP_LOOP;
		if (!parse_whole(arg + 1, &op->value) || op->value > UINT_MAX)
			return bad_op(text, "N is not a number");
		return 0;
	}
	return parse_access(op);
}

static int failed_access(const struct op *op, const char *verb, uint64_t offset, int error)
{
	fflush(stdout);
	fprintf(stderr, "vfio-cfg: %s: cannot %s %u byte(s) at 0x%llx: %s\n", op->text, verb,
		op->width, (unsigned long long)offset, error ? strerror(error) : "cut short");
	return 1;
}

/*
 * Find the DVSECs in the list that VFIO shows, once per open: a loop over one
 * register must not become a loop over all the headers.
 */
static int walk_dvsecs(struct device *dev)
{
	const unsigned int max = sizeof(dev->dvsecs) / sizeof(dev->dvsecs[0]);
	unsigned int pos = EXT_START, n;
	uint32_t header, header1, header2;
	int err;

	if (dev->walked)
		return 0;
	dev->dvsec_count = 0;
	/* The count bounds the walk of a list that loops. */
	for (n = 0; n < max && pos >= EXT_START && pos <= CFG_SIZE - 4; n++) {
		err = vfio_config_read(&dev->vfio, pos, 4, &header);
		if (err)
			return err;
		if (!header || header == UINT32_MAX)
			break;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DVSEC && pos <= CFG_SIZE - 12) {
			err = vfio_config_read(&dev->vfio, pos + DVSEC_HDR1, 4, &header1);
			if (!err)
				err = vfio_config_read(&dev->vfio, pos + DVSEC_HDR2, 2, &header2);
			if (err)
				return err;
			dev->dvsecs[dev->dvsec_count++] = (struct dvsec){
				.offset = pos,
				.vendor = header1 & 0xffff,
				.id = header2,
				.length = header1 >> 20,
			};
		}
		pos = PCI_EXT_CAP_NEXT(header);
	}
	dev->walked = true;
	return 0;
}

static int walk_failed(const struct op *op, int err)
{
	fflush(stdout);
	fprintf(stderr, "vfio-cfg: %s: cannot walk the extended capabilities: %s\n", op->text,
		strerror(-err));
	return 1;
}

static int find_offset(struct device *dev, const struct op *op, uint64_t *offset)
{
	unsigned int i;
	int err;

	*offset = op->offset;
	if (!op->in_dvsec)
		return 0;
	err = walk_dvsecs(dev);
	if (err)
		return walk_failed(op, err);
	for (i = 0; i < dev->dvsec_count; i++) {
		const struct dvsec *dvsec = &dev->dvsecs[i];

		if (dvsec->vendor == DVSEC_CXL_VENDOR && dvsec->id == op->dvsec_id) {
			*offset += dvsec->offset;
			return 0;
		}
	}
	fflush(stdout);
	fprintf(stderr,
		"vfio-cfg: %s: %s shows no CXL DVSEC with ID %u; 'dvsecs' lists those it has\n",
		op->text, dev->vfio.bdf, op->dvsec_id);
	return 1;
}

static int do_read(const struct device *dev, const struct op *op, uint64_t offset)
{
	uint32_t value;
	int err = vfio_config_read(&dev->vfio, offset, op->width, &value);

	if (err)
		return failed_access(op, "read", offset, err == -ENODATA ? 0 : -err);
	if (!quiet)
		printf("%0*x\n", (int)op->width * 2, value);
	return 0;
}

static int do_write(const struct device *dev, const struct op *op, uint64_t offset)
{
	int err = vfio_config_write(&dev->vfio, offset, op->width, op->value);

	return err ? failed_access(op, "write", offset, err == -ENODATA ? 0 : -err) : 0;
}

static int do_accesses(struct device *dev, const struct op *op)
{
	uint64_t offset, end;
	int err = 0;

	if (find_offset(dev, op, &offset))
		return 1;
	for (end = offset + op->end - op->offset; !err && offset + op->width - 1 <= end;
	     offset += op->width)
		err = op->kind == OP_READ ? do_read(dev, op, offset) : do_write(dev, op, offset);
	return err;
}

static int do_dvsecs(struct device *dev, const struct op *op)
{
	unsigned int i;
	int err = walk_dvsecs(dev);

	if (err)
		return walk_failed(op, err);
	for (i = 0; i < dev->dvsec_count; i++)
		printf("%03x %04x %04x %03x\n", dev->dvsecs[i].offset, dev->dvsecs[i].vendor,
		       dev->dvsecs[i].id, dev->dvsecs[i].length);
	return 0;
}

static int do_reset(const struct device *dev, const struct op *op)
{
	if (ioctl(dev->vfio.fd, VFIO_DEVICE_RESET)) {
		fflush(stdout);
		fprintf(stderr, "vfio-cfg: %s: cannot reset %s: %s\n", op->text, dev->vfio.bdf,
			strerror(errno));
		return 1;
	}
	return 0;
}

static int do_low_power(const struct device *dev, const struct op *op)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	};

	if (ioctl(dev->vfio.fd, VFIO_DEVICE_FEATURE, &feature)) {
		fflush(stdout);
		fprintf(stderr, "vfio-cfg: %s: %s can't go to low power: %s\n", op->text,
			dev->vfio.bdf, strerror(errno));
		return 1;
	}
	return 0;
}

static int do_hot_reset(const struct device *dev, const struct op *op)
{
	size_t size = sizeof(struct vfio_pci_hot_reset) + sizeof(int32_t);
	struct vfio_pci_hot_reset *args = calloc(1, size);
	int err = -1;

	if (args) {
		args->argsz = size;
		args->count = 1;
		args->group_fds[0] = dev->vfio.group;
		err = ioctl(dev->vfio.fd, VFIO_DEVICE_PCI_HOT_RESET, args);
	}
	if (err) {
		int error = errno;

		free(args);
		fflush(stdout);
		fprintf(stderr, "vfio-cfg: %s: cannot reset the bus of %s: %s%s\n", op->text,
			dev->vfio.bdf, strerror(error),
			error == EINVAL ? "; the reset would reach other IOMMU groups" : "");
		return 1;
	}
	free(args);
	return 0;
}

static void sleep_for(double seconds)
{
	struct timespec ts = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static int do_wait(const struct op *op)
{
	int tries;

	for (tries = 0; tries < WAIT_SECONDS * 100; tries++) {
		if (!access(op->path, F_OK))
			return 0;
		sleep_for(0.01);
	}
	fflush(stdout);
	fprintf(stderr, "vfio-cfg: %s: the file did not come in %d s\n", op->text, WAIT_SECONDS);
	return 1;
}

static int do_touch(const struct op *op)
{
	int fd = open(op->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0) {
		fflush(stdout);
		fprintf(stderr, "vfio-cfg: %s: cannot create the file: %s\n", op->text,
			strerror(errno));
		return 1;
	}
	close(fd);
	return 0;
}

static int do_reopen(struct device *dev)
{
	dev->walked = false;
	return vfio_reopen(&dev->vfio);
}

static int run_op(struct device *dev, const struct op *op)
{
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		return do_accesses(dev, op);
	case OP_RESET:
		return do_reset(dev, op);
	case OP_HOT_RESET:
		return do_hot_reset(dev, op);
	case OP_LOW_POWER:
		return do_low_power(dev, op);
	case OP_REOPEN:
		return do_reopen(dev);
	case OP_SLEEP:
		sleep_for(op->seconds);
		return 0;
	case OP_WAIT:
		return do_wait(op);
	case OP_TOUCH:
		return do_touch(op);
	case OP_QUIET:
		quiet = true;
		return 0;
	case OP_DVSEC:
		return do_dvsecs(dev, op);
	case OP_LOOP:
		break;
	}
	return 0;
}

static int run_ops(struct device *dev, const struct op *ops, int count)
{
	uint64_t n;
	int i;

	for (i = 0; i < count; i++) {
		if (ops[i].kind == OP_LOOP) {
			for (n = 0; n < ops[i].value; n++)
				if (run_ops(dev, ops + i + 1, count - i - 1))
					return 1;
			return 0;
		}
		if (run_op(dev, &ops[i]))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct device dev = { .vfio = VFIO_DEVICE_CLOSED };
	struct op *ops;
	int i, err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (argc < 2) {
		fputs("vfio-cfg: no device given; see vfio-cfg --help\n", stderr);
		vfio_list_devices();
		return VFIO_EXIT_USAGE;
	}
	ops = calloc(argc, sizeof(*ops));
	if (!ops) {
		fputs("vfio-cfg: out of memory\n", stderr);
		return 1;
	}
	for (i = 2; i < argc; i++) {
		err = parse_op(&ops[i - 2], argv[i]);
		if (err)
			goto out;
	}
	err = vfio_find(&dev.vfio, argv[1]);
	if (err)
		goto out;
	if (argc == 2) {
		fputs("vfio-cfg: no operation given; see vfio-cfg --help\n", stderr);
		err = VFIO_EXIT_USAGE;
		goto out;
	}
	err = vfio_open(&dev.vfio);
	if (!err)
		err = run_ops(&dev, ops, argc - 2);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "vfio-cfg: cannot write the output: %s\n", strerror(errno));
		err = 1;
	}
out:
	vfio_close(&dev.vfio);
	free(ops);
	return err;
}
