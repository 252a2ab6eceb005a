/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI devices of this host and their DVSECs.
 */
#ifndef LOADER_DEVICE_H
#define LOADER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define DEVICE_MAX_DVSECS  32
#define DEVICE_CONFIG_SIZE 4096
/* Of more digits there is no room for in a name */
#define DEVICE_MAX_SEGMENT 0xffffff
#define DEVICE_ADDRESS_LEN 16
#define DEVICE_NO_COUNT	   UINT64_MAX

/* What vfio-pci with the hook counts of a device, as its files in sysfs are called */
enum device_counter {
	DEVICE_READS,
	DEVICE_WRITES,
	DEVICE_WRITES_DENIED,
	DEVICE_HW_READS,
	DEVICE_HW_WRITES,
	DEVICE_ERRORS,
	DEVICE_NR_COUNTERS,
};

extern const char *const device_counters[DEVICE_NR_COUNTERS];

/**
 * struct device_address - where a PCI device is
 * @segment: PCI segment (domain)
 * @bus: PCI bus number
 * @devfn: PCI device and function number
 */
struct device_address {
	uint32_t segment;
	uint8_t bus;
	uint8_t devfn;
};

/**
 * struct device_dvsec - a DVSEC
 * @vendor: DVSEC Vendor ID
 * @offset: position in configuration space
 * @id: DVSEC ID
 * @revision: DVSEC Revision
 * @length: DVSEC Length, as the device tells it
 */
struct device_dvsec {
	uint16_t vendor;
	uint16_t offset;
	uint16_t id;
	uint8_t revision;
	uint16_t length;
};

/**
 * struct device - a PCI device
 * @address: where it is
 * @name: @address as text
 * @driver: that it is bound to; may be empty
 * @vendor: Vendor ID
 * @device_id: Device ID
 * @class: Class Code: base class, sub-class and programming interface
 * @revision: Revision ID
 * @subsystem_vendor: Subsystem Vendor ID
 * @subsystem_id: Subsystem ID
 * @bridge: it is a bridge, such as a CXL port; vfio-pci takes none
 * @nr_dvsecs: number of @dvsecs in use
 * @dvsecs: DVSECs of CXL
 * @nr_others: number of @others in use
 * @others: DVSECs of other vendors
 * @hooked: it is bound to a vfio-pci driver that has the DVSEC hook
 * @state: of the hook, as the kernel tells it; if not @hooked, "raw" if it is bound
 *	to a driver of vfio, else "none"
 * @open_id: of the present opening by a user, 0 if there is none or no hook
 * @policy: in force, as the kernel tells it; may be empty
 * @counts: by &enum device_counter, %DEVICE_NO_COUNT what the kernel doesn't count
 * @unread: this process may not read configuration space beyond the header, so
 *	what DVSECs there are isn't known
 */
struct device {
	struct device_address address;
	char name[DEVICE_ADDRESS_LEN];
	char driver[64];
	uint16_t vendor;
	uint16_t device_id;
	uint32_t class;
	uint8_t revision;
	uint16_t subsystem_vendor;
	uint16_t subsystem_id;
	bool bridge;
	unsigned int nr_dvsecs;
	struct device_dvsec dvsecs[DEVICE_MAX_DVSECS];
	unsigned int nr_others;
	struct device_dvsec others[DEVICE_MAX_DVSECS];
	bool hooked;
	uint64_t open_id;
	char state[16];
	char policy[64];
	uint64_t counts[DEVICE_NR_COUNTERS];
	bool unread;
};

/**
 * device_parse - read an address
 * @text: [segment:]bus:device.function
 * @address: filled in
 *
 * Return: 0 or -EINVAL.
 */
int device_parse(const char *text, struct device_address *address);

/**
 * device_format - write an address
 * @address: the address
 * @text: filled in
 */
void device_format(const struct device_address *address, char text[DEVICE_ADDRESS_LEN]);

/**
 * device_same - compare addresses
 * @a: an address
 * @b: another
 *
 * Return: whether they are the same.
 */
bool device_same(const struct device_address *a, const struct device_address *b);

/**
 * device_order - compare addresses, to sort by them
 * @a: an address
 * @b: another
 *
 * Return: less than 0, 0, or more than 0, as of qsort()'s comparison.
 */
int device_order(const struct device_address *a, const struct device_address *b);

/**
 * device_get - look at one device
 * @address: where it is
 * @device: filled in
 *
 * Return: 0; -ENODEV if it isn't there; another negative errno, with the error set.
 */
int device_get(const struct device_address *address, struct device *device);

/**
 * device_list - look for CXL devices that are no bridges
 *
 * Where that can't be told of a device for want of privilege, one that vfio-pci
 * has the hook for is taken as one. One that goes meanwhile is left out.
 *
 * @devices: the devices in order of address, to be freed
 * @nr: their number
 *
 * Return: 0; -ENOMEM; another negative errno, with the error set.
 */
int device_list(struct device **devices, unsigned int *nr);

/**
 * device_in_transit - see whether a driver is about to take a device, or to leave it
 *
 * A driver of vfio that has no vfio device either has none yet, or waits for its
 * user to go.
 *
 * @device: the device
 *
 * Return: whether it is one of vfio.
 */
bool device_in_transit(const struct device *device);

/**
 * device_find_dvsec - find a DVSEC of CXL
 * @device: the device
 * @id: DVSEC ID
 *
 * Return: the DVSEC or NULL.
 */
const struct device_dvsec *device_find_dvsec(const struct device *device, uint16_t id);

/**
 * device_read - read dwords of configuration space from the hardware
 * @device: the device
 * @pos: position, a multiple of 4
 * @values: filled in
 * @nr: number of dwords
 *
 * Return: 0; -ENODEV if the device isn't there any more; another negative errno.
 */
int device_read(const struct device *device, unsigned int pos, uint32_t *values, unsigned int nr);

#endif /* LOADER_DEVICE_H */
