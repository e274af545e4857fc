// What a transform in C needs of awf-hook's ABI.
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name))) name
#define IMPORT(name) __attribute__((import_module("awf"), import_name(#name)))

IMPORT(log) void awf_log(u32 level, const void *text, u32 length);
IMPORT(config) int awf_config(const void *key, u32 key_length, void *out, u32 capacity);
IMPORT(fail) void awf_fail(const void *text, u32 length);
