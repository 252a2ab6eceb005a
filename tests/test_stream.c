// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of calls, as the kernel makes them to the policy in force, and what is told
 * of another policy beside it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The loader has another struct of that name */
#define device user_device
#include "device.h"
#undef device

#include "output.h"
#include "stream_file.h"

#define CONTROL	 0x0c
#define STATUS	 0x0e
#define CONTROL2 0x10
#define STATUS2	 0x12
#define LOCK	 0x14
#define BASE	 0x20

/*
 * A device with a user, and the kernel between: calls are decided by the engine with
 * the policy in force, carried out on the hardware, and fed to the stream.
 */
struct sim {
	struct user_device d;
	struct stream *stream;
	FILE *file;
	struct cxl_call call;
	uint64_t open_id;
	bool mute; /* what the hardware gives isn't told */
	char log[4096];
	size_t at;
	unsigned long judged;
};

static void on_access(void *arg, const struct stream_access *access)
{
	struct sim *sim = arg;

	sim->judged++;
	if (sim->file) {
		struct json_object *object = stream_file_access("2026-01-01T00:00:00.000Z", access);

		fprintf(sim->file, "%s\n", json_object_to_json_string(object));
		json_object_put(object);
	}
	if (!access->differs || sim->at > sizeof(sim->log) - 128)
		return;
	sim->at += snprintf(sim->log + sim->at, sizeof(sim->log) - sim->at, "%s %02x.%u:%x:%x ",
			    access->call.op == CXL_CALL_READ ? "rd" : "wr", access->call.offset,
			    access->call.size, access->differs, access->bits);
}

static void on_told(void *arg, const struct cxl_call *call)
{
	struct sim *sim = arg;

	if (sim->file) {
		struct json_object *object = stream_file_told("2026-01-01T00:00:00.000Z", call);

		fprintf(sim->file, "%s\n", json_object_to_json_string(object));
		json_object_put(object);
	}
}

static const struct stream_ops ops = { .access = on_access, .told = on_told };

static struct policy_image image_of(const struct cxl_policy *table)
{
	struct policy_image image = { .table = *table };

	return image;
}

static void sim_call(struct sim *sim, uint32_t op, unsigned int offset, unsigned int size)
{
	memset(&sim->call, 0, sizeof(sim->call));
	sim->call.op = op;
	sim->call.open_id = sim->open_id;
	sim->call.vendor = sim->d.vendor;
	sim->call.id = sim->d.id;
	sim->call.start = START;
	sim->call.length = LENGTH;
	sim->call.covered = LENGTH;
	sim->call.offset = offset;
	sim->call.revision = 3;
	sim->call.size = size;
}

static void sim_feed(struct sim *sim)
{
	if (sim->call.op != CXL_CALL_HARDWARE)
		assert_true(stream_call_valid(&sim->call));
	stream_feed(sim->stream, &sim->call);
}

static void sim_tell(struct sim *sim, uint32_t op, uint32_t kind)
{
	unsigned int offset;

	for (offset = 4; offset < LENGTH; offset += 4) {
		sim_call(sim, op, offset, 4);
		sim->call.value = hw_read(&sim->d, offset, 4);
		sim->call.kind = kind;
		sim_feed(sim);
	}
}

static void sim_open(struct sim *sim)
{
	const struct cxl_policy policy = sim->d.policy;

	memset(&sim->d.shadow, 0, sizeof(sim->d.shadow));
	sim->open_id++;
	take_over(&sim->d, &policy);
	sim_tell(sim, CXL_CALL_OPENED, 0);
}

static void sim_close(struct sim *sim)
{
	sim_call(sim, CXL_CALL_CLOSED, 0, 0);
	sim_feed(sim);
}

static void sim_reset(struct sim *sim, uint32_t kind)
{
	reset(&sim->d, kind);
	sim_tell(sim, CXL_CALL_RESET, kind);
}

static void sim_hardware(struct sim *sim, unsigned int offset, unsigned int size)
{
	if (sim->mute)
		return;
	sim_call(sim, CXL_CALL_HARDWARE, 0, size);
	sim->call.start = START + offset;
	sim->call.value = hw_read(&sim->d, offset, size);
	sim_feed(sim);
}

static void sim_access(struct sim *sim, uint32_t op, unsigned int offset, unsigned int size,
		       uint32_t value)
{
	struct cxl_access access = {
		.start = START, .length = LENGTH, .offset = offset, .size = size, .value = value
	};
	struct user_device *d = &sim->d;
	uint32_t mask = 0;
	unsigned int i;

	for (;;) {
		memset(&d->out, 0, sizeof(d->out));
		d->verdict = op == CXL_CALL_WRITE ? cxl_engine_write(&d->policy, d->dvsec,
								     &d->shadow, &access, &d->out)
						  : cxl_engine_read(&d->policy, d->dvsec,
								    &d->shadow, &access, &d->out);
		sim_call(sim, op, offset, size);
		sim->call.value = value;
		sim->call.again = access.again;
		sim->call.hw = access.hw;
		sim->call.ret = d->verdict;
		sim->call.result = d->out.result;
		sim->call.hw_mask = d->out.hw_mask;
		sim->call.hw_value = d->out.hw_value;
		sim->call.hw_write = d->out.hw_write;
		sim->call.hw_keep = d->out.hw_keep;
		sim->call.hw_undo = d->out.hw_undo;
		sim_feed(sim);
		if (d->verdict != VFIO_PCI_DVSEC_NEED_HW)
			break;
		sim_hardware(sim, offset, size);
		mask = d->out.hw_mask;
		access.again = 1;
		access.hw = hw_read(d, offset, size) & mask;
	}
	if (op == CXL_CALL_READ) {
		if (d->out.hw_mask)
			sim_hardware(sim, offset, size);
		return;
	}
	for (i = 0; i < size; i++) {
		uint8_t write = d->out.hw_write >> (8 * i), keep = d->out.hw_keep >> (8 * i);
		uint8_t val = d->out.hw_value >> (8 * i), clear = 0;

		if (!write)
			continue;
		/* Viral_Status and Volatile_HDM_Preservation_Error are RW1C */
		if (offset + i == STATUS + 1)
			clear = 0x40;
		if (offset + i == STATUS2)
			clear = 0x08;
		val = (val & write) | (d->hw[offset + i] & keep & ~write);
		d->hw[offset + i] = (val & ~clear) | (d->hw[offset + i] & clear & ~val);
	}
	settle(d);
}

static void sim_write(struct sim *sim, unsigned int offset, unsigned int size, uint32_t value)
{
	sim_access(sim, CXL_CALL_WRITE, offset, size, value & mask_of(size));
}

static void sim_read(struct sim *sim, unsigned int offset, unsigned int size)
{
	sim_access(sim, CXL_CALL_READ, offset, size, 0);
}

static void sim_start(struct sim *sim, const struct cxl_policy *in_force,
		      const struct cxl_policy *candidate)
{
	struct policy_image image = image_of(candidate);

	memset(sim, 0, sizeof(*sim));
	start(&sim->d, in_force, LENGTH);
	sim->stream = stream_new(&ops, sim, in_force, &image);
	assert_non_null(sim->stream);
}

static void sim_end(struct sim *sim)
{
	free(sim->stream);
}

/* What differed since the last time, in short */
static const char *told(struct sim *sim)
{
	static char text[sizeof(sim->log)];

	stream_flush(sim->stream);
	assert_int_equal(sim->stream->nr_resyncs, 0);
	memcpy(text, sim->log, sizeof(text));
	sim->log[0] = '\0';
	sim->at = 0;
	return text;
}

static void a_read_only_candidate_under_cxl_device_differs_exactly_where_it_should(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_read(&sim, CONTROL, 2);
	sim_read(&sim, 0x0a, 2);
	sim_read(&sim, 0x1c, 4);
	sim_write(&sim, 0x18, 4, 0xffffffff);
	sim_write(&sim, STATUS2, 2, 0);
	assert_string_equal(told(&sim), "");
	/* IO_Enable is 1 already, bit 13 reserved */
	sim_write(&sim, CONTROL, 2, 0x2006);
	sim_read(&sim, CONTROL, 4);
	sim_read(&sim, CONTROL + 1, 1);
	assert_string_equal(told(&sim), "wr 0c.2:26:4 rd 0c.4:1:4 ");
	sim_write(&sim, BASE, 4, 0x12345678);
	sim_read(&sim, BASE + 2, 1);
	assert_string_equal(told(&sim), "wr 20.4:26:12345678 rd 22.1:1:34 ");
	/* Disable_Caching goes to the hardware, the rest to the shadow */
	sim_write(&sim, CONTROL2, 2, 0x0009);
	sim_read(&sim, CONTROL2, 2);
	sim_write(&sim, LOCK, 2, 1);
	sim_read(&sim, LOCK, 2);
	assert_string_equal(told(&sim), "wr 10.2:3e:9 rd 10.2:1:9 wr 14.2:26:1 rd 14.2:1:1 ");
	assert_int_equal(sim.stream->nr_accesses, 14);
	assert_int_equal(sim.stream->nr_differing, 8);
	sim_end(&sim);
}

static void what_a_lock_freezes_differs_from_a_policy_that_has_none(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &passthrough);
	sim_open(&sim);
	sim_write(&sim, LOCK, 1, 1);
	told(&sim);
	/* Refused by the one for the lock, to the hardware by the other, which shows it */
	sim_write(&sim, CONTROL + 1, 1, 0x42);
	sim_read(&sim, CONTROL + 1, 1);
	assert_string_equal(told(&sim), "wr 0d.1:3e:ff rd 0d.1:1:42 ");
	sim_end(&sim);
}

static void a_lock_is_forgotten_by_both_after_a_conventional_reset(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &cxl_device);
	sim_open(&sim);
	sim_write(&sim, LOCK, 1, 1);
	sim_reset(&sim, FUNCTION);
	sim_write(&sim, CONTROL, 2, 4);
	sim_reset(&sim, CONVENTIONAL);
	sim_write(&sim, CONTROL, 2, 4);
	sim_read(&sim, CONTROL, 2);
	assert_string_equal(told(&sim), "");
	sim_end(&sim);

	/* One that is read-only has nothing to forget */
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_write(&sim, CONTROL, 2, 4);
	sim_reset(&sim, CONVENTIONAL);
	told(&sim);
	sim_read(&sim, CONTROL, 2);
	assert_string_equal(told(&sim), "");
	sim_end(&sim);
}

static void an_acknowledged_viral_status_is_compared_with_a_cleared_one(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &passthrough);
	hw_set(&sim.d, STATUS, 2, 0x4000);
	sim_open(&sim);
	sim_read(&sim, STATUS, 2);
	assert_string_equal(told(&sim), "");
	/* Either hides it, in its own way */
	sim_write(&sim, STATUS, 2, 0x4000);
	assert_string_equal(told(&sim), "wr 0e.2:28:ffff ");
	sim_read(&sim, STATUS, 2);
	sim_end(&sim);

	sim_start(&sim, &cxl_device, &read_only);
	hw_set(&sim.d, STATUS, 2, 0x4000);
	sim_open(&sim);
	sim_write(&sim, STATUS, 2, 0x4000);
	sim_read(&sim, STATUS, 2);
	assert_string_equal(told(&sim), "wr 0e.2:26:4000 rd 0e.2:1:4000 ");
	/* Cleared by the hardware, it is gone for both */
	hw_set(&sim.d, STATUS, 2, 0);
	sim_read(&sim, STATUS, 2);
	assert_string_equal(told(&sim), "");
	sim_end(&sim);
}

static void a_write_back_and_its_drop_are_told_apart(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_write(&sim, CONTROL2, 2, 3);
	assert_string_equal(told(&sim), "wr 10.2:3e:3 ");
	sim_write(&sim, CONTROL2, 2, 0);
	told(&sim);
	sim_write(&sim, CONTROL2, 2, 2);
	told(&sim);
	sim_end(&sim);

	/* Both drop it, both forward it */
	sim_start(&sim, &cxl_device, &cxl_device);
	sim_open(&sim);
	sim_write(&sim, CONTROL2, 2, 2);
	sim_write(&sim, CONTROL2, 2, 3);
	sim_read(&sim, CONTROL2, 4);
	assert_string_equal(told(&sim), "");
	sim_end(&sim);
}

static void an_emulated_reset_differs_from_a_rejected_one_then_and_in_what_it_reset(void **state)
{
	struct cxl_policy emulate = with_reset(CXL_RESET_EMULATE);
	struct cxl_policy reject = with_reset(CXL_RESET_REJECT);
	struct sim sim;

	(void)state;
	sim_start(&sim, &reject, &emulate);
	sim_open(&sim);
	sim_write(&sim, CONTROL, 2, 4);
	sim_write(&sim, BASE, 4, 0x10000000);
	sim_read(&sim, 0x0a, 2);
	assert_string_equal(told(&sim), "");
	/* Another verdict, other refused bits, another event */
	sim_write(&sim, CONTROL2, 2, 4);
	assert_string_equal(told(&sim), "wr 10.2:26:4 ");
	/* Reset_Complete and Reset_Error; CONTROL and the bases are back at their defaults */
	sim_read(&sim, STATUS2, 1);
	sim_read(&sim, CONTROL, 2);
	sim_read(&sim, BASE, 4);
	assert_string_equal(told(&sim), "rd 12.1:1:6 rd 0c.2:1:4 rd 20.4:1:10000000 ");
	sim_end(&sim);
}

static void a_dvsec_that_the_candidate_does_not_claim_goes_raw_to_the_hardware(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &read_only, &read_only);
	sim.d.vendor = 0x8086;
	sim.d.id = 0x17;
	sim_open(&sim);
	sim_read(&sim, CONTROL, 2);
	assert_string_equal(told(&sim), "");
	sim_write(&sim, CONTROL, 2, 0x55aa);
	sim_read(&sim, CONTROL, 2);
	assert_true(strstr(told(&sim), "wr 0c.2:") != NULL);
	assert_int_equal(sim.stream->nr_differing, 2);
	sim_end(&sim);
}

static void a_candidate_takes_the_state_of_an_open_device_over_as_a_swap_does(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_write(&sim, CONTROL, 2, 0x4a56);
	sim_write(&sim, CONTROL2, 2, 0x0008);
	told(&sim);
	/* Whoever looks on from here knows what the shadow holds */
	sim.d.shadow.open_id = sim.open_id;
	stream_seed(sim.stream, &sim.d.shadow, NULL);
	sim_read(&sim, CONTROL, 2);
	sim_read(&sim, CONTROL2, 2);
	sim_read(&sim, BASE, 4);
	assert_string_equal(told(&sim), "");
	sim_write(&sim, CONTROL, 2, 0x4a56);
	sim_write(&sim, CONTROL, 2, 0x4a52);
	assert_string_equal(told(&sim), "wr 0c.2:26:4 ");
	sim_end(&sim);
}

static void an_answer_that_is_not_the_engines_is_a_loss_of_track(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_write(&sim, CONTROL, 2, 4);
	assert_int_equal(sim.stream->nr_differing, 1);
	/* Unseen, the policy in force took another value */
	sim.d.shadow.dwords[(START + CONTROL) / 4].value = 0x4002;
	sim_read(&sim, CONTROL, 2);
	assert_int_equal(sim.stream->nr_resyncs, 1);
	assert_false(sim.stream->synced);
	sim_write(&sim, CONTROL, 2, 4);
	assert_int_equal(sim.stream->nr_accesses, 1);
	assert_int_equal(sim.stream->nr_unjudged, 2);
	sim.d.shadow.open_id = sim.open_id;
	stream_seed(sim.stream, &sim.d.shadow, NULL);
	sim_read(&sim, CONTROL, 2);
	assert_int_equal(sim.stream->nr_accesses, 2);
	assert_int_equal(sim.stream->nr_resyncs, 1);
	sim_end(&sim);
}

static void lost_records_are_counted_and_nothing_is_judged_after_them(void **state)
{
	struct sim sim;

	(void)state;
	sim_start(&sim, &cxl_device, &read_only);
	sim_open(&sim);
	sim_call(&sim, CXL_CALL_READ, CONTROL, 2);
	sim.call.ret = DONE;
	sim.call.result = 2;
	sim.call.lost = 3;
	sim_feed(&sim);
	assert_int_equal(sim.stream->nr_lost, 3);
	assert_int_equal(sim.stream->nr_resyncs, 1);
	assert_int_equal(sim.stream->nr_accesses, 0);
	assert_int_equal(sim.stream->nr_unjudged, 1);
	/* A new opening begins afresh */
	sim_close(&sim);
	sim.open_id++;
	memset(&sim.d.shadow, 0, sizeof(sim.d.shadow));
	take_over(&sim.d, &cxl_device);
	sim.stream->lost = 0;
	sim_tell(&sim, CXL_CALL_OPENED, 0);
	sim_read(&sim, CONTROL, 2);
	assert_int_equal(sim.stream->nr_accesses, 1);
	sim_end(&sim);
}

static void calls_beyond_configuration_space_are_not_valid(void **state)
{
	static const struct cxl_call good = { .op = CXL_CALL_WRITE,
					      .start = 0x100,
					      .length = 0x3c,
					      .covered = 0x3c,
					      .offset = 0x38,
					      .size = 4 };
	struct cxl_call bad;

	(void)state;
	assert_true(stream_call_valid(&good));
#define BAD(member, value)                                                                         \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.member = (value);                                                              \
		assert_false(stream_call_valid(&bad));                                             \
	} while (0)
	BAD(op, 0);
	BAD(op, CXL_CALL_HARDWARE);
	BAD(start, 0xfc);
	BAD(start, 0x102);
	BAD(start, 0xfff0);
	BAD(covered, 0x3a);
	BAD(covered, 0x38);
	BAD(covered, 0xffff);
	BAD(offset, 0);
	BAD(offset, 0x39);
	BAD(offset, 0x3c);
	BAD(offset, 0xfffc);
	BAD(size, 0);
	BAD(size, 3);
	BAD(size, 8);
#undef BAD
}

/* ---- long ones ---- */

static uint64_t random_state;

static uint32_t random32(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dULL) >> 32;
}

static void sim_random(struct sim *sim, unsigned long count)
{
	static const unsigned int near[] = { CONTROL, CONTROL2, LOCK, BASE };
	unsigned int size, offset;
	uint32_t choice;

	while (count--) {
		size = 1U << random32() % 3;
		offset = random32() % 2 ? near[random32() % 4] + random32() % 4
					: 4 + random32() % (LENGTH - 4);
		offset -= offset % size;
		choice = random32() % 512;
		if (choice == 0)
			sim_reset(sim, CONVENTIONAL);
		else if (choice == 1)
			sim_reset(sim, FUNCTION);
		else if (choice == 2) {
			sim_close(sim);
			sim_open(sim);
		} else if (choice < 12)
			sim->d.hw[STATUS + 1] ^= 0x40;
		else if (choice < 16)
			sim->d.hw[STATUS2] ^= 0x09;
		else if (choice < 256)
			sim_read(sim, offset, size);
		else
			sim_write(sim, offset, size,
				  random32() % 2 ? random32() : 1U << random32() % 32);
	}
	stream_flush(sim->stream);
}

static const struct cxl_policy *some_policy(unsigned int n)
{
	static struct cxl_policy emulate, reject;

	emulate = with_reset(CXL_RESET_EMULATE);
	reject = with_reset(CXL_RESET_REJECT);
	switch (n) {
	case 0:
		return &cxl_device;
	case 1:
		return &read_only;
	case 2:
		return &passthrough;
	case 3:
		return &emulate;
	default:
		return &reject;
	}
}

static void a_policy_beside_itself_differs_in_nothing_however_it_is_used(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		struct sim sim;

		random_state = i + 1;
		sim_start(&sim, some_policy(i / 2), some_policy(i / 2));
		sim.mute = i % 2;
		hw_set(&sim.d, 0x38, 2, 0x1f);
		sim_open(&sim);
		sim_random(&sim, 20000);
		assert_string_equal(told(&sim), "");
		assert_int_equal(sim.stream->nr_differing, 0);
		assert_true(sim.stream->nr_accesses > 18000);
		assert_int_equal(sim.stream->nr_unjudged, 0);
		sim_end(&sim);
	}
}

/* As replay does it */
static unsigned long replay(const char *path, const struct cxl_policy *policy,
			    unsigned long *differing)
{
	static const struct stream_ops quiet = { .access = on_access };
	struct policy_image image = image_of(policy);
	static struct stream_file file;
	static struct sim sink;
	unsigned long accesses;
	struct stream *stream;
	int ret;

	memset(&sink, 0, sizeof(sink));
	stream = stream_new(&quiet, &sink, NULL, &image);
	ret = stream_file_open(path, &file);
	assert_int_equal(ret, 0);
	if (file.open)
		stream_seed(stream, &file.record.shadow, NULL);
	while ((ret = stream_file_next(&file)) > 0) {
		switch (file.record.kind) {
		case STREAM_RECORD_SEED:
			stream_seed(stream, &file.record.shadow, NULL);
			break;
		case STREAM_RECORD_LOST:
			stream_lose(stream, NULL);
			break;
		case STREAM_RECORD_TOLD:
			stream_feed_told(stream, &file.record.access.call);
			break;
		case STREAM_RECORD_ACCESS:
			stream_feed_answered(stream, &file.record.access);
			break;
		}
	}
	if (ret)
		error_print(ret);
	assert_int_equal(ret, 0);
	stream_file_close(&file);
	accesses = stream->nr_accesses;
	*differing = stream->nr_differing;
	assert_int_equal(stream->nr_unjudged, 0);
	free(stream);
	return accesses;
}

static FILE *new_file(char *path)
{
	FILE *file;
	int fd;

	strcpy(path, "/tmp/test_stream.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	return file;
}

static void write_header(struct sim *sim, bool open)
{
	struct json_object *object;

	object = json_tokener_parse("{\"format\":\"cxl-policy-record\",\"version\":1,"
				    "\"device\":\"0000:0d:00.0\",\"dvsecs\":[]}");
	if (open) {
		struct json_object *seed = stream_file_seed("2026-01-01T00:00:00.000Z", "some",
							    &sim->d.shadow, sim->stream->hw);

		json_object_object_del(seed, "op");
		json_object_object_del(seed, "time");
		json_object_object_foreach(seed, key, value)
			json_object_object_add(object, key, json_object_get(value));
		json_object_put(seed);
	} else {
		json_object_object_add(object, "policy", json_object_new_string("some"));
		json_object_object_add(object, "open_id", NULL);
		json_object_object_add(object, "dwords", json_object_new_array());
	}
	fprintf(sim->file, "%s\n", json_object_to_json_string(object));
	json_object_put(object);
}

static void a_file_replayed_gives_the_differences_that_a_trial_gives(void **state)
{
	unsigned long accesses, differing;
	char path[64];
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 5; i++) {
		for (j = 0; j < 5; j++) {
			struct sim sim;

			random_state = 100 + i * 5 + j;
			sim_start(&sim, some_policy(i), some_policy(j));
			hw_set(&sim.d, 0x38, 2, 0x1f);
			sim_open(&sim);
			sim_random(&sim, 50);
			sim.d.shadow.open_id = sim.open_id;
			stream_seed(sim.stream, &sim.d.shadow, NULL);
			sim.stream->nr_accesses = 0;
			sim.stream->nr_differing = 0;
			sim.file = new_file(path);
			write_header(&sim, true);
			sim_random(&sim, 3000);
			fclose(sim.file);
			accesses = replay(path, some_policy(j), &differing);
			assert_int_equal(accesses, sim.stream->nr_accesses);
			assert_int_equal(sim.stream->nr_resyncs, 0);
			assert_int_equal(differing, sim.stream->nr_differing);
			if (i == j)
				assert_int_equal(differing, 0);
			else
				assert_true(differing > 0);
			unlink(path);
			sim_end(&sim);
		}
	}
}

/* ---- files from elsewhere ---- */

#define HEADER                                                                                     \
	"{\"format\":\"cxl-policy-record\",\"version\":1,\"device\":\"0000:0d:00.0\","             \
	"\"dvsecs\":[{\"vendor\":\"0x1e98\",\"id\":0,\"start\":256,\"revision\":3,"                \
	"\"length\":60}],\"policy\":\"cxl-device\",\"open_id\":5,\"dwords\":"                      \
	"[{\"position\":268,\"value\":\"0x00000002\",\"valid\":\"0x00004ffd\","                    \
	"\"hw\":\"0x00000002\"}]}\n"
#define CALL(op) "{\"op\":\"" op "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"vendor\":\"0x1e98\","
#define PLACE	 "\"id\":0,\"start\":256,\"length\":60,\"covered\":60,"
#define READ                                                                                       \
	CALL("read")                                                                               \
	PLACE "\"offset\":12,\"size\":2,\"value\":\"0x0002\",\"verdict\":\"done\","                \
	      "\"hw_known\":\"0x0000\",\"hw\":\"0x0000\",\"from_hardware\":\"0x0000\"}\n"

static int parse(const char *text, size_t len)
{
	static struct stream_file file;
	char path[64];
	FILE *f = new_file(path);
	int ret;

	fwrite(text, 1, len, f);
	fclose(f);
	ret = stream_file_open(path, &file);
	while (!ret) {
		ret = stream_file_next(&file);
		if (ret <= 0)
			break;
		ret = 0;
	}
	stream_file_close(&file);
	unlink(path);
	return ret;
}

/* @text with the first @from in it replaced */
static int parse_with(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char changed[8192];

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		 at + strlen(from));
	return parse(changed, strlen(changed));
}

static void a_file_that_is_not_as_it_should_be_is_refused(void **state)
{
	static const char good[] = HEADER READ READ;
	static const char reset_line[] = HEADER CALL("reset") PLACE
		"\"open_id\":5,\"offset\":12,\"hw\":\"0x00000002\",\"kind\":\"function\"}\n";
	static const struct {
		const char *from;
		const char *to;
	} bad[] = {
		{ "cxl-policy-record", "another" },
		{ "\"version\":1", "\"version\":2" },
		{ "\"version\":1", "\"version\":\"1\"" },
		{ "\"version\":1,", "" },
		{ "0000:0d:00.0", "0000:0d:00" },
		{ "0000:0d:00.0", "\\u001b[2J" },
		{ "\"open_id\":5", "\"open_id\":0" },
		{ "\"open_id\":5", "\"open_id\":-1" },
		{ "\"open_id\":5", "\"open_id\":1.5" },
		{ "\"position\":268", "\"position\":4096" },
		{ "\"position\":268", "\"position\":-4" },
		{ "\"position\":268", "\"position\":269" },
		{ "\"position\":268", "\"position\":99999999999999999999" },
		{ "0x00004ffd", "0x4ffd" },
		{ "0x00004ffd", "0x00004ffg" },
		{ "0x00004ffd", "0x000004ffd" },
		{ "0x00004ffd", "-x00004ffd" },
		{ "\"dwords\":[", "\"dwords\":[5," },
		{ "\"dwords\":", "\"more\":1,\"dwords\":" },
		{ "\"op\":\"read\"", "\"op\":\"erase\"" },
		{ "\"op\":\"read\"", "\"op\":\"write\"" },
		{ "\"op\":\"read\"", "\"op\":1" },
		{ "\"start\":256,\"length\":60,\"covered\"",
		  "\"start\":252,\"length\":60,\"covered\"" },
		{ "\"start\":256,\"length\":60,\"covered\"",
		  "\"start\":4092,\"length\":60,\"covered\"" },
		{ "\"covered\":60", "\"covered\":70000" },
		{ "\"offset\":12", "\"offset\":60" },
		{ "\"offset\":12", "\"offset\":13" },
		{ "\"offset\":12", "\"offset\":65548" },
		{ "\"size\":2", "\"size\":3" },
		{ "\"size\":2", "\"size\":0" },
		{ "\"value\":\"0x0002\"", "\"value\":\"0x00000002\"" },
		{ "\"verdict\":\"done\"", "\"verdict\":\"maybe\"" },
		{ "2026-01-01T", "a time that is far too long to be one" },
		{ "}\n{\"op\"", "}{\"op\"" },
		{ "}\n{\"op\"", "}\n\n{\"op\"" },
		{ "}\n{\"op\"", "}\n[]\n{\"op\"" },
		{ "}\n{\"op\"", "}\n[[[[[[[[[[]]]]]]]]]]\n{\"op\"" },
	};
	char nul[sizeof(good)];
	unsigned int i;

	(void)state;
	assert_int_equal(parse(good, strlen(good)), 0);
	assert_int_equal(parse(reset_line, strlen(reset_line)), 0);
	assert_int_equal(parse_with(reset_line, "function", "warm"), -EINVAL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_with(good, bad[i].from, bad[i].to) != -EINVAL)
			fail_msg("%s for %s is taken", bad[i].to, bad[i].from);
	/* Cut off anywhere, it is refused, but between two lines */
	for (i = 0; i < strlen(good); i++)
		assert_int_equal(parse(good, i), i && good[i - 1] == '\n' ? 0 : -EINVAL);
	memcpy(nul, good, sizeof(nul));
	nul[strlen(good) - 2] = '\0';
	assert_int_equal(parse(nul, strlen(good)), -EINVAL);
}

static void a_line_without_an_end_is_refused(void **state)
{
	size_t size = 1024 * 1024;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, '[', size);
	assert_int_equal(parse(text, size), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_read_only_candidate_under_cxl_device_differs_exactly_where_it_should),
		cmocka_unit_test(what_a_lock_freezes_differs_from_a_policy_that_has_none),
		cmocka_unit_test(a_lock_is_forgotten_by_both_after_a_conventional_reset),
		cmocka_unit_test(an_acknowledged_viral_status_is_compared_with_a_cleared_one),
		cmocka_unit_test(a_write_back_and_its_drop_are_told_apart),
		cmocka_unit_test(
			an_emulated_reset_differs_from_a_rejected_one_then_and_in_what_it_reset),
		cmocka_unit_test(
			a_dvsec_that_the_candidate_does_not_claim_goes_raw_to_the_hardware),
		cmocka_unit_test(a_candidate_takes_the_state_of_an_open_device_over_as_a_swap_does),
		cmocka_unit_test(an_answer_that_is_not_the_engines_is_a_loss_of_track),
		cmocka_unit_test(lost_records_are_counted_and_nothing_is_judged_after_them),
		cmocka_unit_test(calls_beyond_configuration_space_are_not_valid),
		cmocka_unit_test(a_policy_beside_itself_differs_in_nothing_however_it_is_used),
		cmocka_unit_test(a_file_replayed_gives_the_differences_that_a_trial_gives),
		cmocka_unit_test(a_file_that_is_not_as_it_should_be_is_refused),
		cmocka_unit_test(a_line_without_an_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
