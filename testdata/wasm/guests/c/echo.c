// The body is the event.
#include "awf.h"

static u8 buffer[1 << 15];

u32 EXPORT(alloc)(u32 size) { return size <= sizeof buffer ? (u32)buffer : 0; }

u64 EXPORT(transform)(u32 at, u32 length) { return (u64)at << 32 | length; }
