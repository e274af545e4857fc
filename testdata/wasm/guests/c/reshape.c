// A message for a chat of an event: who, what, how long. Strings are copied as they are escaped.
#include "awf.h"

static u8 in[16 << 10], out[8 << 10];
static u32 used;

u32 EXPORT(alloc)(u32 size) { return size <= sizeof in ? (u32)in : 0; }

static void put(const u8 *s, u32 n) {
	if (used + n > sizeof out) __builtin_trap();
	for (u32 i = 0; i < n; i++) out[used++] = s[i];
}

#define PUT(s) put((const u8 *)s, sizeof s - 1)

typedef struct { const u8 *at; u32 length; } value;

// end_of returns where the value that begins at p ends.
static const u8 *end_of(const u8 *p, const u8 *end) {
	int depth = 0, quoted = 0;
	for (; p < end; p++) {
		if (quoted) {
			if (*p == '\\') p++;
			else if (*p == '"') quoted = 0;
		} else if (*p == '"') {
			quoted = 1;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if (*p == '}' || *p == ']') {
			if (depth-- == 0) return p;
		} else if (*p == ',' && depth == 0) {
			return p;
		}
	}
	return end;
}

// find returns the value of a key of the object that begins at p.
static value find(const u8 *p, const u8 *end, const char *key, u32 key_length) {
	value none = {(const u8 *)"null", 4};
	if (p == end || *p != '{') return none;
	for (p++; p < end && *p == '"';) {
		const u8 *k = ++p;
		while (p < end && *p != '"') p += *p == '\\' ? 2 : 1;
		u32 n = p - k;
		p += 2;
		const u8 *stop = end_of(p, end);
		int same = n == key_length;
		for (u32 i = 0; same && i < n; i++) same = k[i] == (u8)key[i];
		if (same) return (value){p, stop - p};
		p = stop + 1;
	}
	return none;
}

#define FIND(v, key) find(v.at, v.at + v.length, key, sizeof key - 1)

static void put_inner(value v) {
	if (v.length > 1 && *v.at == '"') put(v.at + 1, v.length - 2);
	else put(v.at, v.length);
}

u64 EXPORT(transform)(u32 at, u32 length) {
	value event = {(const u8 *)at, length};
	value payload = FIND(event, "payload");
	used = 0;
	PUT("{\"text\":\"");
	put_inner(FIND(event, "workflow_name"));
	PUT(": ");
	put_inner(FIND(event, "event"));
	PUT("\",\"attachments\":[{\"fields\":[{\"title\":\"id\",\"value\":\"");
	put_inner(FIND(event, "workflow_id"));
	PUT("\"},{\"title\":\"at\",\"value\":\"");
	put_inner(FIND(event, "timestamp"));
	PUT("\"},{\"title\":\"duration\",\"value\":");
	value duration = FIND(payload, "duration");
	put(duration.at, duration.length);
	PUT("},{\"title\":\"error\",\"value\":\"");
	put_inner(FIND(payload, "error"));
	PUT("\"}]}]}");
	return (u64)(u32)out << 32 | used;
}
