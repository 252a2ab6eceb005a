/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that is opened through VFIO, as a virtual machine monitor does it, by
 * its group. What goes wrong is told on standard error.
 */
#ifndef TOOLS_VFIO_H
#define TOOLS_VFIO_H

#include <stdbool.h>
#include <stdint.h>

#define VFIO_EXIT_USAGE 2

/**
 * struct vfio_device - a device and its group
 * @bdf: PCI address
 * @container: descriptor of the container, -1: none
 * @group: descriptor of the group, -1: none
 * @noiommu: the group has no IOMMU
 * @fd: descriptor of the device, -1: it isn't open
 * @config: where its configuration space begins in @fd
 * @config_size: size of the configuration space in bytes
 */
struct vfio_device {
	char bdf[32];
	int container;
	int group;
	bool noiommu;
	int fd;
	uint64_t config;
	uint64_t config_size;
};

/* To begin with */
#define VFIO_DEVICE_CLOSED                                                                         \
	{                                                                                          \
		.container = -1, .group = -1, .fd = -1                                             \
	}

/**
 * vfio_list_devices - name the devices bound to vfio-pci on standard error
 */
void vfio_list_devices(void);

/**
 * vfio_find - find a device and open its group
 * @dev: to fill in
 * @bdf: PCI address
 *
 * Return: 0; 1 if the group can't be opened; VFIO_EXIT_USAGE if there is no such
 * device, or none that is bound to vfio-pci.
 */
int vfio_find(struct vfio_device *dev, const char *bdf);

/**
 * vfio_open - open a device that was found, for the first time
 * @dev: the device
 *
 * Return: 0 or 1.
 */
int vfio_open(struct vfio_device *dev);

/**
 * vfio_reopen - close an open device and open it anew
 * @dev: the device
 *
 * Return: 0 or 1.
 */
int vfio_reopen(struct vfio_device *dev);

/**
 * vfio_close - let go of a device and its group
 * @dev: the device, open or not
 */
void vfio_close(struct vfio_device *dev);

/**
 * vfio_config_read - read from the configuration space, at one go
 * @dev: the open device
 * @offset: in configuration space
 * @width: 1 to 4 bytes
 * @value: filled in
 *
 * Return: 0, -ENODATA if it was cut short, or another negative errno.
 */
int vfio_config_read(const struct vfio_device *dev, uint64_t offset, unsigned int width,
		     uint32_t *value);

/**
 * vfio_config_write - write to the configuration space, at one go
 * @dev: the open device
 * @offset: in configuration space
 * @width: 1 to 4 bytes
 * @value: to write
 *
 * Return: as of vfio_config_read().
 */
int vfio_config_write(const struct vfio_device *dev, uint64_t offset, unsigned int width,
		      uint32_t value);

#endif /* TOOLS_VFIO_H */
