// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "compare.h"

bool compare_enforces(const struct policy_image *image, uint16_t vendor, uint16_t id)
{
	return policy_claims(image->claims, image->nr_claims, vendor, id);
}

struct walk {
	const struct compare_policy *a;
	const struct compare_policy *b;
	void (*fn)(const struct compare_field *field, void *arg);
	void *arg;
	unsigned int found;
	struct describe_dvsec at_a;
	struct describe_dvsec at_b;
	unsigned int nr_done;
	struct vfio_pci_dvsec_id done[2 * (CXL_POLICY_MAX_DVSECS + VFIO_PCI_DVSEC_MAX_CLAIMS) + 1];
};

/* Bytes of a dword that a write can reach in the hardware */
static uint32_t reached(const struct describe *bits)
{
	uint32_t bytes = 0;
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (bits[i].flags & (DESCRIBE_FORWARD | DESCRIBE_CLEAR | DESCRIBE_WBI))
			bytes |= 0xffU << i / 8 * 8;
	return bytes;
}

static void compare_dword(struct walk *walk, unsigned int rule)
{
	const uint32_t refuse = DESCRIBE_REFUSE_0 | DESCRIBE_REFUSE_1;
	const struct describe_dvsec *dvsec = &walk->at_a;
	unsigned int first, last, bit;
	struct describe a[32], b[32];
	struct compare_field field;
	struct describe_field next;
	uint32_t differ = 0, apart;

	for (bit = 0; bit < 32; bit++) {
		describe_bit(&walk->at_a, rule, bit, &a[bit]);
		describe_bit(&walk->at_b, rule, bit, &b[bit]);
	}
	/* That only one reaches them at all is told of the bits by which it does */
	apart = reached(a) ^ reached(b);
	for (bit = 0; bit < 32; bit++) {
		if (apart >> bit & 1) {
			a[bit].flags &= ~DESCRIBE_KEPT;
			b[bit].flags &= ~DESCRIBE_KEPT;
		}
		if (!describe_same(&a[bit], &b[bit]))
			differ |= 1U << bit;
	}
	for (first = 0; differ && first < 32; first = last + 1) {
		if (!describe_find_field(walk->a->source, dvsec->vendor, dvsec->id, rule, first,
					 &field.a))
			describe_find_field(walk->b->source, dvsec->vendor, dvsec->id, rule, first,
					    &field.a);
		for (last = first; last < 31; last++) {
			if (!(field.a.mask >> (last + 1) & 1) ||
			    !describe_alike(&a[first], &a[last + 1]) ||
			    !describe_alike(&b[first], &b[last + 1]))
				break;
			if (!field.a.name &&
			    (describe_find_field(walk->a->source, dvsec->vendor, dvsec->id, rule,
						 last + 1, &next) ||
			     describe_find_field(walk->b->source, dvsec->vendor, dvsec->id, rule,
						 last + 1, &next)))
				break;
		}
		if (!(differ & CXL_DVSEC_BITS(last, first)))
			continue;
		walk->found++;
		if (!walk->fn)
			continue;
		field.vendor = dvsec->vendor;
		field.id = dvsec->id;
		describe_cut(&field.a, first, last);
		field.b = field.a;
		field.a.is = a[first];
		field.b.is = b[first];
		for (bit = first; bit <= last; bit++) {
			if (a[bit].flags & DESCRIBE_VALUE)
				field.a.value |= 1U << (bit - first);
			if (b[bit].flags & DESCRIBE_VALUE)
				field.b.value |= 1U << (bit - first);
			field.a.is.flags |= a[bit].flags & refuse;
			field.b.is.flags |= b[bit].flags & refuse;
		}
		walk->fn(&field, walk->arg);
	}
}

static void compare_dvsec(struct walk *walk, uint16_t vendor, uint16_t id)
{
	const struct policy_image *a = walk->a->image, *b = walk->b->image;
	unsigned int i;

	for (i = 0; i < walk->nr_done; i++)
		if (walk->done[i].vendor == vendor && walk->done[i].id == id)
			return;
	walk->done[walk->nr_done].vendor = vendor;
	walk->done[walk->nr_done++].id = id;
	describe_start(&walk->at_a, &a->table, vendor, id, compare_enforces(a, vendor, id));
	describe_start(&walk->at_b, &b->table, vendor, id, compare_enforces(b, vendor, id));
	for (i = 0; i < walk->at_a.nr || i < walk->at_b.nr; i++)
		compare_dword(walk, i);
}

static void compare_dvsecs_of(struct walk *walk, const struct policy_image *image)
{
	unsigned int i;

	for (i = 0; i < image->table.nr_dvsecs && i < CXL_POLICY_MAX_DVSECS; i++)
		compare_dvsec(walk, image->table.dvsecs[i].vendor, image->table.dvsecs[i].id);
	for (i = 0; i < image->nr_claims && i < VFIO_PCI_DVSEC_MAX_CLAIMS; i++)
		compare_dvsec(walk, image->claims[i].vendor, image->claims[i].id);
}

unsigned int compare_fields(const struct compare_policy *a, const struct compare_policy *b,
			    void (*fn)(const struct compare_field *field, void *arg), void *arg)
{
	struct walk walk = { .a = a, .b = b, .fn = fn, .arg = arg };

	compare_dvsec(&walk, CXL_DVSEC_VENDOR_ID, CXL_DVSEC_ID_DEVICE);
	compare_dvsecs_of(&walk, a->image);
	compare_dvsecs_of(&walk, b->image);
	return walk.found;
}

unsigned int compare_flags(const struct policy_image *a, const struct policy_image *b,
			   struct compare_flag flags[COMPARE_NR_FLAGS])
{
	unsigned int i, differ = 0;

	flags[0] = (struct compare_flag){
		.name = "raw",
		.text = "what no rule covers goes to the hardware",
		.a = a->table.flags & CXL_POLICY_RAW,
		.b = b->table.flags & CXL_POLICY_RAW,
	};
	flags[1] = (struct compare_flag){
		.name = "record",
		.text = "every write is recorded",
		.a = a->table.flags & CXL_POLICY_RECORD,
		.b = b->table.flags & CXL_POLICY_RECORD,
	};
	for (i = 0; i < COMPARE_NR_FLAGS; i++)
		differ += flags[i].a != flags[i].b;
	return differ;
}

static unsigned int
claims_of_one(const struct policy_image *one, const struct policy_image *other, bool by_a,
	      void (*fn)(const struct vfio_pci_dvsec_id *claim, bool by_a, void *arg), void *arg)
{
	unsigned int i, found = 0;

	for (i = 0; i < one->nr_claims && i < VFIO_PCI_DVSEC_MAX_CLAIMS; i++) {
		if (policy_claims(other->claims, other->nr_claims, one->claims[i].vendor,
				  one->claims[i].id))
			continue;
		found++;
		if (fn)
			fn(&one->claims[i], by_a, arg);
	}
	return found;
}

unsigned int compare_claims(const struct policy_image *a, const struct policy_image *b,
			    void (*fn)(const struct vfio_pci_dvsec_id *claim, bool by_a, void *arg),
			    void *arg)
{
	return claims_of_one(a, b, true, fn, arg) + claims_of_one(b, a, false, fn, arg);
}
