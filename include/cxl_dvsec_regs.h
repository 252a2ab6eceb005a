/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCIe DVSEC for CXL Devices: registers, fields and their attributes.
 *
 * CXL Specification 3.x, 8.1.3. This table is the only place that knows a
 * register: the masks below, the parser of policies, the printer, the tests and
 * the documents are made from it. Offsets count from the start of the DVSEC.
 */
#ifndef CXL_DVSEC_REGS_H
#define CXL_DVSEC_REGS_H

#define CXL_DVSEC_VENDOR_ID 0x1e98

#define CXL_DVSEC_ID_DEVICE	      0
#define CXL_DVSEC_ID_FUNCTION_MAP     2
#define CXL_DVSEC_ID_PORT	      3
#define CXL_DVSEC_ID_PORT_GPF	      4
#define CXL_DVSEC_ID_DEVICE_GPF	      5
#define CXL_DVSEC_ID_FLEXBUS_PORT     7
#define CXL_DVSEC_ID_REGISTER_LOCATOR 8
#define CXL_DVSEC_ID_MLD	      9
#define CXL_DVSEC_ID_TEST	      10

/* PCI Express Base Specification 6.0, 7.9.6 */
#define DVSEC_HEADER1_OFFSET 0x04
#define DVSEC_HEADER2_OFFSET 0x08

#define CXL_DVSEC_LENGTH_REV1 0x38
#define CXL_DVSEC_LENGTH      0x3c

#define CXL_DVSEC_BITS(hi, lo) ((0xffffffffU >> (31 - (hi) + (lo))) << (lo))

/* clang-format off */

/*
 * Registers: R(name, NAME, offset, size in bytes)
 */
#define CXL_DVSEC_REGISTERS(R)						\
	R(header1,		HEADER1,		0x04, 4)	\
	R(header2,		HEADER2,		0x08, 2)	\
	R(capability,		CAPABILITY,		0x0a, 2)	\
	R(control,		CONTROL,		0x0c, 2)	\
	R(status,		STATUS,			0x0e, 2)	\
	R(control2,		CONTROL2,		0x10, 2)	\
	R(status2,		STATUS2,		0x12, 2)	\
	R(lock,			LOCK,			0x14, 2)	\
	R(capability2,		CAPABILITY2,		0x16, 2)	\
	R(range1_size_high,	RANGE1_SIZE_HIGH,	0x18, 4)	\
	R(range1_size_low,	RANGE1_SIZE_LOW,	0x1c, 4)	\
	R(range1_base_high,	RANGE1_BASE_HIGH,	0x20, 4)	\
	R(range1_base_low,	RANGE1_BASE_LOW,	0x24, 4)	\
	R(range2_size_high,	RANGE2_SIZE_HIGH,	0x28, 4)	\
	R(range2_size_low,	RANGE2_SIZE_LOW,	0x2c, 4)	\
	R(range2_base_high,	RANGE2_BASE_HIGH,	0x30, 4)	\
	R(range2_base_low,	RANGE2_BASE_LOW,	0x34, 4)	\
	R(capability3,		CAPABILITY3,		0x38, 2)

/*
 * Fields: F(register, REGISTER, field, FIELD, hi, lo, attribute)
 * RSVDP and RSVDZ fields are named after their bits.
 */
#define CXL_DVSEC_FIELDS(F)							\
	F(header1, HEADER1, vendor_id, VENDOR_ID, 15, 0, RO)			\
	F(header1, HEADER1, revision, REVISION, 19, 16, RO)			\
	F(header1, HEADER1, length, LENGTH, 31, 20, RO)				\
	F(header2, HEADER2, id, ID, 15, 0, RO)					\
	/* CAPABILITY */							\
	F(capability, CAPABILITY, cache_capable, CACHE_CAPABLE, 0, 0, RO)	\
	F(capability, CAPABILITY, io_capable, IO_CAPABLE, 1, 1, RO)		\
	F(capability, CAPABILITY, mem_capable, MEM_CAPABLE, 2, 2, RO)		\
	F(capability, CAPABILITY, mem_hwinit_mode, MEM_HWINIT_MODE, 3, 3, RO)	\
	F(capability, CAPABILITY, hdm_count, HDM_COUNT, 5, 4, RO)		\
	F(capability, CAPABILITY, cache_wbi_capable, CACHE_WBI_CAPABLE, 6, 6, RO) \
	F(capability, CAPABILITY, cxl_reset_capable, CXL_RESET_CAPABLE, 7, 7, RO) \
	F(capability, CAPABILITY, cxl_reset_timeout, CXL_RESET_TIMEOUT, 10, 8, RO) \
	F(capability, CAPABILITY, cxl_reset_mem_clr_capable,			\
	  CXL_RESET_MEM_CLR_CAPABLE, 11, 11, HWINIT)				\
	F(capability, CAPABILITY, tsp_capable, TSP_CAPABLE, 12, 12, HWINIT)	\
	F(capability, CAPABILITY, multiple_logical_device,			\
	  MULTIPLE_LOGICAL_DEVICE, 13, 13, HWINIT)				\
	F(capability, CAPABILITY, viral_capable, VIRAL_CAPABLE, 14, 14, RO)	\
	F(capability, CAPABILITY, pm_init_completion_reporting_capable,		\
	  PM_INIT_COMPLETION_REPORTING_CAPABLE, 15, 15, HWINIT)			\
	/* CONTROL */								\
	F(control, CONTROL, cache_enable, CACHE_ENABLE, 0, 0, RWL)		\
	F(control, CONTROL, io_enable, IO_ENABLE, 1, 1, RO)			\
	F(control, CONTROL, mem_enable, MEM_ENABLE, 2, 2, RWL)			\
	F(control, CONTROL, cache_sf_coverage, CACHE_SF_COVERAGE, 7, 3, RWL)	\
	F(control, CONTROL, cache_sf_granularity, CACHE_SF_GRANULARITY, 10, 8, RWL) \
	F(control, CONTROL, cache_clean_eviction, CACHE_CLEAN_EVICTION, 11, 11, RWL) \
	F(control, CONTROL, direct_p2p_mem_enable, DIRECT_P2P_MEM_ENABLE, 12, 12, RWL) \
	F(control, CONTROL, rsvd_13, RSVD_13, 13, 13, RSVDP)			\
	F(control, CONTROL, viral_enable, VIRAL_ENABLE, 14, 14, RWL)		\
	F(control, CONTROL, rsvd_15, RSVD_15, 15, 15, RSVDP)			\
	/* STATUS */								\
	F(status, STATUS, rsvd_13_0, RSVD_13_0, 13, 0, RSVDZ)			\
	F(status, STATUS, viral_status, VIRAL_STATUS, 14, 14, RW1CS)		\
	F(status, STATUS, rsvd_15, RSVD_15, 15, 15, RSVDZ)			\
	/* CONTROL2 */								\
	F(control2, CONTROL2, disable_caching, DISABLE_CACHING, 0, 0, RW)	\
	F(control2, CONTROL2, initiate_cache_wbi, INITIATE_CACHE_WBI, 1, 1, RW)	\
	F(control2, CONTROL2, initiate_cxl_reset, INITIATE_CXL_RESET, 2, 2, RW)	\
	F(control2, CONTROL2, cxl_reset_mem_clr_enable,				\
	  CXL_RESET_MEM_CLR_ENABLE, 3, 3, RW)					\
	F(control2, CONTROL2, desired_volatile_hdm_state_after_hot_reset,	\
	  DESIRED_VOLATILE_HDM_STATE_AFTER_HOT_RESET, 4, 4, RWS)		\
	F(control2, CONTROL2, modified_completion_enable,			\
	  MODIFIED_COMPLETION_ENABLE, 5, 5, RW)					\
	F(control2, CONTROL2, rsvd_15_6, RSVD_15_6, 15, 6, RSVDP)		\
	/* STATUS2 */								\
	F(status2, STATUS2, cache_invalid, CACHE_INVALID, 0, 0, RO)		\
	F(status2, STATUS2, cxl_reset_complete, CXL_RESET_COMPLETE, 1, 1, RO)	\
	F(status2, STATUS2, cxl_reset_error, CXL_RESET_ERROR, 2, 2, RO)		\
	F(status2, STATUS2, volatile_hdm_preservation_error,			\
	  VOLATILE_HDM_PRESERVATION_ERROR, 3, 3, RW1CS)				\
	F(status2, STATUS2, rsvd_14_4, RSVD_14_4, 14, 4, RSVDZ)			\
	F(status2, STATUS2, power_management_init_complete,			\
	  POWER_MANAGEMENT_INIT_COMPLETE, 15, 15, RO)				\
	/* LOCK */								\
	F(lock, LOCK, config_lock, CONFIG_LOCK, 0, 0, RWO)			\
	F(lock, LOCK, rsvd_15_1, RSVD_15_1, 15, 1, RSVDP)			\
	/* CAPABILITY2 */							\
	F(capability2, CAPABILITY2, cache_size_unit, CACHE_SIZE_UNIT, 3, 0, RO)	\
	F(capability2, CAPABILITY2, fallback_capability, FALLBACK_CAPABILITY,	\
	  5, 4, HWINIT)								\
	F(capability2, CAPABILITY2, modified_completion_capable,		\
	  MODIFIED_COMPLETION_CAPABLE, 6, 6, HWINIT)				\
	F(capability2, CAPABILITY2, no_clean_writeback, NO_CLEAN_WRITEBACK,	\
	  7, 7, HWINIT)								\
	F(capability2, CAPABILITY2, cache_size, CACHE_SIZE, 15, 8, RO)		\
	/* RANGE 1 */								\
	F(range1_size_high, RANGE1_SIZE_HIGH, memory_size_high, MEMORY_SIZE_HIGH, \
	  31, 0, RO)								\
	CXL_DVSEC_RANGE_SIZE_LOW_FIELDS(F, range1_size_low, RANGE1_SIZE_LOW)	\
	F(range1_base_high, RANGE1_BASE_HIGH, memory_base_high, MEMORY_BASE_HIGH, \
	  31, 0, RWL)								\
	F(range1_base_low, RANGE1_BASE_LOW, rsvd_27_0, RSVD_27_0, 27, 0, RSVDP)	\
	F(range1_base_low, RANGE1_BASE_LOW, memory_base_low, MEMORY_BASE_LOW,	\
	  31, 28, RWL)								\
	/* RANGE 2 */								\
	F(range2_size_high, RANGE2_SIZE_HIGH, memory_size_high, MEMORY_SIZE_HIGH, \
	  31, 0, RO)								\
	CXL_DVSEC_RANGE_SIZE_LOW_FIELDS(F, range2_size_low, RANGE2_SIZE_LOW)	\
	F(range2_base_high, RANGE2_BASE_HIGH, memory_base_high, MEMORY_BASE_HIGH, \
	  31, 0, RWL)								\
	F(range2_base_low, RANGE2_BASE_LOW, rsvd_27_0, RSVD_27_0, 27, 0, RSVDP)	\
	F(range2_base_low, RANGE2_BASE_LOW, memory_base_low, MEMORY_BASE_LOW,	\
	  31, 28, RWL)								\
	/* CAPABILITY3, revision 2 and later */					\
	F(capability3, CAPABILITY3, default_volatile_hdm_state_after_cold_reset, \
	  DEFAULT_VOLATILE_HDM_STATE_AFTER_COLD_RESET, 0, 0, HWINIT)		\
	F(capability3, CAPABILITY3, default_volatile_hdm_state_after_warm_reset, \
	  DEFAULT_VOLATILE_HDM_STATE_AFTER_WARM_RESET, 1, 1, HWINIT)		\
	F(capability3, CAPABILITY3, default_volatile_hdm_state_after_hot_reset,	\
	  DEFAULT_VOLATILE_HDM_STATE_AFTER_HOT_RESET, 2, 2, HWINIT)		\
	F(capability3, CAPABILITY3,						\
	  volatile_hdm_state_after_hot_reset_configurability,			\
	  VOLATILE_HDM_STATE_AFTER_HOT_RESET_CONFIGURABILITY, 3, 3, HWINIT)	\
	F(capability3, CAPABILITY3, direct_p2p_mem_capable,			\
	  DIRECT_P2P_MEM_CAPABLE, 4, 4, HWINIT)					\
	F(capability3, CAPABILITY3, rsvd_15_5, RSVD_15_5, 15, 5, RSVDP)

#define CXL_DVSEC_RANGE_SIZE_LOW_FIELDS(F, reg, REG)				\
	F(reg, REG, memory_info_valid, MEMORY_INFO_VALID, 0, 0, RO)		\
	F(reg, REG, memory_active, MEMORY_ACTIVE, 1, 1, RO)			\
	F(reg, REG, media_type, MEDIA_TYPE, 4, 2, RO)				\
	F(reg, REG, memory_class, MEMORY_CLASS, 7, 5, RO)			\
	F(reg, REG, desired_interleave, DESIRED_INTERLEAVE, 12, 8, RO)		\
	F(reg, REG, memory_active_timeout, MEMORY_ACTIVE_TIMEOUT, 15, 13, HWINIT) \
	F(reg, REG, memory_active_degraded, MEMORY_ACTIVE_DEGRADED, 16, 16, RO)	\
	F(reg, REG, rsvd_27_17, RSVD_27_17, 27, 17, RSVDP)			\
	F(reg, REG, memory_size_low, MEMORY_SIZE_LOW, 31, 28, RO)

/*
 * Fields that exist only where the device says so in a capability field; its
 * attribute otherwise: C(register, field, capability register, field, attribute)
 */
#define CXL_DVSEC_CONDITIONS(C)							\
	C(control, direct_p2p_mem_enable,					\
	  capability3, direct_p2p_mem_capable, RSVDP)				\
	C(control2, initiate_cxl_reset,						\
	  capability, cxl_reset_capable, RO)					\
	C(control2, desired_volatile_hdm_state_after_hot_reset,			\
	  capability3, volatile_hdm_state_after_hot_reset_configurability, RO)	\
	C(control2, modified_completion_enable,					\
	  capability2, modified_completion_capable, RO)				\
	C(status2, volatile_hdm_preservation_error,				\
	  capability3, volatile_hdm_state_after_hot_reset_configurability, RSVDZ)

/* clang-format on */

/**
 * enum cxl_dvsec_attribute - attributes of fields, as the specification has them
 * @CXL_DVSEC_ATTR_RO: read-only
 * @CXL_DVSEC_ATTR_RW: read-write
 * @CXL_DVSEC_ATTR_RWL: read-write until CONFIG_LOCK is set
 * @CXL_DVSEC_ATTR_RWO: write 1 once, cleared by a conventional reset
 * @CXL_DVSEC_ATTR_RWS: read-write, sticky
 * @CXL_DVSEC_ATTR_RW1C: write 1 to clear
 * @CXL_DVSEC_ATTR_RW1CS: write 1 to clear, sticky
 * @CXL_DVSEC_ATTR_RSVDP: reserved, preserve
 * @CXL_DVSEC_ATTR_RSVDZ: reserved, write zero
 * @CXL_DVSEC_ATTR_HWINIT: read-only, set by firmware or hardware
 * @CXL_DVSEC_NR_ATTRS: number of attributes
 */
enum cxl_dvsec_attribute {
	CXL_DVSEC_ATTR_RO,
	CXL_DVSEC_ATTR_RW,
	CXL_DVSEC_ATTR_RWL,
	CXL_DVSEC_ATTR_RWO,
	CXL_DVSEC_ATTR_RWS,
	CXL_DVSEC_ATTR_RW1C,
	CXL_DVSEC_ATTR_RW1CS,
	CXL_DVSEC_ATTR_RSVDP,
	CXL_DVSEC_ATTR_RSVDZ,
	CXL_DVSEC_ATTR_HWINIT,
	CXL_DVSEC_NR_ATTRS,
};

/* CXL_DVSEC_CONTROL_OFFSET, ... */
enum cxl_dvsec_register_offset {
#define CXL_DVSEC_R(name, NAME, offset, size) CXL_DVSEC_##NAME##_OFFSET = offset,
	CXL_DVSEC_REGISTERS(CXL_DVSEC_R)
#undef CXL_DVSEC_R
};

/* Index into tables of registers: CXL_DVSEC_REG_CONTROL, ... */
enum cxl_dvsec_register {
#define CXL_DVSEC_R(name, NAME, offset, size) CXL_DVSEC_REG_##NAME,
	CXL_DVSEC_REGISTERS(CXL_DVSEC_R)
#undef CXL_DVSEC_R
		CXL_DVSEC_NR_REGS,
};

#endif /* CXL_DVSEC_REGS_H */
