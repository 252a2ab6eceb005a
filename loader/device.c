// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cxl_dvsec_regs.h"
#include "device.h"
#include "output.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
/* Beyond what everybody may read */
#define PCI_HEADER_END 0x40

const char *const device_counters[DEVICE_NR_COUNTERS] = {
	[DEVICE_READS] = "reads",
	[DEVICE_WRITES] = "writes",
	[DEVICE_WRITES_DENIED] = "writes_denied",
	[DEVICE_HW_READS] = "hw_reads",
	[DEVICE_HW_WRITES] = "hw_writes",
	[DEVICE_ERRORS] = "errors",
};

/* libpci asks for an error handler that doesn't return */
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

static struct pci_access *pci_start(void)
{
	struct pci_access *pacc = pci_alloc();

	pacc->error = pci_fatal;
	pacc->warning = pci_quiet;
	pci_init(pacc);
	return pacc;
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
	return a->segment == b->segment && a->bus == b->bus && a->devfn == b->devfn;
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

/* What the kernel's hook says of the device */
static void read_hook(struct device *device)
{
	char pattern[PATH_MAX], link[PATH_MAX], number[32], *base;
	unsigned int i;
	glob_t found = {};
	ssize_t len;

	snprintf(pattern, sizeof(pattern), PCI_DEVICES "/%s/driver", device->name);
	len = readlink(pattern, link, sizeof(link) - 1);
	if (len > 0) {
		link[len] = '\0';
		base = strrchr(link, '/');
		snprintf(device->driver, sizeof(device->driver), "%.63s", base ? base + 1 : link);
	}

	/* Without the hook the user writes what he likes */
	snprintf(pattern, sizeof(pattern), PCI_DEVICES "/%s/vfio-dev", device->name);
	snprintf(device->state, sizeof(device->state), "%s",
		 access(pattern, F_OK) ? "none" : "raw");
	snprintf(pattern, sizeof(pattern), PCI_DEVICES "/%s/vfio-dev/vfio*/dvsec", device->name);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc) {
		device->hooked = true;
		read_attribute(found.gl_pathv[0], "state", device->state, sizeof(device->state));
		read_attribute(found.gl_pathv[0], "policy", device->policy, sizeof(device->policy));
		read_attribute(found.gl_pathv[0], "open_id", number, sizeof(number));
		device->open_id = strtoull(number, NULL, 10);
		for (i = 0; i < DEVICE_NR_COUNTERS; i++) {
			read_attribute(found.gl_pathv[0], device_counters[i], number,
				       sizeof(number));
			device->counts[i] = number[0] ? strtoull(number, NULL, 10)
						      : DEVICE_NO_COUNT;
		}
	}
	globfree(&found);
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

static void fill(struct pci_dev *dev, struct device *device)
{
	uint8_t beyond;

	memset(device, 0, sizeof(*device));
	memset(device->counts, 0xff, sizeof(device->counts));
	device->unread = !pci_read_block(dev, PCI_HEADER_END, &beyond, sizeof(beyond));
	pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_EXT_CAPS);
	device->address.segment = dev->domain;
	device->address.bus = dev->bus;
	device->address.devfn = dev->dev << 3 | dev->func;
	device_format(&device->address, device->name);
	device->vendor = dev->vendor_id;
	device->device_id = dev->device_id;
	device->revision = pci_read_byte(dev, PCI_REVISION_ID);
	device->subsystem_vendor = pci_read_word(dev, PCI_SUBSYSTEM_VENDOR_ID);
	device->subsystem_id = pci_read_word(dev, PCI_SUBSYSTEM_ID);
	device->bridge = (pci_read_byte(dev, PCI_HEADER_TYPE) & 0x7f) != PCI_HEADER_TYPE_NORMAL;
	read_dvsecs(dev, device);
	qsort(device->dvsecs, device->nr_dvsecs, sizeof(device->dvsecs[0]), compare_dvsecs);
	qsort(device->others, device->nr_others, sizeof(device->others[0]), compare_dvsecs);
	read_hook(device);
}

int device_get(const struct device_address *address, struct device *device)
{
	struct pci_access *pacc;
	char path[64], name[DEVICE_ADDRESS_LEN];
	struct pci_dev *dev;

	device_format(address, name);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", name);
	if (access(path, F_OK))
		return -ENODEV;
	pacc = pci_start();
	dev = pci_get_dev(pacc, address->segment, address->bus, address->devfn >> 3,
			  address->devfn & 7);
	fill(dev, device);
	pci_free_dev(dev);
	pci_cleanup(pacc);
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *x = a, *y = b;

	if (x->address.segment != y->address.segment)
		return x->address.segment < y->address.segment ? -1 : 1;
	if (x->address.bus != y->address.bus)
		return x->address.bus - y->address.bus;
	return x->address.devfn - y->address.devfn;
}

int device_list(struct device **devices, unsigned int *nr)
{
	struct pci_access *pacc = pci_start();
	struct device *found = NULL, *more;
	unsigned int count = 0;
	struct pci_dev *dev;
	int err = 0;

	pci_scan_bus(pacc);
	for (dev = pacc->devices; dev; dev = dev->next) {
		more = realloc(found, (count + 1) * sizeof(*found));
		if (!more) {
			err = -ENOMEM;
			goto out;
		}
		found = more;
		fill(dev, &found[count]);
		if ((found[count].nr_dvsecs && !found[count].bridge) ||
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
	return err;
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
	unsigned int i;
	int err = 0;

	if (pos % 4 || pos + nr * 4 > DEVICE_CONFIG_SIZE)
		return -EINVAL;
	pacc = pci_start();
	dev = pci_get_dev(pacc, device->address.segment, device->address.bus,
			  device->address.devfn >> 3, device->address.devfn & 7);
	/* Dword by dword, as the hardware has them */
	for (i = 0; i < nr && !err; i++) {
		uint8_t raw[4];

		if (!pci_read_block(dev, pos + i * 4, raw, sizeof(raw)))
			err = -EIO;
		values[i] = raw[0] | raw[1] << 8 | raw[2] << 16 | (uint32_t)raw[3] << 24;
	}
	pci_free_dev(dev);
	pci_cleanup(pacc);
	return err;
}
