// Passes the event on without the values of the members that `with: {keys: […]}` names, wherever they are.
#include "../slack-c/awf_hook.h"

static char keys[4096];
static int keys_length;

// same reports whether two texts are equal, however their characters are escaped.
static int same(awf_str a, awf_str b) {
	awf_str x, y;
	for (;;) {
		int c = awf_next(&a, &x), d = awf_next(&b, &y);
		if (c != d || (c > 127 && !awf_is(x, y))) return 0;
		if (c < 0) return 1;
	}
}

static int is_secret(awf_str key) {
	const char *p = keys, *end = keys + keys_length;
	while (p < end) {
		const char *after = awf_skip(p, end);
		if (*p == '"' && same(key, awf_text((awf_str){p, after - p}))) return 1;
		p = after > p ? after : p + 1;
		if (*p == ',' || *p == ' ') p++;
	}
	return 0;
}

static void transform(awf_str event) {
	keys_length = awf_config("keys", 4, keys, sizeof keys);
	if (keys_length < 2 || keys_length > (int)sizeof keys || keys[0] != '[') {
		awf_fail("with: want keys, a list of 4 KiB at most", 40);
		return;
	}
	keys[0] = ' ', keys_length--; // the brackets
	const char *p = event.at, *end = event.at + event.length;
	while (p < end) {
		if (*p != '"') {
			awf_put((awf_str){p++, 1});
			continue;
		}
		awf_str text = {p, awf_skip(p, end) - p};
		awf_put(text);
		p += text.length;
		const char *colon = awf_space(p, end);
		if (colon < end && *colon == ':' && is_secret(awf_text(text))) {
			p = awf_skip(awf_space(colon + 1, end), end);
			AWF_PUT(":\"[redacted]\"");
		}
	}
}
AWF_TRANSFORM(transform)
