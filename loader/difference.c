// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>

#include "cxl_dvsec_regs.h"
#include "difference.h"
#include "fields.h"
#include "output.h"
#include "stream_file.h"

static const struct {
	uint32_t flag;
	const char *name;
} kinds[] = {
	{ STREAM_DIFFERS_VALUE, "value" },     { STREAM_DIFFERS_VERDICT, "verdict" },
	{ STREAM_DIFFERS_REFUSED, "refused" }, { STREAM_DIFFERS_HARDWARE, "hardware" },
	{ STREAM_DIFFERS_UNDO, "undo" },       { STREAM_DIFFERS_EVENTS, "events" },
};

static struct json_object *names(const struct comparison *comparison, const struct cxl_call *call,
				 uint32_t bits)
{
	return fields_names(comparison->source, call->vendor, call->id, call->offset, bits);
}

static struct json_object *events(const struct stream_answer *answer, uint32_t flags)
{
	const struct stream_event_name *event;
	struct json_object *array = json_object_new_array();

	for (event = stream_event_names; event->name; event++)
		if (answer->out.flags & flags & event->flag)
			json_object_array_add(array, output_string(event->name));
	return array;
}

static struct json_object *answer_json(const struct comparison *comparison,
				       const struct cxl_call *call,
				       const struct stream_answer *answer)
{
	struct json_object *object = json_object_new_object();
	const struct cxl_outcome *out = &answer->out;

	output_add(object, "verdict",
		   output_string(answer->raw ? "unclaimed" : stream_verdict_name(answer->verdict)));
	if (call->op == CXL_CALL_READ) {
		output_add(object, "value", output_hex(answer->value, call->size));
		output_add(object, "from_hardware", output_hex(out->hw_mask, call->size));
		return object;
	}
	output_add(object, "refused", output_hex(out->refused, call->size));
	output_add(object, "refused_fields", names(comparison, call, out->refused));
	output_add(object, "forwarded", output_hex(out->hw_write, call->size));
	output_add(object, "forwarded_fields", names(comparison, call, out->hw_write));
	output_add(object, "forwarded_value",
		   output_hex(out->hw_value & out->hw_write, call->size));
	output_add(object, "undo", output_hex(out->hw_undo & out->hw_write, call->size));
	output_add(object, "events", events(answer, ~0U));
	return object;
}

static void print_json(const struct comparison *comparison, const struct stream_access *access,
		       const char *time)
{
	struct json_object *object = json_object_new_object(), *differs = json_object_new_array();
	const struct cxl_call *call = &access->call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (access->differs & kinds[i].flag)
			json_object_array_add(differs, output_string(kinds[i].name));
	output_add(object, "time", output_string(time));
	output_add(object, "device", output_string(comparison->device));
	output_add(object, "op", output_string(call->op == CXL_CALL_READ ? "read" : "write"));
	output_add(object, "vendor", output_hex(call->vendor, 2));
	output_add(object, "id", json_object_new_int(call->id));
	output_add(object, "offset", json_object_new_int(call->offset));
	output_add(object, "size", json_object_new_int(call->size));
	output_add(object, "value",
		   call->op == CXL_CALL_READ ? NULL : output_hex(call->value, call->size));
	output_add(object, "differs", differs);
	output_add(object, "fields", names(comparison, call, access->bits));
	output_add(object, "in_force", answer_json(comparison, call, &access->in_force));
	output_add(object, "candidate", answer_json(comparison, call, &access->candidate));
	output_json(object);
}

static void print_names(struct json_object *array, const char *before, const char *after)
{
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++)
		printf("%s%s", i ? ", " : before,
		       json_object_get_string(json_object_array_get_idx(array, i)));
	printf("%s", i ? after : "");
	json_object_put(array);
}

static void print_answer(const struct comparison *comparison, const struct stream_access *access,
			 const struct stream_answer *answer)
{
	const struct cxl_outcome *out = &answer->out;
	const struct cxl_call *call = &access->call;
	unsigned int digits = call->size * 2, printed = 0;
	uint32_t undo = out->hw_undo & out->hw_write;

	if (answer->raw)
		printf("%sdoesn't claim it", printed++ ? ", " : "");
	if (answer->verdict == VFIO_PCI_DVSEC_INVALID)
		printf("%scan't decide", printed++ ? ", " : "");
	if (call->op == CXL_CALL_READ) {
		printf("%s0x%0*x", printed++ ? ", " : "", digits, answer->value);
		return;
	}
	if (out->refused) {
		printf("%srefuses 0x%0*x", printed++ ? ", " : "", digits, out->refused);
		print_names(names(comparison, call, out->refused), " (", ")");
	}
	if (out->hw_write) {
		printf("%s0x%0*x of 0x%0*x to the hardware", printed++ ? ", " : "", digits,
		       out->hw_value & out->hw_write, digits, out->hw_write);
		print_names(names(comparison, call, out->hw_write), " (", ")");
	}
	if (undo && (access->differs & STREAM_DIFFERS_UNDO))
		printf("%sputs 0x%0*x back", printed++ ? ", " : "", digits, undo);
	if (!printed)
		printf("takes it, nothing to the hardware");
	if (access->differs & STREAM_DIFFERS_EVENTS)
		print_names(events(answer, ~(CXL_EVENT_REFUSED | CXL_EVENT_FORWARDED)), "; event ",
			    "");
}

static void print_text(const struct comparison *comparison, const struct stream_access *access,
		       const char *time)
{
	const struct cxl_call *call = &access->call;

	printf("%s %s: %s ", time, comparison->device,
	       call->op == CXL_CALL_READ ? "read" : "write");
	if (call->vendor != CXL_DVSEC_VENDOR_ID)
		printf("dvsec %#x:%u", call->vendor, call->id);
	else if (call->id != CXL_DVSEC_ID_DEVICE)
		printf("dvsec%u", call->id);
	else
		printf("dvsec");
	printf("+0x%x.%c", call->offset, call->size == 1 ? 'b' : call->size == 2 ? 'w' : 'l');
	if (call->op == CXL_CALL_WRITE)
		printf("=0x%0*x", call->size * 2, call->value);
	if (access->bits)
		print_names(names(comparison, call, access->bits), " (", ")");
	printf(": %s: ", comparison->in_force);
	print_answer(comparison, access, &access->in_force);
	printf("; %s: ", comparison->candidate);
	print_answer(comparison, access, &access->candidate);
	printf("\n");
	fflush(stdout);
}

void difference_print(const struct comparison *comparison, const struct stream_access *access,
		      const char *time)
{
	if (output_options.json)
		print_json(comparison, access, time);
	else
		print_text(comparison, access, time);
}

void difference_note(const struct comparison *comparison, const char *note, const char *text)
{
	struct json_object *object;

	if (!output_options.json) {
		printf("%s: %s\n", comparison->device, text);
		fflush(stdout);
		return;
	}
	object = json_object_new_object();
	output_add(object, "note", output_string(note));
	output_add(object, "device", output_string(comparison->device));
	output_add(object, "in_force", output_string(comparison->in_force));
	output_add(object, "text", output_string(text));
	output_json(object);
}

void difference_summary(const struct comparison *comparison, const struct stream *stream)
{
	struct json_object *object, *unseen, *dvsec;
	unsigned int i;

	if (!output_options.json) {
		for (i = 0; i < comparison->nr_unseen; i++)
			printf("%s: nothing is known of DVSEC %#x:%u at 0x%x, which %s claims and "
			       "%s doesn't\n",
			       comparison->device, comparison->unseen[i].vendor,
			       comparison->unseen[i].id, comparison->unseen[i].offset,
			       comparison->candidate, comparison->in_force);
		printf("%s: %llu accesses, %llu differ between %s in force and %s",
		       comparison->device, (unsigned long long)stream->nr_accesses,
		       (unsigned long long)stream->nr_differing, comparison->in_force,
		       comparison->candidate);
		if (stream->nr_lost)
			printf("; %llu records were lost", (unsigned long long)stream->nr_lost);
		if (stream->nr_unjudged)
			printf("; %llu calls weren't judged, for want of the state before",
			       (unsigned long long)stream->nr_unjudged);
		if (stream->nr_resyncs)
			printf("; lost track %llu times", (unsigned long long)stream->nr_resyncs);
		if (comparison->nr_swaps)
			printf("; %u swaps meanwhile", comparison->nr_swaps);
		printf("\n");
		return;
	}
	unseen = json_object_new_array();
	for (i = 0; i < comparison->nr_unseen; i++) {
		dvsec = json_object_new_object();
		output_add(dvsec, "vendor", output_hex(comparison->unseen[i].vendor, 2));
		output_add(dvsec, "id", json_object_new_int(comparison->unseen[i].id));
		output_add(dvsec, "start", json_object_new_int(comparison->unseen[i].offset));
		json_object_array_add(unseen, dvsec);
	}
	object = json_object_new_object();
	output_add(object, "summary", json_object_new_boolean(true));
	output_add(object, "device", output_string(comparison->device));
	output_add(object, "in_force", output_string(comparison->in_force));
	output_add(object, "candidate", output_string(comparison->candidate));
	output_add(object, "accesses", json_object_new_uint64(stream->nr_accesses));
	output_add(object, "differing", json_object_new_uint64(stream->nr_differing));
	output_add(object, "lost", json_object_new_uint64(stream->nr_lost));
	output_add(object, "unjudged", json_object_new_uint64(stream->nr_unjudged));
	output_add(object, "resyncs", json_object_new_uint64(stream->nr_resyncs));
	output_add(object, "swaps", json_object_new_int64(comparison->nr_swaps));
	output_add(object, "unseen", unseen);
	output_json(object);
}

int difference_result(const struct stream *stream)
{
	if (stream->nr_differing)
		return EXIT_DIFFERENT;
	if (!stream->nr_accesses && (stream->nr_lost || stream->nr_unjudged))
		return error_set(EXIT_FAILED, -EIO, "try again while the device is less busy",
				 "no access could be judged, as the stream was lost");
	/* Or else a script would take that for a go-ahead */
	if (!stream->nr_accesses)
		return error_set(EXIT_FAILED, -ENODATA, "let it run while the device is in use",
				 "there was no access, so nothing is known of the candidate");
	/* A user who is busy enough can hide what would differ */
	if (stream->nr_lost || stream->nr_resyncs)
		return error_set(EXIT_FAILED, -EIO, "try again while the device is less busy",
				 "no difference was seen, but not all accesses were");
	return 0;
}
