// SPDX-License-Identifier: GPL-2.0-only
/*
 * Describe the configuration space of a mock device, write it to the files of the
 * module cxl_mock, and judge what reached the device by that description alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPACE	  4096
#define EXT_START 0x100
#define EXP_POS	  0x40
#define PM_POS	  0x80
#define MAX_CAPS  256
#define CXL	  0x1e98

/* What the system headers of the build may lack */
#define EXT_CAP_DVSEC	 0x23
#define PORT_DVSEC_ID	 3
#define STATUS_IMM_READY 1

static const char usage_text[] =
	"usage: mock_image DIR WORD...\n"
	"           write the images of a root port and an endpoint to DIR, cxl_mock/N in\n"
	"           debugfs; it is as the firmware has left it\n"
	"       mock_image --judge none|cxl-device|strays LOG READS WORD...\n"
	"           judge what an attack did while no policy was in force, or cxl-device.\n"
	"           Print once the writes in LOG that reached a byte of a CXL DVSEC;\n"
	"           with strays, but for what cxl-device forwards. Print the bytes that\n"
	"           are wrong in READS, where all was read from 0x100 on as dwords before\n"
	"           and after all ones were written\n"
	"       mock_image --list WORD...\n"
	"           print the capabilities that the device's list leads to\n"
	"\n"
	"  flr               the endpoint has function level reset\n"
	"  pm                the endpoint has power management, and is ready immediately\n"
	"  plain-port        the port is none of CXL: nothing masks its bus reset\n"
	"  fill              unused extended configuration space isn't 0 but a pattern\n"
	"  dvsec=POS[,vendor=V][,id=I][,rev=R][,len=L][,next=N][,unlisted]\n"
	"                    a DVSEC, by default that of a CXL device as of revision 3\n"
	"  cap=POS,id=I[,next=N][,unlisted]\n"
	"                    another extended capability\n"
	"  random=SEED       DVSECs of any kind, place, length and order\n"
	"  OFF.b|w|l=VALUE   what is there when power comes on\n"
	"\n"
	"Listed capabilities are linked in their order here, unless next= is given.\n";

struct cap {
	bool is_dvsec;
	bool unlisted;
	unsigned int pos;
	unsigned int vendor;
	unsigned int id;
	unsigned int rev;
	unsigned int len;
	bool len_given;
	bool next_given;
	unsigned int next;
};

struct function {
	uint8_t initial[SPACE];
	uint8_t image[SPACE];
	uint8_t writable[SPACE];
	uint8_t clearable[SPACE];
	uint8_t lockable[SPACE];
	uint8_t function[SPACE];
	uint8_t conventional[SPACE];
	unsigned int lock;
};

static struct function port, endpoint;
static struct cap caps[MAX_CAPS];
static unsigned int nr_caps;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("mock_image: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	exit(2);
}

static unsigned int number(const char *s, char end, const char *word)
{
	char *stop;
	unsigned long n = strtoul(s, &stop, 0);

	if (stop == s || *stop != end || n > UINT32_MAX)
		die("bad number in '%s'", word);
	return n;
}

static uint32_t get(const uint8_t *bytes, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;

	while (size--)
		value = value << 8 | (pos + size < SPACE ? bytes[pos + size] : 0xff);
	return value;
}

static void put(uint8_t *bytes, unsigned int pos, unsigned int size, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < size && pos + i < SPACE; i++)
		bytes[pos + i] = value >> (8 * i);
}

/* ---- a description becomes images ---- */

/*
 * Registers of the PCIe DVSEC for CXL Devices, CXL 3.x, 8.1.3: what is writable,
 * what is RW1C, what CONFIG_LOCK freezes, what survives a conventional reset, what
 * a guest may see of its own, what it must not see of the host's, and what the mock
 * has there when power comes on, and after the firmware.
 */
static const struct device_register {
	unsigned int offset;
	unsigned int size;
	uint32_t writable;
	uint32_t clearable;
	uint32_t locked;
	uint32_t sticky;
	uint32_t own;
	uint32_t hidden;
	uint32_t initial;
	uint32_t image;
} device_registers[] = {
	/* CAPABILITY: Cache, IO, Mem, one HDM range, write-back */
	{ 0x0a, 2, 0, 0, 0, 0, 0, 0x0f80, 0x0057, 0x0057 },
	/* CONTROL: the firmware has enabled Mem */
	{ 0x0c, 2, 0x5ffd, 0, 0x5ffd, 0, 0x5fff, 0xffff, 0x0002, 0x0006 },
	{ 0x0e, 2, 0, 0x4000, 0, 0x4000, 0, 0xbfff, 0, 0 },
	{ 0x10, 2, 0x0039, 0, 0, 0x0010, 0x0039, 0xffff, 0, 0 },
	{ 0x12, 2, 0, 0x0008, 0, 0x0008, 0, 0x7ff6, 0, 0 },
	/* LOCK: and has locked it */
	{ 0x14, 2, 0x0001, 0, 0x0001, 0, 0x0001, 0xffff, 0, 0x0001 },
	{ 0x16, 2, 0, 0, 0, 0, 0, 0, 0, 0 },
	{ 0x18, 4, 0, 0, 0, 0, 0, 0, 0x00000001, 0x00000001 },
	{ 0x1c, 4, 0, 0, 0, 0, 0, 0x0ffe0000, 0x00000003, 0x00000003 },
	{ 0x20, 4, ~0U, 0, ~0U, 0, ~0U, ~0U, 0, 0x00000012 },
	{ 0x24, 4, 0xf0000000, 0, 0xf0000000, 0, 0xf0000000, ~0U, 0, 0x30000000 },
	{ 0x28, 4, 0, 0, 0, 0, 0, 0, 0x00000002, 0x00000002 },
	{ 0x2c, 4, 0, 0, 0, 0, 0, 0x0ffe0000, 0x00000003, 0x00000003 },
	{ 0x30, 4, ~0U, 0, ~0U, 0, ~0U, ~0U, 0, 0x00000045 },
	{ 0x34, 4, 0xf0000000, 0, 0xf0000000, 0, 0xf0000000, ~0U, 0, 0x60000000 },
	{ 0x38, 2, 0, 0, 0, 0, 0, 0, 0, 0 },
};

#define NR_DEVICE_REGISTERS (sizeof(device_registers) / sizeof(device_registers[0]))

static bool is_cxl(const struct cap *cap)
{
	return cap->is_dvsec && cap->vendor == CXL;
}

static bool is_device(const struct cap *cap)
{
	return is_cxl(cap) && cap->id == 0;
}

/* Bytes that the registers of a DVSEC take, as the specification has them */
static unsigned int registers_length(const struct cap *cap)
{
	if (!is_cxl(cap))
		return PCI_DVSEC_HEADER2 + 2;
	switch (cap->id) {
	case 0:
		return cap->rev < 2 ? 0x38 : 0x3c;
	case 2:
		return 0x2c;
	case 3:
		return 0x28;
	case 4:
	case 5:
		return 0x10;
	case 7:
		return cap->rev < 2 ? 0x14 : 0x20;
	case 8:
	case 10:
		return 0x24;
	}
	return 0x0c;
}

static void parse_cap(const char *word, bool is_dvsec)
{
	struct cap *cap = &caps[nr_caps];
	char copy[128], *s, *save;

	if (nr_caps == MAX_CAPS || strlen(word) >= sizeof(copy))
		die("too many capabilities, or too long: '%s'", word);
	nr_caps++;
	*cap = (struct cap){ .is_dvsec = is_dvsec, .vendor = CXL, .rev = 3 };
	strcpy(copy, strchr(word, '=') + 1);
	for (s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (!strncmp(s, "vendor=", 7)) {
			cap->vendor = number(s + 7, '\0', word);
		} else if (!strncmp(s, "id=", 3)) {
			cap->id = number(s + 3, '\0', word);
		} else if (!strncmp(s, "rev=", 4)) {
			cap->rev = number(s + 4, '\0', word);
		} else if (!strncmp(s, "len=", 4)) {
			cap->len = number(s + 4, '\0', word);
			cap->len_given = true;
		} else if (!strncmp(s, "next=", 5)) {
			cap->next = number(s + 5, '\0', word);
			cap->next_given = true;
		} else if (!strcmp(s, "unlisted")) {
			cap->unlisted = true;
		} else {
			cap->pos = number(s, '\0', word);
		}
	}
	if (cap->pos < EXT_START || cap->pos >= SPACE || cap->pos % 4)
		die("there is no place for '%s'", word);
	if (!cap->len_given)
		cap->len = registers_length(cap);
}

/* The same on every machine and in every year */
static unsigned int random_below(uint32_t *state, unsigned int n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* Close together and of all kinds, so that they collide */
static void random_caps(uint32_t seed)
{
	static const unsigned int lengths[] = { 0,    4,    8,	  0xa,	0xc,  0x10, 0x11,  0x14,
						0x20, 0x28, 0x38, 0x3a, 0x3c, 0x60, 0x100, 0xfff };
	static const unsigned int ids[] = { 0, 0, 0, 0, 2, 3, 4, 5, 7, 8, 9, 10, 0x7f };
	static const unsigned int others[] = { PCI_EXT_CAP_ID_ERR, PCI_EXT_CAP_ID_DSN,
					       PCI_EXT_CAP_ID_VNDR, 0x50, 0 };
	unsigned int n = 2 + random_below(&seed, 8), base = 0;

	if (random_below(&seed, 2))
		base = random_below(&seed, 0x3a0) * 4;
	while (n--) {
		struct cap *cap = &caps[nr_caps++];
		unsigned int pos = base + random_below(&seed, 0x50) * 4;

		*cap = (struct cap){ .is_dvsec = random_below(&seed, 6), .rev = 3 };
		cap->pos = nr_caps == 1 && random_below(&seed, 2) ? EXT_START : EXT_START + pos;
		if (cap->pos >= SPACE)
			cap->pos = SPACE - 8 - (cap->pos & 0x38);
		cap->vendor = random_below(&seed, 5) ? CXL : 0x1b36;
		cap->id = cap->is_dvsec ? ids[random_below(&seed, 13)]
					: others[random_below(&seed, 5)];
		if (!random_below(&seed, 4))
			cap->rev = random_below(&seed, 3);
		cap->len = registers_length(cap);
		if (random_below(&seed, 2))
			cap->len = lengths[random_below(&seed, 16)];
		if (!random_below(&seed, 6)) {
			cap->next_given = true;
			cap->next = EXT_START + base + random_below(&seed, 0x50) * 4;
			if (cap->next >= SPACE)
				cap->next = 0;
		}
	}
}

static void put_both(unsigned int pos, unsigned int size, uint32_t value)
{
	put(endpoint.initial, pos, size, value);
	put(endpoint.image, pos, size, value);
}

static void put_cap(const struct cap *cap, unsigned int next)
{
	unsigned int id = cap->is_dvsec ? EXT_CAP_DVSEC : cap->id, i;

	put_both(cap->pos, 4, id | 1 << 16 | next << 20);
	if (!cap->is_dvsec)
		return;
	put_both(cap->pos + PCI_DVSEC_HEADER1, 4, cap->vendor | cap->rev << 16 | cap->len << 20);
	put_both(cap->pos + PCI_DVSEC_HEADER2, 2, cap->id);
	if (!is_device(cap))
		return;

	for (i = 0; i < NR_DEVICE_REGISTERS; i++) {
		const struct device_register *r = &device_registers[i];
		unsigned int pos = cap->pos + r->offset;

		if (r->offset >= registers_length(cap))
			break;
		put(endpoint.initial, pos, r->size, r->initial);
		put(endpoint.image, pos, r->size, r->image);
		put(endpoint.writable, pos, r->size, r->writable);
		put(endpoint.clearable, pos, r->size, r->clearable);
		put(endpoint.lockable, pos, r->size, r->locked);
		put(endpoint.conventional, pos, r->size, (r->writable | r->clearable) & ~r->sticky);
	}
	if (cap->pos + 0x14 < SPACE)
		endpoint.lock = (cap->pos + 0x14) * 8;
}

static void put_header(struct function *fn, bool is_port, bool flr, bool pm)
{
	uint8_t *image = fn->initial;

	put(image, PCI_VENDOR_ID, 2, 0x1b36);
	put(image, PCI_DEVICE_ID, 2, is_port ? 0x0c01 : 0x0c00);
	put(image, PCI_STATUS, 2, PCI_STATUS_CAP_LIST | (pm ? STATUS_IMM_READY : 0));
	put(image, PCI_CLASS_DEVICE, 2, is_port ? 0x0604 : 0x0502);
	put(image, PCI_CLASS_PROG, 1, is_port ? 0 : 0x10);
	put(image, PCI_HEADER_TYPE, 1, is_port ? 1 : 0);
	put(image, PCI_CAPABILITY_LIST, 1, EXP_POS);
	put(fn->writable, PCI_COMMAND, 2, 0x0547);

	/* Version 2; root port or endpoint; of 2.5 GT/s and one lane */
	put(image, EXP_POS, 2, PCI_CAP_ID_EXP | (pm ? PM_POS << 8 : 0));
	put(image, EXP_POS + PCI_EXP_FLAGS, 2, 2 | (is_port ? PCI_EXP_TYPE_ROOT_PORT << 4 : 0));
	put(image, EXP_POS + PCI_EXP_DEVCAP, 4,
	    PCI_EXP_DEVCAP_RBER | (flr ? PCI_EXP_DEVCAP_FLR : 0));
	put(image, EXP_POS + PCI_EXP_LNKCAP, 4, 0x11);
	put(image, EXP_POS + PCI_EXP_LNKSTA, 2, 0x11);
	put(fn->writable, EXP_POS + PCI_EXP_DEVCTL, 2, 0x7fff);
	put(fn->writable, EXP_POS + PCI_EXP_LNKCTL, 2, 0x0fdb);
	put(fn->writable, EXP_POS + PCI_EXP_DEVCTL2, 2, 0xffff);
	put(fn->writable, EXP_POS + PCI_EXP_LNKCTL2, 2, 0xffff);

	if (pm) {
		put(image, PM_POS, 2, PCI_CAP_ID_PM);
		put(image, PM_POS + PCI_PM_PMC, 2, 3);
		put(fn->writable, PM_POS + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK);
	}
	if (is_port) {
		put(fn->writable, PCI_PRIMARY_BUS, 4, 0xffffff);
		/* Windows that are closed: their base is behind their limit */
		put(image, PCI_IO_BASE, 2, 0x00f0);
		put(fn->writable, PCI_IO_BASE, 2, 0xf0f0);
		put(image, PCI_MEMORY_BASE, 4, 0xfff0);
		put(fn->writable, PCI_MEMORY_BASE, 4, 0xfff0fff0);
		put(image, PCI_PREF_MEMORY_BASE, 4, 0xfff0);
		put(fn->writable, PCI_PREF_MEMORY_BASE, 4, 0xfff0fff0);
		put(fn->writable, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
		put(fn->writable, EXP_POS + PCI_EXP_RTCTL, 2, 0x1f);
	}
	memcpy(fn->image, fn->initial, EXT_START);
	memcpy(fn->function, fn->writable, EXT_START);
	memcpy(fn->conventional, fn->writable, EXT_START);
}

static void describe(int argc, char **argv)
{
	bool flr = false, pm = false, plain = false, first = true;
	unsigned int i, j, next;
	char *end;
	int n;

	for (n = 0; n < argc; n++) {
		const char *word = argv[n];

		if (!strcmp(word, "flr"))
			flr = true;
		else if (!strcmp(word, "pm"))
			pm = true;
		else if (!strcmp(word, "plain-port"))
			plain = true;
		else if (!strcmp(word, "fill"))
			for (i = EXT_START; i < SPACE; i++)
				put_both(i, 1, (i * 37 + 11) & 0xff);
		else if (!strncmp(word, "dvsec=", 6))
			parse_cap(word, true);
		else if (!strncmp(word, "cap=", 4))
			parse_cap(word, false);
		else if (!strncmp(word, "random=", 7))
			random_caps(number(word + 7, '\0', word));
		else if (word[0] < '0' || word[0] > '9')
			die("what is '%s'?", word);
	}

	put_header(&port, true, false, false);
	put_header(&endpoint, false, flr, pm);
	if (!plain) {
		put(port.initial, EXT_START, 4, EXT_CAP_DVSEC | 1 << 16);
		put(port.initial, EXT_START + PCI_DVSEC_HEADER1, 4, CXL | 0x28 << 20);
		put(port.initial, EXT_START + PCI_DVSEC_HEADER2, 2, PORT_DVSEC_ID);
		put(port.writable, EXT_START + 0x0c, 2, 1);
		memcpy(port.image + EXT_START, port.initial + EXT_START, 0x28);
	}

	put_both(EXT_START, 4, 0);
	for (i = 0; i < nr_caps; i++) {
		next = caps[i].next;
		for (j = i + 1; j < nr_caps && !caps[i].next_given; j++) {
			if (!caps[j].unlisted) {
				next = caps[j].pos;
				break;
			}
		}
		/* What leads the list to its first member, if that isn't where it must be */
		if (!caps[i].unlisted && first && caps[i].pos != EXT_START)
			put_both(EXT_START, 4, caps[i].pos << 20);
		first = first && caps[i].unlisted;
		put_cap(&caps[i], next);
	}

	for (n = 0; n < argc; n++) {
		static const char widths[] = "bw l";
		unsigned int offset, value;
		const char *width;

		if (argv[n][0] < '0' || argv[n][0] > '9')
			continue;
		offset = strtoul(argv[n], &end, 0);
		width = *end == '.' && end[1] && end[1] != ' ' ? strchr(widths, end[1]) : NULL;
		if (!width || end[2] != '=' || offset >= SPACE)
			die("what is '%s'?", argv[n]);
		value = number(end + 3, '\0', argv[n]);
		put_both(offset, width - widths + 1, value);
	}
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		die("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

static void write_function(const char *above, const char *name, const struct function *fn)
{
	char dir[200], lock[16];

	snprintf(dir, sizeof(dir), "%s/%s", above, name);
	snprintf(lock, sizeof(lock), "%u", fn->lock);
	write_file(dir, "initial", fn->initial, SPACE);
	write_file(dir, "image", fn->image, SPACE);
	write_file(dir, "writable", fn->writable, SPACE);
	write_file(dir, "clearable", fn->clearable, SPACE);
	write_file(dir, "lockable", fn->lockable, SPACE);
	write_file(dir, "function", fn->function, SPACE);
	write_file(dir, "conventional", fn->conventional, SPACE);
	write_file(dir, "lock", lock, strlen(lock));
	write_file(dir, "present", "1", 1);
}

static int write_images(const char *dir)
{
	char path[256];
	bool plugged;
	FILE *file;

	snprintf(path, sizeof(path), "%s/plugged", dir);
	file = fopen(path, "r");
	if (!file)
		die("cannot read %s: %s", path, strerror(errno));
	plugged = fgetc(file) == '1';
	fclose(file);

	/* The kernel has numbered the buses of a port that is there */
	if (!plugged)
		write_function(dir, "port", &port);
	write_function(dir, "endpoint", &endpoint);
	return 0;
}

/* ---- the judgement ---- */

enum owner {
	NOBODY, /* in no capability that the list leads to */
	ELSE, /* of another capability */
	CXL_HEADER, /* of a CXL DVSEC, and the first dword of a capability */
	CXL_DVSEC,
};

static enum owner owners[SPACE];
static bool starts[SPACE];
/*
 * What a DVSEC hides of the device's there, and another shows nonetheless; what a user
 * may read as 1 of its own, and always
 */
static uint8_t hidden[SPACE], shown[SPACE], of_own[SPACE], constant[SPACE];

/* Bytes of a capability other than a DVSEC; only ids that the tests use */
static unsigned int cap_length(unsigned int pos)
{
	unsigned int id = get(endpoint.image, pos, 2), length;

	switch (id) {
	case EXT_CAP_DVSEC:
		length = get(endpoint.image, pos + PCI_DVSEC_HEADER1, 4) >> 20;
		return length > 0x0a ? length : 0x0a;
	case PCI_EXT_CAP_ID_ERR:
		return 0x48;
	case PCI_EXT_CAP_ID_DSN:
		return 0x0c;
	case PCI_EXT_CAP_ID_VNDR:
		return get(endpoint.image, pos + 4, 4) >> 20;
	}
	return 4;
}

static void own_device(const struct cap *cap)
{
	unsigned int i, k, pos;

	for (i = 0; i < NR_DEVICE_REGISTERS; i++) {
		const struct device_register *r = &device_registers[i];

		if (r->offset >= registers_length(cap))
			break;
		for (k = 0; k < r->size && cap->pos + r->offset + k < SPACE; k++) {
			pos = cap->pos + r->offset + k;
			hidden[pos] |= r->hidden >> (8 * k);
			shown[pos] |= ~(r->hidden >> (8 * k));
			of_own[pos] |= r->own >> (8 * k);
		}
	}
	if (cap->pos + 0x0c < SPACE)
		constant[cap->pos + 0x0c] |= 2;
}

static bool is_cxl_at(unsigned int pos)
{
	return get(endpoint.image, pos, 2) == EXT_CAP_DVSEC &&
	       get(endpoint.image, pos + PCI_DVSEC_HEADER1, 2) == CXL;
}

/*
 * A byte belongs to a CXL DVSEC that the device's list leads to if it is one of its
 * registers, however long the DVSEC says it is, or if it is within its length and
 * in no other capability, each of which takes whole dwords. This walks the image as
 * a driver would.
 */
static void find_owners(void)
{
	unsigned int pos, i, end;
	bool seen[SPACE] = {};
	uint32_t header;

	for (pos = EXT_START; pos >= EXT_START && !seen[pos]; pos = header >> 20 & 0xffc) {
		header = get(endpoint.image, pos, 4);
		seen[pos] = true;
		starts[pos] = header != UINT32_MAX;
	}
	for (pos = EXT_START; pos < SPACE; pos += 4) {
		end = starts[pos] && !is_cxl_at(pos) ? pos + cap_length(pos) : 0;
		for (i = pos; i < ((end + 3) & ~3U) && i < SPACE; i++)
			owners[i] = ELSE;
	}
	for (pos = EXT_START; pos < SPACE; pos += 4) {
		struct cap cap = { .is_dvsec = true, .vendor = CXL, .pos = pos };

		if (!starts[pos] || !is_cxl_at(pos))
			continue;
		cap.id = get(endpoint.image, pos + PCI_DVSEC_HEADER2, 2);
		cap.rev = get(endpoint.image, pos + PCI_DVSEC_HEADER1, 4) >> 16 & 0xf;
		end = pos + registers_length(&cap);
		for (i = pos; i < end && i < SPACE; i++) {
			owners[i] = CXL_DVSEC;
			if (!is_device(&cap))
				shown[i] = 0xff;
		}
		end = pos + cap_length(pos);
		for (; i < end && i < SPACE; i++)
			if (owners[i] == NOBODY)
				owners[i] = CXL_DVSEC;
		if (is_device(&cap))
			own_device(&cap);
	}
	for (pos = EXT_START; pos < SPACE; pos++)
		if (starts[pos & ~3] && owners[pos] == CXL_DVSEC)
			owners[pos] = CXL_HEADER;
}

static bool is_device_at(unsigned int pos)
{
	return pos >= EXT_START && starts[pos] && is_cxl_at(pos) &&
	       !get(endpoint.image, pos + PCI_DVSEC_HEADER2, 2);
}

/* Disable_Caching and Initiate_Cache_WBI alone, and a Volatile_HDM_Preservation_Error */
static bool is_forwarded(unsigned int offset, unsigned int size, uint32_t value)
{
	return size == 1 && ((is_device_at(offset - 0x10) && !(value & 4) &&
			      !((value ^ endpoint.image[offset]) & 0xf8)) ||
			     (is_device_at(offset - 0x12) && value == 8));
}

static int list(void)
{
	unsigned int pos;

	for (pos = EXT_START; pos < SPACE; pos += 4) {
		uint32_t header = get(endpoint.image, pos, 4);

		if (!starts[pos])
			continue;
		printf("%03x id %04x next %03x", pos, header & 0xffff, header >> 20);
		if ((header & 0xffff) == EXT_CAP_DVSEC)
			printf(" vendor %04x id %04x rev %x len %03x",
			       get(endpoint.image, pos + PCI_DVSEC_HEADER1, 2),
			       get(endpoint.image, pos + PCI_DVSEC_HEADER2, 2),
			       get(endpoint.image, pos + PCI_DVSEC_HEADER1, 4) >> 16 & 0xf,
			       get(endpoint.image, pos + PCI_DVSEC_HEADER1, 4) >> 20);
		puts("");
	}
	return 0;
}

#define MAX_LINES 1024
#define MAX_SHOWN 12

static char *lines[MAX_LINES];
static unsigned int nr_lines;

/* Keep a line for print_lines(), once */
static void note_line(const char *line)
{
	unsigned int i;

	for (i = 0; i < nr_lines; i++)
		if (!strcmp(lines[i], line))
			return;
	if (nr_lines < MAX_LINES)
		lines[nr_lines++] = strdup(line);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_lines(void)
{
	unsigned int i;

	qsort(lines, nr_lines, sizeof(lines[0]), compare_lines);
	for (i = 0; i < nr_lines && i < MAX_SHOWN; i++)
		fputs(lines[i], stdout);
	if (i < nr_lines)
		printf("and %u%s more\n", nr_lines - i, nr_lines == MAX_LINES ? " or" : "");
	nr_lines = 0;
}

/* The log has thousands of lines, and sscanf() is slow on an emulated processor */
static bool parse_write(const char *line, unsigned int *offset, char *width, unsigned int *value)
{
	char *end;

	if (strncmp(line, "@0x", 3))
		return false;
	*offset = strtoul(line + 3, &end, 16);
	if (end[0] != '.' || !end[1] || strncmp(end + 2, " <- 0x", 6))
		return false;
	*width = end[1];
	*value = strtoul(end + 8, &end, 16);
	return *end == '\n';
}

static void judge_writes(const char *path, bool strays)
{
	unsigned int offset, value, size, i;
	char line[128], width;
	FILE *file = fopen(path, "r");

	if (!file)
		die("cannot read %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		bool reached = false;

		if (!parse_write(line, &offset, &width, &value)) {
			/* Some were not recorded: nothing can be said */
			note_line(line);
			continue;
		}
		size = width == 'b' ? 1 : width == 'w' ? 2 : 4;
		for (i = offset; i < offset + size && i < SPACE; i++)
			reached |= owners[i] >= CXL_HEADER;
		if (reached && !(strays && is_forwarded(offset, size, value)))
			note_line(line);
	}
	fclose(file);
	print_lines();
}

static void judge_reads(FILE *file, bool policy, bool after)
{
	unsigned int pos, value;
	char line[128];

	for (pos = EXT_START; pos < SPACE; pos++) {
		uint8_t got, hw = endpoint.image[pos], may;
		bool wrong = false;

		if (pos % 4 == 0 && fscanf(file, "%x", &value) != 1) {
			printf("there is no value at 0x%x\n", pos);
			return;
		}
		got = value >> (pos % 4 * 8);
		may = (hw & (shown[pos] | ~hidden[pos])) | constant[pos] |
		      (after ? of_own[pos] : 0);
		switch (owners[pos]) {
		case CXL_DVSEC:
			wrong = policy ? got & ~may : got != hw;
			break;
		case NOBODY:
			wrong = got && got != hw &&
				!(after && (endpoint.writable[pos] | endpoint.clearable[pos]));
			break;
		default:
			break;
		}
		if (wrong) {
			snprintf(line, sizeof(line), "0x%x reads %02x %s, the device has %02x\n",
				 pos, got, after ? "then" : "at first", hw);
			note_line(line);
		}
	}
	print_lines();
}

static int judge(const char *mode, const char *log, const char *reads)
{
	FILE *file = fopen(reads, "r");

	if (!file)
		die("cannot read %s: %s", reads, strerror(errno));
	find_owners();
	judge_writes(log, !strcmp(mode, "strays"));
	judge_reads(file, strcmp(mode, "none"), false);
	judge_reads(file, strcmp(mode, "none"), true);
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs(usage_text, stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--judge") && argc > 5) {
		describe(argc - 5, argv + 5);
		return judge(argv[2], argv[3], argv[4]);
	}
	if (!strcmp(argv[1], "--list")) {
		describe(argc - 2, argv + 2);
		find_owners();
		return list();
	}
	describe(argc - 2, argv + 2);
	return write_images(argv[1]);
}
