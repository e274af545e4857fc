# The lines of go test -bench as one table.
BEGIN { print "| benchmark | figures |\n|---|---|" }
/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	figures = ""
	for (i = 3; i < NF; i += 2)
		if ($(i + 1) != "ns/op" || $i != 0)
			figures = figures (figures == "" ? "" : ", ") $i " " $(i + 1)
	if (figures != "")
		print "| " name " | " figures " |"
}
/^(--- )?FAIL|^panic/ { print; failed = 1 }
END { exit failed }
