// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cxl_dvsec_regs.h"
#include "device.h"
#include "output.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
/* Beyond what everybody may read */
#define PCI_HEADER_END 0x40
/* How often to look at a device that comes or goes meanwhile, and to wait for its driver */
#define LOOKS	20
#define LOOK_US 2000

const char *const device_counters[DEVICE_NR_COUNTERS] = {
	[DEVICE_READS] = "reads",
	[DEVICE_WRITES] = "writes",
	[DEVICE_WRITES_DENIED] = "writes_denied",
	[DEVICE_HW_READS] = "hw_reads",
	[DEVICE_HW_WRITES] = "hw_writes",
	[DEVICE_ERRORS] = "errors",
};

static int no_pci(int err)
{
	bool privilege = err == -EACCES || err == -EPERM;

	return error_set(privilege ? EXIT_PRIVILEGE : EXIT_FAILED, err,
			 privilege ? "run it as root" : "is /sys mounted?",
			 "no access to PCI: can't read " PCI_DEVICES ": %s", strerror(-err));
}

/* libpci asks for an error handler that doesn't return; no device that goes gets there */
static void __attribute__((noreturn)) pci_fatal(char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error_set(EXIT_FAILED, -EIO, "is /sys mounted?", "no access to PCI: %s", text);
	exit(error_print(-EIO));
}

static void pci_quiet(char *fmt __attribute__((unused)), ...)
{
}

/*
 * libpci ends the program where it misses a file of a device in sysfs, as its scan of
 * the bus and its PCI_FILL_IDENT do. So it is asked for configuration space alone,
 * which it just fails to read of a device that goes meanwhile.
 */
static struct pci_access *pci_start(void)
{
	struct pci_access *pacc = pci_alloc();

	pacc->method = PCI_ACCESS_SYS_BUS_PCI;
	pacc->error = pci_fatal;
	pacc->warning = pci_quiet;
	pci_init(pacc);
	return pacc;
}

static struct pci_dev *pci_get(struct pci_access *pacc, const struct device_address *address)
{
	return pci_get_dev(pacc, address->segment, address->bus, address->devfn >> 3,
			   address->devfn & 7);
}

/* A file in sysfs is another one each time that it is made; 0 if it isn't there */
static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/*
 * Tell a device from one that comes to the same address after it.
 *
 * Return: 0; -ENODEV if there is none; another negative errno, with the error set.
 */
static int identify(const struct device_address *address, ino_t *id)
{
	char name[DEVICE_ADDRESS_LEN], path[64];
	int err;

	device_format(address, name);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", name);
	*id = inode_of(path);
	if (*id)
		return 0;
	err = -errno;
	if (err == -ENOENT && access(PCI_DEVICES, F_OK))
		return no_pci(-errno);
	return err == -ENOENT || err == -ENODEV ? -ENODEV : no_pci(err);
}

static bool is_still(const struct device_address *address, ino_t id)
{
	ino_t now;

	return !identify(address, &now) && now == id;
}

int device_parse(const char *text, struct device_address *address)
{
	unsigned int segment = 0, bus, dev, fn;
	int end = 0;

	/* sscanf() would take blanks, signs and 0x */
	if (!isxdigit((unsigned char)text[0]) ||
	    strspn(text, "0123456789abcdefABCDEF:.") != strlen(text))
		return -EINVAL;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &segment, &bus, &dev, &fn, &end) != 4 || text[end]) {
		segment = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &dev, &fn, &end) != 3 || text[end])
			return -EINVAL;
	}
	if (segment > DEVICE_MAX_SEGMENT || dev > 0x1f || fn > 7)
		return -EINVAL;
	address->segment = segment;
	address->bus = bus;
	address->devfn = dev << 3 | fn;
	return 0;
}

void device_format(const struct device_address *address, char text[DEVICE_ADDRESS_LEN])
{
	snprintf(text, DEVICE_ADDRESS_LEN, "%04x:%02x:%02x.%x",
		 address->segment & DEVICE_MAX_SEGMENT, address->bus, address->devfn >> 3,
		 address->devfn & 7);
}

bool device_same(const struct device_address *a, const struct device_address *b)
{
	return !device_order(a, b);
}

int device_order(const struct device_address *a, const struct device_address *b)
{
	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return a->bus != b->bus ? a->bus - b->bus : a->devfn - b->devfn;
}

static void read_attribute(const char *dir, const char *name, char *value, size_t size)
{
	char *path;
	FILE *f;

	value[0] = '\0';
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return;
	f = fopen(path, "re");
	free(path);
	if (!f)
		return;
	if (fgets(value, size, f))
		value[strcspn(value, "\n")] = '\0';
	fclose(f);
}

static uint32_t read_id(const struct device *device, const char *name)
{
	char dir[64], number[16];

	snprintf(dir, sizeof(dir), PCI_DEVICES "/%s", device->name);
	read_attribute(dir, name, number, sizeof(number));
	return strtoul(number, NULL, 16);
}

static bool is_below(const struct device *device, const char *name)
{
	char pattern[PATH_MAX];
	glob_t found = {};
	bool is;

	snprintf(pattern, sizeof(pattern), PCI_DEVICES "/%s/%s", device->name, name);
	is = !glob(pattern, 0, NULL, &found) && found.gl_pathc;
	globfree(&found);
	return is;
}

/* Return: whether nothing of it went meanwhile */
static bool read_counters(struct device *device, const char *dir)
{
	ino_t id = inode_of(dir);
	char number[32];
	unsigned int i;

	read_attribute(dir, "state", device->state, sizeof(device->state));
	read_attribute(dir, "policy", device->policy, sizeof(device->policy));
	read_attribute(dir, "open_id", number, sizeof(number));
	device->open_id = strtoull(number, NULL, 10);
	for (i = 0; i < DEVICE_NR_COUNTERS; i++) {
		read_attribute(dir, device_counters[i], number, sizeof(number));
		device->counts[i] = number[0] ? strtoull(number, NULL, 10) : DEVICE_NO_COUNT;
	}
	if (id && inode_of(dir) == id)
		return true;
	snprintf(device->state, sizeof(device->state), "none");
	device->policy[0] = '\0';
	device->open_id = 0;
	memset(device->counts, 0xff, sizeof(device->counts));
	return false;
}

/*
 * What the kernel's hook says of the device.
 *
 * Return: whether that is all of it, and no driver came or went meanwhile.
 */
static bool read_hook(struct device *device)
{
	char path[PATH_MAX], link[PATH_MAX], *base;
	glob_t found = {};
	bool settled;
	ssize_t len;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", device->name);
	len = readlink(path, link, sizeof(link) - 1);
	if (len > 0) {
		link[len] = '\0';
		base = strrchr(link, '/');
		snprintf(device->driver, sizeof(device->driver), "%.63s", base ? base + 1 : link);
	}

	snprintf(device->state, sizeof(device->state), "none");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev/vfio*/dvsec", device->name);
	if (!glob(path, 0, NULL, &found) && found.gl_pathc) {
		device->hooked = read_counters(device, found.gl_pathv[0]);
		settled = device->hooked && device->driver[0];
	} else if (is_below(device, "vfio-dev")) {
		/* Without the hook the user writes what he likes */
		snprintf(device->state, sizeof(device->state), "raw");
		/* The folder of the hook comes before this one, and goes after it */
		settled = is_below(device, "vfio-dev/vfio*/power") &&
			  !is_below(device, "vfio-dev/vfio*/dvsec");
	} else {
		settled = true;
	}
	globfree(&found);
	return settled;
}

static void read_dvsecs(struct pci_dev *dev, struct device *device)
{
	unsigned int count = 0, i;

	pci_find_cap_nr(dev, PCI_EXT_CAP_ID_DVSEC, PCI_CAP_EXTENDED, &count);
	for (i = 0; i < count; i++) {
		unsigned int nr = i;
		struct pci_cap *cap =
			pci_find_cap_nr(dev, PCI_EXT_CAP_ID_DVSEC, PCI_CAP_EXTENDED, &nr);
		struct device_dvsec *dvsec = device->dvsecs;
		unsigned int *nr_dvsecs = &device->nr_dvsecs;
		uint32_t header1;

		if (!cap || cap->addr + DVSEC_HEADER2_OFFSET + 4 > DEVICE_CONFIG_SIZE)
			continue;
		header1 = pci_read_long(dev, cap->addr + DVSEC_HEADER1_OFFSET);
		if ((header1 & 0xffff) != CXL_DVSEC_VENDOR_ID) {
			dvsec = device->others;
			nr_dvsecs = &device->nr_others;
		}
		if (*nr_dvsecs == DEVICE_MAX_DVSECS)
			continue;
		dvsec += (*nr_dvsecs)++;
		dvsec->vendor = header1;
		dvsec->offset = cap->addr;
		dvsec->id = pci_read_word(dev, cap->addr + DVSEC_HEADER2_OFFSET);
		dvsec->revision = header1 >> 16 & 0xf;
		dvsec->length = header1 >> 20;
	}
}

static int compare_dvsecs(const void *a, const void *b)
{
	const struct device_dvsec *x = a, *y = b;

	return x->offset - y->offset;
}

/* Return: as of read_hook() */
static bool fill(struct pci_dev *dev, const struct device_address *address, struct device *device)
{
	uint8_t beyond;

	memset(device, 0, sizeof(*device));
	memset(device->counts, 0xff, sizeof(device->counts));
	device->unread = !pci_read_block(dev, PCI_HEADER_END, &beyond, sizeof(beyond));
	pci_fill_info(dev, PCI_FILL_EXT_CAPS);
	device->address = *address;
	device_format(&device->address, device->name);
	/* Virtual functions have these in sysfs alone */
	device->vendor = read_id(device, "vendor");
	device->device_id = read_id(device, "device");
	device->class = read_id(device, "class");
	device->revision = pci_read_byte(dev, PCI_REVISION_ID);
	device->subsystem_vendor = pci_read_word(dev, PCI_SUBSYSTEM_VENDOR_ID);
	device->subsystem_id = pci_read_word(dev, PCI_SUBSYSTEM_ID);
	device->bridge = (pci_read_byte(dev, PCI_HEADER_TYPE) & 0x7f) != PCI_HEADER_TYPE_NORMAL;
	read_dvsecs(dev, device);
	qsort(device->dvsecs, device->nr_dvsecs, sizeof(device->dvsecs[0]), compare_dvsecs);
	qsort(device->others, device->nr_others, sizeof(device->others[0]), compare_dvsecs);
	return read_hook(device);
}

/* Look until all that is seen is of one device, and of one time; as of device_get() */
static int look_at(struct pci_access *pacc, const struct device_address *address,
		   struct device *device)
{
	bool settled, still;
	struct pci_dev *dev;
	unsigned int i;
	ino_t id;
	int err;

	for (i = 1; i <= LOOKS; i++) {
		err = identify(address, &id);
		if (err)
			return err;
		dev = pci_get(pacc, address);
		settled = fill(dev, address, device);
		pci_free_dev(dev);
		still = is_still(address, id);
		if (still && (settled || i == LOOKS))
			return 0;
		if (still)
			usleep(LOOK_US);
	}
	return -ENODEV;
}

int device_get(const struct device_address *address, struct device *device)
{
	struct pci_access *pacc = pci_start();
	int err = look_at(pacc, address, device);

	pci_cleanup(pacc);
	return err;
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *x = a, *y = b;

	return device_order(&x->address, &y->address);
}

int device_list(struct device **devices, unsigned int *nr)
{
	struct device *found = NULL, *more;
	struct device_address address;
	struct pci_access *pacc;
	unsigned int count = 0;
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	dir = opendir(PCI_DEVICES);
	if (!dir)
		return no_pci(-errno);
	pacc = pci_start();
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || device_parse(entry->d_name, &address))
			continue;
		more = realloc(found, (count + 1) * sizeof(*found));
		if (!more) {
			err = -ENOMEM;
			goto out;
		}
		found = more;
		err = look_at(pacc, &address, &found[count]);
		/* It is none of those that there are */
		if (err == -ENODEV)
			err = 0;
		else if (err)
			goto out;
		else if ((found[count].nr_dvsecs && !found[count].bridge) ||
			 (found[count].unread && found[count].hooked))
			count++;
	}
	if (count)
		qsort(found, count, sizeof(*found), compare_devices);
	*devices = found;
	*nr = count;
	found = NULL;
out:
	free(found);
	pci_cleanup(pacc);
	closedir(dir);
	return err;
}

bool device_in_transit(const struct device *device)
{
	return !strncmp(device->driver, "vfio", strlen("vfio")) && !device->hooked &&
	       !strcmp(device->state, "none");
}

const struct device_dvsec *device_find_dvsec(const struct device *device, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < device->nr_dvsecs; i++)
		if (device->dvsecs[i].id == id)
			return &device->dvsecs[i];
	return NULL;
}

int device_read(const struct device *device, unsigned int pos, uint32_t *values, unsigned int nr)
{
	struct pci_access *pacc;
	struct pci_dev *dev;
	unsigned int i, tries;
	int err = -ENODEV;
	ino_t id;

	if (pos % 4 || pos + nr * 4 > DEVICE_CONFIG_SIZE)
		return -EINVAL;
	pacc = pci_start();
	for (tries = 1; tries <= LOOKS; tries++) {
		err = identify(&device->address, &id);
		if (err)
			break;
		dev = pci_get(pacc, &device->address);
		/* Dword by dword, as the hardware has them */
		for (i = 0; i < nr && !err; i++) {
			uint8_t raw[4];

			if (!pci_read_block(dev, pos + i * 4, raw, sizeof(raw)))
				err = -EIO;
			values[i] = raw[0] | raw[1] << 8 | raw[2] << 16 | (uint32_t)raw[3] << 24;
		}
		pci_free_dev(dev);
		if (!err || is_still(&device->address, id))
			break;
		err = -ENODEV;
	}
	pci_cleanup(pacc);
	return err;
}
