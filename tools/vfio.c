// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void vfio_list_devices(void)
{
	struct dirent *entry;
	bool any = false;
	DIR *dir = opendir("/sys/bus/pci/drivers/vfio-pci");

	while (dir && (entry = readdir(dir))) {
		if (!strchr(entry->d_name, ':'))
			continue;
		if (!any)
			fprintf(stderr, "devices bound to vfio-pci:\n");
		any = true;
		fprintf(stderr, "  %s\n", entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (!any)
		fprintf(stderr,
			"no device is bound to vfio-pci; write vfio-pci to its driver_override %s\n",
			"and its address to /sys/bus/pci/drivers_probe");
}

static bool parse_bdf(const char *s, unsigned int *domain, unsigned int *bus, unsigned int *slot,
		      unsigned int *function)
{
	int n = 0;

	if (sscanf(s, "%8x:%2x:%2x.%1x%n", domain, bus, slot, function, &n) == 4 && !s[n])
		return true;
	*domain = 0;
	return sscanf(s, "%2x:%2x.%1x%n", bus, slot, function, &n) == 3 && !s[n];
}

int vfio_find(struct vfio_device *dev, const char *bdf)
{
	char path[PATH_MAX], target[PATH_MAX];
	unsigned int domain, bus, slot, function;
	const char *group;
	ssize_t len;

	if (!parse_bdf(bdf, &domain, &bus, &slot, &function)) {
		complain("'%s' is no PCI address like 0000:0d:00.0", bdf);
		vfio_list_devices();
		return VFIO_EXIT_USAGE;
	}
	snprintf(dev->bdf, sizeof(dev->bdf), "%04x:%02x:%02x.%x", domain, bus, slot, function);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", dev->bdf);
	if (access(path, F_OK)) {
		complain("there is no device %s", dev->bdf);
		vfio_list_devices();
		return VFIO_EXIT_USAGE;
	}
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", dev->bdf);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0) {
		complain("%s is in no IOMMU group; turn the IOMMU on (intel_iommu=on)", dev->bdf);
		vfio_list_devices();
		return VFIO_EXIT_USAGE;
	}
	target[len] = '\0';
	group = strrchr(target, '/') + 1;
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	dev->group = open(path, O_RDWR | O_CLOEXEC);
	if (dev->group < 0 && errno == ENOENT) {
		dev->noiommu = true;
		snprintf(path, sizeof(path), "/dev/vfio/noiommu-%s", group);
		dev->group = open(path, O_RDWR | O_CLOEXEC);
	}
	if (dev->group < 0 && errno == ENOENT) {
		complain("%s is not bound to vfio-pci", dev->bdf);
		vfio_list_devices();
		return VFIO_EXIT_USAGE;
	}
	if (dev->group < 0) {
		complain("cannot open %s: %s%s", path, strerror(errno),
			 errno == EBUSY ? "; another process has the group open" : "");
		return 1;
	}
	return 0;
}

static int open_fd(struct vfio_device *dev)
{
	struct vfio_region_info region;

	dev->fd = ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, dev->bdf);
	if (dev->fd < 0) {
		complain("cannot open %s in its group: %s", dev->bdf, strerror(errno));
		return 1;
	}
	region = (struct vfio_region_info){
		.argsz = sizeof(region),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &region)) {
		complain("%s has no configuration region: %s", dev->bdf, strerror(errno));
		return 1;
	}
	dev->config = region.offset;
	dev->config_size = region.size;
	return 0;
}

int vfio_open(struct vfio_device *dev)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(dev->group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		complain("the IOMMU group of %s is not viable; bind all its devices to vfio-pci",
			 dev->bdf);
		return 1;
	}
	dev->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (dev->container < 0) {
		complain("cannot open /dev/vfio/vfio: %s", strerror(errno));
		return 1;
	}
	if (ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &dev->container)) {
		complain("cannot join the group of %s to a container: %s", dev->bdf,
			 strerror(errno));
		return 1;
	}
	if (ioctl(dev->container, VFIO_SET_IOMMU,
		  dev->noiommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU)) {
		complain("cannot set the IOMMU of the container: %s; is vfio_iommu_type1 loaded?",
			 strerror(errno));
		return 1;
	}
	return open_fd(dev);
}

int vfio_reopen(struct vfio_device *dev)
{
	close(dev->fd);
	return open_fd(dev);
}

void vfio_close(struct vfio_device *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	if (dev->group >= 0)
		close(dev->group);
	if (dev->container >= 0)
		close(dev->container);
	dev->fd = -1;
	dev->group = -1;
	dev->container = -1;
}

int vfio_config_read(const struct vfio_device *dev, uint64_t offset, unsigned int width,
		     uint32_t *value)
{
	uint8_t bytes[4] = { 0 };
	unsigned int i;
	ssize_t n;

	*value = 0;
	n = pread(dev->fd, bytes, width, dev->config + offset);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)width)
		return -ENODATA;
	for (i = 0; i < width; i++)
		*value |= (uint32_t)bytes[i] << (8 * i);
	return 0;
}

int vfio_config_write(const struct vfio_device *dev, uint64_t offset, unsigned int width,
		      uint32_t value)
{
	uint8_t bytes[4];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < width; i++)
		bytes[i] = value >> (8 * i);
	n = pwrite(dev->fd, bytes, width, dev->config + offset);
	if (n < 0)
		return -errno;
	return n == (ssize_t)width ? 0 : -ENODATA;
}
