// A guest for the benchmark: it copies a JSON document value by value, run(n) times.
//
//	clang --target=wasm32 -O2 -nostdlib -ffreestanding -fno-builtin -Wl,--no-entry -Wl,--strip-all -o json.wasm json.c

typedef unsigned char byte;

static byte in[4096], out[8192];
static const char document[] =
	"{\"event\":\"workflow_end\",\"workflow_id\":\"w-123456\",\"workflow_name\":\"deploy-eu\","
	"\"timestamp\":\"2026-11-24T10:00:00Z\",\"payload\":{\"status\":\"success\",\"duration\":12.5,"
	"\"exit_code\":0,\"inputs\":{\"a\":\"b\",\"list\":[1,2,3,{\"x\":null}]}}}";
static int at, end;

static void space(void) {
	while (in[at] == ' ' || in[at] == '\n')
		at++;
}

static void string(void) {
	out[end++] = in[at++];
	while (in[at] != '"') {
		if (in[at] == '\\')
			out[end++] = in[at++];
		out[end++] = in[at++];
	}
	out[end++] = in[at++];
}

static void value(int depth);

static void members(int depth, byte close) {
	out[end++] = in[at++];
	for (space(); in[at] != close; space()) {
		if (close == '}') {
			string();
			space();
			out[end++] = in[at++];
		}
		value(depth + 1);
		space();
		if (in[at] == ',')
			out[end++] = in[at++];
	}
	out[end++] = in[at++];
}

static void value(int depth) {
	if (depth > 50)
		__builtin_trap();
	space();
	switch (in[at]) {
	case '{': members(depth, '}'); break;
	case '[': members(depth, ']'); break;
	case '"': string(); break;
	default:
		while (in[at] != ',' && in[at] != '}' && in[at] != ']')
			out[end++] = in[at++];
	}
}

__attribute__((export_name("run"))) int run(int n) {
	for (int i = 0; i < (int)sizeof document; i++)
		in[i] = document[i];
	while (n-- > 0) {
		at = end = 0;
		value(0);
	}
	return end;
}
