// A message for a chat of an event: who, what, how long. Strings are copied as they are escaped.
#include "awf.h"

static u8 in[16 << 10], out[8 << 10];
static u32 used;

u32 EXPORT(alloc)(u32 size) { return size <= sizeof in ? (u32)in : 0; }

static void put(const u8 *s, u32 n) {
	if (n > sizeof out - used) __builtin_trap();
	__builtin_memcpy(out + used, s, n);
	used += n;
}

#define PUT(s) put((const u8 *)s, sizeof s - 1)

typedef struct { const u8 *at; u32 length; } value;

// end_of_string returns what follows the string that begins at p.
static const u8 *end_of_string(const u8 *p, const u8 *end) {
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\') p++;
	return p + 1;
}

// end_of returns where the value that begins at p ends.
static const u8 *end_of(const u8 *p, const u8 *end) {
	for (int depth = 0; p < end;) {
		switch (*p) {
		case '"':
			p = end_of_string(p, end);
			continue;
		case '{': case '[':
			depth++;
			break;
		case '}': case ']':
			if (depth-- == 0) return p;
			break;
		case ',':
			if (depth == 0) return p;
		}
		p++;
	}
	return end;
}

static int same(const u8 *a, const char *b, u32 n) {
	for (u32 i = 0; i < n; i++)
		if (a[i] != (u8)b[i]) return 0;
	return 1;
}

typedef struct { const char *key; u32 key_length; value found; } want;

#define WANT(key) {key, sizeof key - 1, {(const u8 *)"null", 4}}

// find looks in the object v for all that is wanted, in one pass.
static void find(value v, want *wants, u32 n) {
	const u8 *p = v.at, *end = v.at + v.length;
	if (p == end || *p != '{') return;
	for (p++; p < end && *p == '"';) {
		const u8 *key = p + 1;
		p = end_of_string(p, end);
		u32 length = p - 1 - key;
		const u8 *from = ++p;
		p = end_of(p, end);
		for (want *w = wants; w < wants + n; w++)
			if (w->key_length == length && same(key, w->key, length)) w->found = (value){from, p - from};
		p++;
	}
}

static void put_inner(value v) {
	if (v.length > 1 && *v.at == '"') put(v.at + 1, v.length - 2);
	else put(v.at, v.length);
}

u64 EXPORT(transform)(u32 at, u32 length) {
	want of_event[] = {WANT("workflow_name"), WANT("event"), WANT("workflow_id"), WANT("timestamp"), WANT("payload")};
	want of_payload[] = {WANT("duration"), WANT("error")};
	find((value){(const u8 *)at, length}, of_event, 5);
	find(of_event[4].found, of_payload, 2);
	used = 0;
	PUT("{\"text\":\"");
	put_inner(of_event[0].found);
	PUT(": ");
	put_inner(of_event[1].found);
	PUT("\",\"attachments\":[{\"fields\":[{\"title\":\"id\",\"value\":\"");
	put_inner(of_event[2].found);
	PUT("\"},{\"title\":\"at\",\"value\":\"");
	put_inner(of_event[3].found);
	PUT("\"},{\"title\":\"duration\",\"value\":");
	put(of_payload[0].found.at, of_payload[0].found.length);
	PUT("},{\"title\":\"error\",\"value\":\"");
	put_inner(of_payload[1].found);
	PUT("\"}]}]}");
	return (u64)(u32)out << 32 | used;
}
