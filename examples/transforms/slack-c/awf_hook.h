// awf_hook.h is all that a transform in C needs; it needs no libc. A transform is
//     static void transform(awf_str event) { … AWF_PUT("{…"); … }
//     AWF_TRANSFORM(transform)
// The body is what it puts. An event for which it puts nothing is dropped. Texts from JSON stay escaped, so copies of them are valid JSON.
#pragma once
typedef struct { const char *at; unsigned length; } awf_str;
#define AWF_STR(literal) ((awf_str){literal, sizeof literal - 1})
#define AWF_IMPORT(name) __attribute__((import_module("awf"), import_name(name)))
#define AWF_EXPORT(name) __attribute__((export_name(name)))

enum { AWF_DEBUG, AWF_INFO, AWF_WARN, AWF_ERROR };
// awf_log writes a line to awf-hook's log. awf_fail fails the delivery for good, for the given reason, whatever the transform puts.
// awf_config writes a value of `with` if it fits into capacity: a text as it is, anything else as JSON. It returns its length, or -1.
AWF_IMPORT("log") void awf_log(int level, const char *line, unsigned length);
AWF_IMPORT("fail") void awf_fail(const char *why, unsigned length);
AWF_IMPORT("config") int awf_config(const char *key, unsigned key_length, char *out, unsigned capacity);
extern char __heap_base; // from the linker: where unused memory begins
static char *awf_top, *awf_body;

// awf_room reserves n bytes at the top of the memory until the next event. It traps if no memory is left.
static inline char *awf_room(unsigned n) {
	unsigned end = (unsigned)awf_top + n, have = __builtin_wasm_memory_size(0) << 16;
	if (end < n || (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == (unsigned long)-1)) __builtin_trap();
	return awf_top += n, awf_top - n;
}

// awf_put appends to the body.
static inline void awf_put(awf_str s) { __builtin_memcpy(awf_room(s.length), s.at, s.length); }
#define AWF_PUT(literal) awf_put(AWF_STR(literal))

// awf_put_quoted appends any text, escaped as in a JSON string, without quotes.
static inline void awf_put_quoted(awf_str s) {
	for (; s.length; s.at++, s.length--) {
		unsigned char c = *s.at;
		char escape[] = {'\\', 'u', '0', '0', '0' + (c >> 4), "0123456789abcdef"[c & 15]};
		if (c == '"' || c == '\\') AWF_PUT("\\");
		awf_put(c < 0x20 ? (awf_str){escape, sizeof escape} : (awf_str){s.at, 1});
	}
}

// awf_next takes a character off a text that is escaped as in JSON, and sets piece to its bytes. It returns the character's code, some
// number above 127 if the character is not ASCII, or -1 at the end.
static inline int awf_next(awf_str *text, awf_str *piece) {
	if (!text->length) return -1;
	const char *p = text->at;
	unsigned n = 1, code = p[0] & 0x80 ? 0xfffd : p[0];
	if (code == '\\' && text->length > 1) {
		n = p[1] == 'u' && text->length > 5 ? 6 : 2;
		code = n == 6 ? 0 : p[1] == 'n' ? '\n' : p[1] == 't' ? '\t' : p[1] == 'r' ? '\r' : p[1] == 'b' ? '\b' : p[1] == 'f' ? '\f' : p[1];
		for (unsigned i = 2; i < n; i++) code = code << 4 | ((p[i] & 15) + (p[i] > '9' ? 9 : 0));
	}
	*piece = (awf_str){p, n}, *text = (awf_str){p + n, text->length - n};
	return code;
}

// awf_skip returns the end of the JSON value that begins at p. A text ends after its quote.
static inline const char *awf_skip(const char *p, const char *end) {
	for (int depth = 0; p < end; p++) {
		if (*p == '"') {
			for (p++; p < end && *p != '"'; p++) p += *p == '\\';
			if (!depth) return p < end ? p + 1 : end;
		} else if (*p == '{' || *p == '[') depth++;
		else if (!depth && (*p == ',' || *p == '}' || *p == ']' || *p == ':' || (*p >= 0 && *p <= ' '))) return p;
		else if ((*p == '}' || *p == ']') && !--depth) return p + 1;
	}
	return end;
}

static inline int awf_is(awf_str a, awf_str b) {
	for (unsigned i = 0; a.length == b.length && i < a.length; i++) if (a.at[i] != b.at[i]) return 0;
	return a.length == b.length;
}
// awf_space skips white space.
static inline const char *awf_space(const char *p, const char *end) { while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++; return p; }

// awf_get returns the JSON of the value at a path like "payload.status", or an empty text if there is none.
static inline awf_str awf_get(awf_str json, awf_str path) {
	unsigned n = 0;
	while (n < path.length && path.at[n] != '.') n++;
	const char *end = json.at + json.length, *p = awf_space(json.at, end);
	if (p < end && *p++ == '{') while ((p = awf_space(p, end)) < end && *p != '}') {
		const char *key = p, *after = awf_skip(p, end), *from = awf_space(awf_space(after, end) + 1, end);
		p = awf_space(awf_skip(from, end), end);
		awf_str value = {from, awf_skip(from, end) - from};
		if (after - key > 1 && awf_is((awf_str){key + 1, after - key - 2}, (awf_str){path.at, n}))
			return n == path.length ? value : awf_get(value, (awf_str){path.at + n + 1, path.length - n - 1});
		p += p < end && *p == ',';
	}
	return (awf_str){json.at, 0};
}

// awf_text returns the characters between a text's quotes, or an empty text for any other value.
static inline awf_str awf_text(awf_str v) { return v.length > 1 && *v.at == '"' ? (awf_str){v.at + 1, v.length - 2} : (awf_str){v.at, 0}; }

#define AWF_TRANSFORM(function) \
	AWF_EXPORT("alloc") char *awf_alloc(unsigned size) { awf_top = &__heap_base; return awf_room(size); } \
	AWF_EXPORT("transform") unsigned long long awf_run(const char *event, unsigned length) { \
		awf_body = awf_top, function((awf_str){event, length}); \
		return awf_top == awf_body ? 0 : (unsigned long long)(unsigned)awf_body << 32 | (unsigned)(awf_top - awf_body); \
	}
