package meter

// operands are how many values instructions take from the stack, where that does not depend on types; local.tee leaves what it takes. The others take one
// if they are a conversion, or none.
var operands = [...]struct {
	from, to opcode
	n        uint8
}{
	{opIf, opIf, 1}, {opBrIf, opBrTable, 1}, {opCallIndirect, opCallIndirect, 1},
	{0x1a, 0x1a, 1}, {0x1b, 0x1c, 3}, // drop, select
	{opLocalSet, opLocalSet, 1}, {opGlobalSet, opGlobalSet, 1},
	{0x25, 0x25, 1}, {0x26, 0x26, 2}, // table.get, table.set
	{0x28, 0x35, 1}, {0x36, 0x3e, 2}, {opMemoryGrow, opMemoryGrow, 1},
	{0x45, 0xc4, 1}, // numeric; those of two follow
	{0x46, 0x4f, 2}, {0x51, 0x66, 2}, {0x6a, 0x78, 2}, {0x7c, 0x8a, 2}, {0x92, 0x98, 2}, {0xa0, 0xa6, 2},
	{0xd1, 0xd1, 1}, // ref.is_null

	{misc, misc | 7, 1},
	{opMemoryInit, opTableFill, 3},
	{misc | 9, misc | 9, 0}, {misc | 13, misc | 13, 0}, {opTableGrow, opTableGrow, 2}, {misc | 16, misc | 16, 0},

	{vectors, vectors | 0xff, 1}, // those of other numbers follow
	{vectors | 0x0b, vectors | 0x0b, 2}, {opV128Const, opV128Const, 0}, {vectors | 0x0d, vectors | 0x0e, 2},
	{vectors | 0x17, vectors | 0x17, 2}, {vectors | 0x1a, vectors | 0x1a, 2}, {vectors | 0x1c, vectors | 0x1c, 2}, // replace_lane
	{vectors | 0x1e, vectors | 0x1e, 2}, {vectors | 0x20, vectors | 0x20, 2}, {vectors | 0x22, vectors | 0x22, 2},
	{vectors | 0x23, vectors | 0x4c, 2}, {vectors | 0x4e, vectors | 0x51, 2}, {vectors | 0x52, vectors | 0x52, 3},
	{vectors | 0x54, vectors | 0x5b, 2},
	{vectors | 0x65, vectors | 0x66, 2}, {vectors | 0x6b, vectors | 0x73, 2}, {vectors | 0x76, vectors | 0x79, 2}, {vectors | 0x7b, vectors | 0x7b, 2},
	{vectors | 0x82, vectors | 0x82, 2}, {vectors | 0x85, vectors | 0x86, 2}, {vectors | 0x8b, vectors | 0x93, 2}, {vectors | 0x95, vectors | 0x9f, 2},
	{vectors | 0xab, vectors | 0xbf, 2}, {vectors | 0xcb, vectors | 0xdf, 2},
	{vectors | 0xe4, vectors | 0xeb, 2}, {vectors | 0xf0, vectors | 0xf7, 2},
}

// takes puts the numbers of operands into the table; later rows override.
func takes(t *[3 * 256]shape) {
	for _, row := range operands {
		for op := row.from; op <= row.to; op++ {
			t[op].takes = row.n
		}
	}
}
