// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the benchmark alone: the registers of the PCIe DVSEC for CXL devices, each by
 * a handler written by hand, where vfio-pci has those of other capabilities. They do
 * for the user of a device what the policy cxl-device does, but tell nobody.
 * It is a part of vfio_pci_config.c.
 */

#define CXL_DEVICE_CAPABILITY  0x0a
#define CXL_DEVICE_CONTROL     0x0c
#define CXL_DEVICE_STATUS      0x0e
#define CXL_DEVICE_CONTROL2    0x10
#define CXL_DEVICE_STATUS2     0x12
#define CXL_DEVICE_LOCK	       0x14
#define CXL_DEVICE_RANGE1_BASE 0x20
#define CXL_DEVICE_RANGE2_BASE 0x30
#define CXL_DEVICE_CAPABILITY3 0x38

static __le16 *cxl_shadow(struct vfio_pci_core_device *vdev, int reg)
{
	return (__le16 *)(vdev->vconfig + vdev->cxl_start + reg);
}

static u16 cxl_shadow_get(struct vfio_pci_core_device *vdev, int reg)
{
	return le16_to_cpu(*cxl_shadow(vdev, reg));
}

static void cxl_shadow_set(struct vfio_pci_core_device *vdev, int reg, u16 val, u16 mask)
{
	*cxl_shadow(vdev, reg) = cpu_to_le16((cxl_shadow_get(vdev, reg) & ~mask) | (val & mask));
}

static int cxl_hw_get(struct vfio_pci_core_device *vdev, int reg, u16 *val)
{
	__le32 hw;
	int ret = vfio_user_config_read(vdev->pdev, vdev->cxl_start + reg, &hw, 2);

	*val = le32_to_cpu(hw);
	return ret;
}

static int cxl_read_reg(struct vfio_pci_core_device *vdev, int reg, u16 *val)
{
	int ret;

	switch (reg) {
	case CXL_DEVICE_CONTROL:
	case CXL_DEVICE_CONTROL2:
	case CXL_DEVICE_LOCK:
	case CXL_DEVICE_RANGE1_BASE ... CXL_DEVICE_RANGE1_BASE + 6:
	case CXL_DEVICE_RANGE2_BASE ... CXL_DEVICE_RANGE2_BASE + 6:
		*val = cxl_shadow_get(vdev, reg);
		return 0;
	case CXL_DEVICE_STATUS:
		/* What was acknowledged, until the device has cleared it */
		ret = cxl_hw_get(vdev, reg, val);
		cxl_shadow_set(vdev, reg, 0, ~*val);
		*val &= 0x4000 & ~cxl_shadow_get(vdev, reg);
		return ret;
	case CXL_DEVICE_STATUS2:
		ret = cxl_hw_get(vdev, reg, val);
		*val = (*val & 0x8009) | (cxl_shadow_get(vdev, reg) & 0x6);
		return ret;
	case CXL_DEVICE_CAPABILITY:
		ret = cxl_hw_get(vdev, reg, val);
		*val &= ~0x0f80;
		return ret;
	default:
		return cxl_hw_get(vdev, reg, val);
	}
}

static int cxl_write_control2(struct vfio_pci_core_device *vdev, u16 val, u16 mask)
{
	u16 cap2, cap3 = 0, hw, writable = 0x0009;
	int ret;

	ret = cxl_hw_get(vdev, 0x16, &cap2);
	if (!ret && vdev->cxl_end > vdev->cxl_start + CXL_DEVICE_CAPABILITY3)
		ret = cxl_hw_get(vdev, CXL_DEVICE_CAPABILITY3, &cap3);
	if (!ret)
		ret = cxl_hw_get(vdev, CXL_DEVICE_CONTROL2, &hw);
	if (ret)
		return ret;
	if (cap3 & 0x8)
		writable |= 0x10;
	if (cap2 & 0x40)
		writable |= 0x20;
	cxl_shadow_set(vdev, CXL_DEVICE_CONTROL2, val, writable & mask);
	if (!(mask & 0xff))
		return 0;
	hw = (hw & ~0x7) | (cxl_shadow_get(vdev, CXL_DEVICE_CONTROL2) & 0x1);
	/* A write-back wants Disable_Caching */
	if ((val & 0x2) && (hw & 0x1))
		hw |= 0x2;
	return vfio_user_config_write(vdev->pdev, vdev->cxl_start + CXL_DEVICE_CONTROL2,
				      cpu_to_le32(hw & 0xff), 1);
}

static int cxl_write_reg(struct vfio_pci_core_device *vdev, int reg, u16 val, u16 mask)
{
	bool locked = cxl_shadow_get(vdev, CXL_DEVICE_LOCK) & 1;
	u16 writable = 0x4ffd, cap3 = 0;
	int ret;

	switch (reg) {
	case CXL_DEVICE_CONTROL:
		if (locked)
			return 0;
		if (vdev->cxl_end > vdev->cxl_start + CXL_DEVICE_CAPABILITY3) {
			ret = cxl_hw_get(vdev, CXL_DEVICE_CAPABILITY3, &cap3);
			if (ret)
				return ret;
		}
		if (cap3 & 0x10)
			writable |= 0x1000;
		cxl_shadow_set(vdev, reg, val, mask & writable);
		return 0;
	case CXL_DEVICE_STATUS:
		cxl_shadow_set(vdev, reg, ~0, val & mask & 0x4000);
		return 0;
	case CXL_DEVICE_CONTROL2:
		return cxl_write_control2(vdev, val, mask);
	case CXL_DEVICE_LOCK:
		cxl_shadow_set(vdev, reg, ~0, val & mask & 1);
		return 0;
	case CXL_DEVICE_RANGE1_BASE + 4:
	case CXL_DEVICE_RANGE2_BASE + 4:
		return 0;
	case CXL_DEVICE_RANGE1_BASE ... CXL_DEVICE_RANGE1_BASE + 2:
	case CXL_DEVICE_RANGE2_BASE ... CXL_DEVICE_RANGE2_BASE + 2:
		if (!locked)
			cxl_shadow_set(vdev, reg, val, mask);
		return 0;
	case CXL_DEVICE_RANGE1_BASE + 6:
	case CXL_DEVICE_RANGE2_BASE + 6:
		if (!locked)
			cxl_shadow_set(vdev, reg, val, mask & 0xf000);
		return 0;
	default:
		return 0;
	}
}

static int cxl_config_read(struct vfio_pci_core_device *vdev, int pos, int count,
			   struct perm_bits *perm, int offset, __le32 *val)
{
	int reg = pos - vdev->cxl_start, ret;
	u16 lo, hi = 0;

	if (reg < 4 || pos >= vdev->cxl_end)
		return vfio_direct_config_read(vdev, pos, count, perm, offset, val);

	mutex_lock(&vdev->cxl_lock);
	ret = cxl_read_reg(vdev, reg & ~1, &lo);
	if (!ret && count == 4)
		ret = cxl_read_reg(vdev, reg + 2, &hi);
	mutex_unlock(&vdev->cxl_lock);
	if (ret)
		return ret;
	*val = cpu_to_le32((lo | (u32)hi << 16) >> (reg & 1) * 8);
	return count;
}

static int cxl_config_write(struct vfio_pci_core_device *vdev, int pos, int count,
			    struct perm_bits *perm, int offset, __le32 val)
{
	int reg = pos - vdev->cxl_start, ret;
	u32 value = le32_to_cpu(val);

	if (reg < 4 || pos >= vdev->cxl_end)
		return count;

	mutex_lock(&vdev->cxl_lock);
	if (count == 1)
		ret = cxl_write_reg(vdev, reg & ~1, value << (reg & 1) * 8, 0xff << (reg & 1) * 8);
	else
		ret = cxl_write_reg(vdev, reg, value, 0xffff);
	if (!ret && count == 4)
		ret = cxl_write_reg(vdev, reg + 2, value >> 16, 0xffff);
	mutex_unlock(&vdev->cxl_lock);
	return ret ? ret : count;
}

static void cxl_config_init(struct vfio_pci_core_device *vdev)
{
	u32 header1;

	mutex_init(&vdev->cxl_lock);
	vdev->cxl_start = pci_find_dvsec_capability(vdev->pdev, PCI_VENDOR_ID_CXL, 0);
	vdev->cxl_end = 0;
	if (!vdev->cxl_start ||
	    pci_read_config_dword(vdev->pdev, vdev->cxl_start + PCI_DVSEC_HEADER1, &header1))
		return;
	vdev->cxl_end = vdev->cxl_start + PCI_DVSEC_HEADER1_LEN(header1);
	*cxl_shadow(vdev, CXL_DEVICE_CONTROL) = cpu_to_le16(0x2);
	*cxl_shadow(vdev, CXL_DEVICE_STATUS) = 0;
	*cxl_shadow(vdev, CXL_DEVICE_CONTROL2) = 0;
	*cxl_shadow(vdev, CXL_DEVICE_STATUS2) = 0;
	*cxl_shadow(vdev, CXL_DEVICE_LOCK) = 0;
	memset(cxl_shadow(vdev, CXL_DEVICE_RANGE1_BASE), 0, 8);
	memset(cxl_shadow(vdev, CXL_DEVICE_RANGE2_BASE), 0, 8);
}
