// Does what its configuration's "do" says, so that each part of the ABI can be seen at work.
#include "awf.h"

static u8 buffer[64 << 10], key[64], text[4 << 10];
static u32 calls;

u32 EXPORT(alloc)(u32 size) { return size <= sizeof buffer ? (u32)buffer : 0; }

static int is(const char *s, int n) {
	for (int i = 0; i < n; i++)
		if (s[i] != (char)key[i] || !s[i]) return 0;
	return s[n] == 0;
}

u64 EXPORT(transform)(u32 at, u32 length) {
	calls++;
	int n = awf_config("do", 2, key, sizeof key);
	if (n < 0) awf_fail("no configuration", 16);
	else if (is("config", n)) {
		n = awf_config("", 0, text, sizeof text);
		return (u64)(u32)text << 32 | n;
	} else if (is("number", n)) {
		n = awf_config("number", 6, text, sizeof text);
		return (u64)(u32)text << 32 | n;
	} else if (is("short", n)) { // a value that does not fit is not written
		text[0] = '7';
		n = awf_config("long", 4, text, 1);
		return (u64)(u32)text << 32 | (n == 100 ? 1 : 0);
	} else if (is("fail", n)) {
		awf_fail("first", 5);
		awf_fail("no key \"x\"\n\x1b[31m", 16);
	} else if (is("fail and answer", n)) {
		awf_fail("no", 2);
		return (u64)at << 32 | length;
	} else if (is("log", n)) {
		awf_log(0, "debug", 5);
		awf_log(1, "info", 4);
		awf_log(2, "warn \x1b[2J\xff", 10);
		awf_log(3, "error", 5);
		awf_log(77, "other", 5);
		return (u64)at << 32 | length;
	} else if (is("count", n)) { // how many events it has seen; one of 2 bytes is a trap, one of 3 takes memory
		if (length == 2) __builtin_trap();
		if (length == 3) __builtin_wasm_memory_grow(0, 160);
		u32 n = 0, c = calls;
		for (u32 power = 10000; power; power /= 10)
			if (c >= power) text[n++] = '0' + c / power % 10;
		return (u64)(u32)text << 32 | n;
	} else if (is("trap", n)) {
		__builtin_trap();
	}
	return 0;
}
