// A command with wasi-libc: the event on stdin, the body on stdout; argv[1] is the configuration.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
	static char event[64 << 10];
	size_t n = fread(event, 1, sizeof event - 1, stdin);
	if (argc > 1 && strstr(argv[1], "\"drop\"")) return 0;
	if (argc > 1 && strstr(argv[1], "\"exit\"")) {
		fprintf(stderr, "no such channel: %s\n", argv[0]);
		return 3;
	}
	if (argc > 1 && strstr(argv[1], "\"files\"")) {
		FILE *f = fopen("/etc/passwd", "r");
		printf("{\"file\":%s,\"home\":%s,\"random\":%ld}", f ? "true" : "false", getenv("HOME") ? "true" : "false", (long)time(0));
		return 0;
	}
	printf("{\"argv\":%s,\"length\":%zu,\"time\":%ld,\"event\":", argc > 1 ? argv[1] : "null", n, (long)time(0));
	fwrite(event, 1, n, stdout);
	printf("}");
	return 0;
}
