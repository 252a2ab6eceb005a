// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI Express functions whose configuration space is in memory, for tests.
 *
 * Each pair has a PCI segment of its own with a root port and, below it, an
 * endpoint. What they hold, what a write does to each bit and what a reset does
 * comes from user space, by files in debugfs, cxl_mock/N/{port,endpoint}/. All of
 * these are as long as the configuration space and have a mask in them, but for
 * the first two:
 *
 *   initial       what is there when power comes on
 *   image         what is there now; a write of this file is no configuration write
 *   writable      bits that a configuration write replaces
 *   clearable     bits that are cleared by writing 1 (RW1C)
 *   lockable      bits of the two above that don't change while the lock is set
 *   function      bits that a function level reset brings back to "initial"
 *   conventional  bits that a conventional reset brings back to "initial"
 *
 * A bit that is in no mask is read-only; where it reads 0, it behaves like one
 * that initiates something. Further files:
 *
 *   lock          the bit of the image that is the lock, counted from the first; 0
 *                 is none
 *   reads, writes the configuration reads and writes that arrived, in their order;
 *                 writing to the file empties it
 *   reset         write "function", "conventional" or "cold" here to reset
 *   present       0: the function doesn't answer
 *
 * cxl_mock/N/plugged makes the segment and takes it away. By then both images must
 * be there. cxl_mock/N/no_d3cold tells whether a driver keeps the endpoint from
 * D3cold. Resets work as they do in hardware: a function level reset by the PCI
 * Express capability, a conventional one by Bridge Control of the port, which a CXL
 * port DVSEC may mask.
 */

#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define MOCK_PAIRS	 2
#define MOCK_LOG_ENTRIES 32768

static unsigned int segment = 0x1000;
module_param(segment, uint, 0444);
MODULE_PARM_DESC(segment, "PCI segment of the first pair (default: 0x1000)");

enum mock_part_kind {
	MOCK_INITIAL,
	MOCK_IMAGE,
	MOCK_WRITABLE,
	MOCK_CLEARABLE,
	MOCK_LOCKABLE,
	MOCK_FUNCTION,
	MOCK_CONVENTIONAL,
	MOCK_NR_PARTS,
};

static const char *const mock_part_names[MOCK_NR_PARTS] = {
	"initial", "image", "writable", "clearable", "lockable", "function", "conventional",
};

struct mock_function;

struct mock_part {
	struct mock_function *fn;
	u8 bytes[PCI_CFG_SPACE_EXP_SIZE];
};

struct mock_access {
	u16 where;
	u8 size;
	u32 value;
};

/* The one of reads or of writes */
struct mock_log {
	struct mock_function *fn;
	struct mock_access *accesses;
	unsigned int nr;
	unsigned int lost;
};

/*
 * The lock is a raw one, as the PCI core calls with one held. It protects all that
 * follows it, but for @lock_bit and @present.
 */
struct mock_function {
	raw_spinlock_t lock;
	struct mock_part parts[MOCK_NR_PARTS];
	struct mock_log reads;
	struct mock_log writes;
	u32 lock_bit;
	bool present;
};

struct mock_pair {
	struct pci_sysdata sysdata;
	struct mutex plug_lock; /* for bus */
	struct pci_bus *bus;
	struct mock_function port;
	struct mock_function endpoint;
};

static struct mock_pair *mock_pairs;
static struct dentry *mock_dir;

static void mock_log(struct mock_log *log, int where, int size, u32 value)
{
	if (log->nr == MOCK_LOG_ENTRIES) {
		log->lost++;
		return;
	}
	log->accesses[log->nr++] = (struct mock_access){ where, size, value };
}

static u32 mock_get(const u8 *bytes, int where, int size)
{
	u32 value = 0;

	while (size--)
		value = value << 8 | bytes[where + size];
	return value;
}

/* Position of a capability, 0 if there is none */
static int mock_find_capability(const u8 *image, u8 id)
{
	int pos = image[PCI_CAPABILITY_LIST] & ~3, tries;

	for (tries = 0; pos >= PCI_STD_HEADER_SIZEOF && tries < 48; tries++) {
		if (image[pos] == id)
			return pos;
		pos = image[pos + PCI_CAP_LIST_NEXT] & ~3;
	}
	return 0;
}

/* Does the CXL port DVSEC of a port keep it from resetting what is below? */
static bool mock_reset_masked(const u8 *image)
{
	int pos = PCI_CFG_SPACE_SIZE, tries;
	u32 header;

	for (tries = 0; tries < 960; tries++) {
		if (pos < PCI_CFG_SPACE_SIZE || pos + 16 > PCI_CFG_SPACE_EXP_SIZE)
			break;
		header = mock_get(image, pos, 4);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DVSEC &&
		    mock_get(image, pos + PCI_DVSEC_HEADER1, 2) == PCI_VENDOR_ID_CXL &&
		    mock_get(image, pos + PCI_DVSEC_HEADER2, 2) == PCI_DVSEC_CXL_PORT)
			return !(mock_get(image, pos + PCI_DVSEC_CXL_PORT_CTL, 2) &
				 PCI_DVSEC_CXL_PORT_CTL_UNMASK_SBR);
		pos = PCI_EXT_CAP_NEXT(header);
	}
	return false;
}

static void mock_reset(struct mock_function *fn, const struct mock_part *mask)
{
	u8 *image = fn->parts[MOCK_IMAGE].bytes;
	const u8 *initial = fn->parts[MOCK_INITIAL].bytes;
	int i;

	for (i = 0; i < PCI_CFG_SPACE_EXP_SIZE; i++) {
		u8 bits = mask ? mask->bytes[i] : 0xff;

		image[i] = (image[i] & ~bits) | (initial[i] & bits);
	}
}

static void mock_write_bytes(struct mock_function *fn, int where, int size, u32 value)
{
	u8 *image = fn->parts[MOCK_IMAGE].bytes;
	u32 bit = READ_ONCE(fn->lock_bit);
	u8 locked = bit && (image[bit / 8] & BIT(bit % 8)) ? 0xff : 0;
	int i;

	for (i = where; i < where + size; i++, value >>= 8) {
		u8 open = ~(fn->parts[MOCK_LOCKABLE].bytes[i] & locked);
		u8 writable = fn->parts[MOCK_WRITABLE].bytes[i] & open;
		u8 clearable = fn->parts[MOCK_CLEARABLE].bytes[i] & open;

		image[i] = ((image[i] & ~writable) | (value & writable)) & ~(value & clearable);
	}
}

/* Is the bit @bit of the register at @reg written as 1? */
static bool mock_sets(int reg, u32 bit, int where, int size, u32 value)
{
	int byte = reg + __ffs(bit) / 8;

	return where <= byte && byte < where + size &&
	       ((value >> ((byte - where) * 8)) & BIT(__ffs(bit) % 8));
}

static struct mock_function *mock_of(struct pci_bus *bus, unsigned int devfn)
{
	struct mock_pair *pair = container_of(bus->sysdata, struct mock_pair, sysdata);

	if (devfn)
		return NULL;
	return pci_is_root_bus(bus) ? &pair->port : &pair->endpoint;
}

static int mock_config_read(struct pci_bus *bus, unsigned int devfn, int where, int size,
			    u32 *value)
{
	struct mock_function *fn = mock_of(bus, devfn);
	unsigned long flags;

	*value = ~0U;
	if (where < 0 || where + size > PCI_CFG_SPACE_EXP_SIZE)
		return -EINVAL;
	if (!fn)
		return PCIBIOS_SUCCESSFUL;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (READ_ONCE(fn->present)) {
		*value = mock_get(fn->parts[MOCK_IMAGE].bytes, where, size);
		mock_log(&fn->reads, where, size, *value);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return PCIBIOS_SUCCESSFUL;
}

/* Takes the effect of a write; true if it starts a reset of what is below the port */
static bool mock_take_write(struct mock_function *fn, bool is_port, int where, int size, u32 value)
{
	u8 *image = fn->parts[MOCK_IMAGE].bytes;
	int exp = mock_find_capability(image, PCI_CAP_ID_EXP);
	bool reset_below;

	if (exp && (mock_get(image, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR) &&
	    mock_sets(exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, where, size, value)) {
		mock_reset(fn, &fn->parts[MOCK_FUNCTION]);
		return false;
	}
	reset_below = is_port && !(image[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET) &&
		      mock_sets(PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET, where, size, value) &&
		      !mock_reset_masked(image);
	mock_write_bytes(fn, where, size, value);
	return reset_below;
}

static int mock_config_write(struct pci_bus *bus, unsigned int devfn, int where, int size,
			     u32 value)
{
	struct mock_pair *pair = container_of(bus->sysdata, struct mock_pair, sysdata);
	struct mock_function *fn = mock_of(bus, devfn);
	bool reset_below = false;
	unsigned long flags;

	if (where < 0 || where + size > PCI_CFG_SPACE_EXP_SIZE)
		return -EINVAL;
	if (!fn)
		return PCIBIOS_SUCCESSFUL;

	raw_spin_lock_irqsave(&fn->lock, flags);
	if (READ_ONCE(fn->present)) {
		mock_log(&fn->writes, where, size, value);
		reset_below = mock_take_write(fn, fn == &pair->port, where, size, value);
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	if (reset_below) {
		fn = &pair->endpoint;
		raw_spin_lock_irqsave(&fn->lock, flags);
		mock_reset(fn, &fn->parts[MOCK_CONVENTIONAL]);
		raw_spin_unlock_irqrestore(&fn->lock, flags);
	}
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops mock_ops = {
	.read = mock_config_read,
	.write = mock_config_write,
};

/* ---- files ---- */

static ssize_t mock_part_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct mock_part *part = file->private_data;
	unsigned long flags;
	ssize_t ret;
	u8 *copy;

	copy = kmalloc(sizeof(part->bytes), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	raw_spin_lock_irqsave(&part->fn->lock, flags);
	memcpy(copy, part->bytes, sizeof(part->bytes));
	raw_spin_unlock_irqrestore(&part->fn->lock, flags);
	ret = simple_read_from_buffer(buf, count, pos, copy, sizeof(part->bytes));
	kfree(copy);
	return ret;
}

static ssize_t mock_part_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct mock_part *part = file->private_data;
	unsigned long flags;
	u8 *copy;

	if (*pos < 0 || *pos >= sizeof(part->bytes))
		return -ENOSPC;
	count = min_t(size_t, count, sizeof(part->bytes) - *pos);
	copy = memdup_user(buf, count);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	raw_spin_lock_irqsave(&part->fn->lock, flags);
	memcpy(part->bytes + *pos, copy, count);
	raw_spin_unlock_irqrestore(&part->fn->lock, flags);
	kfree(copy);
	*pos += count;
	return count;
}

static const struct file_operations mock_part_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = mock_part_read,
	.write = mock_part_write,
	.llseek = default_llseek,
};

static void *mock_log_start(struct seq_file *m, loff_t *pos)
{
	struct mock_log *log = m->private;

	/* A line more, at the end, for those that were lost */
	return *pos <= READ_ONCE(log->nr) ? pos : NULL;
}

static void *mock_log_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return mock_log_start(m, pos);
}

static void mock_log_stop(struct seq_file *m, void *v)
{
}

static int mock_log_show(struct seq_file *m, void *v)
{
	struct mock_log *log = m->private;
	unsigned int i = *(loff_t *)v, lost = 0;
	struct mock_access access = {};
	unsigned long flags;

	raw_spin_lock_irqsave(&log->fn->lock, flags);
	if (i < log->nr)
		access = log->accesses[i];
	else
		lost = log->lost;
	raw_spin_unlock_irqrestore(&log->fn->lock, flags);
	if (access.size)
		seq_printf(m, "@0x%x.%c <- 0x%x\n", access.where, "?bw?l"[access.size],
			   access.value);
	if (lost)
		seq_printf(m, "%u more\n", lost);
	return 0;
}

static const struct seq_operations mock_log_ops = {
	.start = mock_log_start,
	.next = mock_log_next,
	.stop = mock_log_stop,
	.show = mock_log_show,
};

static int mock_log_open(struct inode *inode, struct file *file)
{
	int ret = seq_open(file, &mock_log_ops);

	if (!ret)
		((struct seq_file *)file->private_data)->private = inode->i_private;
	return ret;
}

static ssize_t mock_log_clear(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct mock_log *log = ((struct seq_file *)file->private_data)->private;
	unsigned long flags;

	raw_spin_lock_irqsave(&log->fn->lock, flags);
	log->nr = 0;
	log->lost = 0;
	raw_spin_unlock_irqrestore(&log->fn->lock, flags);
	return count;
}

static const struct file_operations mock_log_fops = {
	.owner = THIS_MODULE,
	.open = mock_log_open,
	.read = seq_read,
	.write = mock_log_clear,
	.llseek = seq_lseek,
	.release = seq_release,
};

static ssize_t mock_reset_write(struct file *file, const char __user *buf, size_t count,
				loff_t *pos)
{
	struct mock_function *fn = file->private_data;
	const struct mock_part *mask;
	unsigned long flags;
	char word[16] = "";

	if (count >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, buf, count))
		return -EFAULT;
	if (sysfs_streq(word, "function"))
		mask = &fn->parts[MOCK_FUNCTION];
	else if (sysfs_streq(word, "conventional"))
		mask = &fn->parts[MOCK_CONVENTIONAL];
	else if (sysfs_streq(word, "cold"))
		mask = NULL;
	else
		return -EINVAL;

	raw_spin_lock_irqsave(&fn->lock, flags);
	mock_reset(fn, mask);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return count;
}

static const struct file_operations mock_reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = mock_reset_write,
	.llseek = noop_llseek,
};

static int mock_lock_set(void *data, u64 value)
{
	struct mock_function *fn = data;

	if (value >= PCI_CFG_SPACE_EXP_SIZE * 8)
		return -EINVAL;
	WRITE_ONCE(fn->lock_bit, value);
	return 0;
}

static int mock_lock_get(void *data, u64 *value)
{
	struct mock_function *fn = data;

	*value = READ_ONCE(fn->lock_bit);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(mock_lock_fops, mock_lock_get, mock_lock_set, "%llu\n");

static int mock_present_set(void *data, u64 value)
{
	struct mock_function *fn = data;

	WRITE_ONCE(fn->present, value);
	return 0;
}

static int mock_present_get(void *data, u64 *value)
{
	struct mock_function *fn = data;

	*value = READ_ONCE(fn->present);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(mock_present_fops, mock_present_get, mock_present_set, "%llu\n");

static int mock_plug(struct mock_pair *pair)
{
	LIST_HEAD(resources);
	int i = pair - mock_pairs;

	pair->sysdata = (struct pci_sysdata){
		.domain = segment + i,
		.node = NUMA_NO_NODE,
	};
	pci_lock_rescan_remove();
	pair->bus = pci_scan_root_bus(NULL, 0, &mock_ops, &pair->sysdata, &resources);
	if (pair->bus)
		pci_bus_add_devices(pair->bus);
	pci_unlock_rescan_remove();
	return pair->bus ? 0 : -ENODEV;
}

static void mock_unplug(struct mock_pair *pair)
{
	pci_lock_rescan_remove();
	pci_stop_root_bus(pair->bus);
	pci_remove_root_bus(pair->bus);
	pci_unlock_rescan_remove();
	pair->bus = NULL;
}

static int mock_plugged_set(void *data, u64 value)
{
	struct mock_pair *pair = data;
	int ret = 0;

	mutex_lock(&pair->plug_lock);
	if (value && !pair->bus)
		ret = mock_plug(pair);
	else if (!value && pair->bus)
		mock_unplug(pair);
	mutex_unlock(&pair->plug_lock);
	return ret;
}

static int mock_plugged_get(void *data, u64 *value)
{
	struct mock_pair *pair = data;

	*value = !!READ_ONCE(pair->bus);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(mock_plugged_fops, mock_plugged_get, mock_plugged_set, "%llu\n");

static int mock_no_d3cold_get(void *data, u64 *value)
{
	struct mock_pair *pair = data;
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(pair->sysdata.domain, 1, 0);
	if (!pdev)
		return -ENODEV;
	*value = pdev->no_d3cold;
	pci_dev_put(pdev);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(mock_no_d3cold_fops, mock_no_d3cold_get, NULL, "%llu\n");

/* ---- set-up ---- */

static int mock_function_init(struct mock_function *fn, const char *name, struct dentry *above)
{
	struct dentry *dir;
	int i;

	raw_spin_lock_init(&fn->lock);
	fn->present = true;
	fn->reads.fn = fn;
	fn->writes.fn = fn;
	fn->reads.accesses = kvcalloc(MOCK_LOG_ENTRIES, sizeof(*fn->reads.accesses), GFP_KERNEL);
	fn->writes.accesses = kvcalloc(MOCK_LOG_ENTRIES, sizeof(*fn->writes.accesses), GFP_KERNEL);
	if (!fn->reads.accesses || !fn->writes.accesses)
		return -ENOMEM;

	dir = debugfs_create_dir(name, above);
	for (i = 0; i < MOCK_NR_PARTS; i++) {
		fn->parts[i].fn = fn;
		debugfs_create_file_size(mock_part_names[i], 0600, dir, &fn->parts[i],
					 &mock_part_fops, sizeof(fn->parts[i].bytes));
	}
	debugfs_create_file("reads", 0600, dir, &fn->reads, &mock_log_fops);
	debugfs_create_file("writes", 0600, dir, &fn->writes, &mock_log_fops);
	debugfs_create_file("reset", 0200, dir, fn, &mock_reset_fops);
	debugfs_create_file("lock", 0600, dir, fn, &mock_lock_fops);
	debugfs_create_file("present", 0600, dir, fn, &mock_present_fops);
	return 0;
}

static void mock_cleanup(void)
{
	int i;

	/* By then no file can plug a pair any more */
	debugfs_remove(mock_dir);
	for (i = 0; i < MOCK_PAIRS; i++) {
		struct mock_pair *pair = &mock_pairs[i];

		if (pair->bus)
			mock_unplug(pair);
		kvfree(pair->port.reads.accesses);
		kvfree(pair->port.writes.accesses);
		kvfree(pair->endpoint.reads.accesses);
		kvfree(pair->endpoint.writes.accesses);
	}
	kvfree(mock_pairs);
}

static int __init mock_init(void)
{
	struct dentry *dir;
	char name[8];
	int i, ret;

	/* The IOMMU drivers take no segment beyond */
	if (segment > U16_MAX - MOCK_PAIRS)
		return -EINVAL;
	mock_pairs = kvcalloc(MOCK_PAIRS, sizeof(*mock_pairs), GFP_KERNEL);
	if (!mock_pairs)
		return -ENOMEM;

	mock_dir = debugfs_create_dir("cxl_mock", NULL);
	for (i = 0; i < MOCK_PAIRS; i++) {
		struct mock_pair *pair = &mock_pairs[i];

		mutex_init(&pair->plug_lock);
		snprintf(name, sizeof(name), "%d", i);
		dir = debugfs_create_dir(name, mock_dir);
		ret = mock_function_init(&pair->port, "port", dir);
		if (!ret)
			ret = mock_function_init(&pair->endpoint, "endpoint", dir);
		if (ret) {
			mock_cleanup();
			return ret;
		}
		debugfs_create_file("plugged", 0600, dir, pair, &mock_plugged_fops);
		debugfs_create_file("no_d3cold", 0400, dir, pair, &mock_no_d3cold_fops);
	}
	return 0;
}
module_init(mock_init);

static void __exit mock_exit(void)
{
	mock_cleanup();
}
module_exit(mock_exit);

MODULE_DESCRIPTION("PCI Express functions with configuration space in memory, for tests");
MODULE_LICENSE("GPL");
