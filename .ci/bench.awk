# The lines of go test -bench as tables: those of parts first, and at the end what docs/numbers.md publishes, with the machine.
BEGIN {
	published = "^(Throughput|ColdStart/none|FilterAndMap|ReadFrom|Delivery|SlowWebhooks|History|Migration|MillionDue|Intake)"
	head = "| benchmark | figures |\n|---|---|"
	print head
}
/^cpu: / { cpu = substr($0, 6) }
/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	if (match(name, /-[0-9]+$/)) {
		cores = substr(name, RSTART + 1)
		name = substr(name, 1, RSTART - 1)
	}
	figures = ""
	for (i = 3; i < NF; i += 2)
		if ($(i + 1) != "ns/op" || $i != 0)
			figures = figures (figures == "" ? "" : ", ") $i " " $(i + 1)
	row = "| " name " | " figures " |"
	if (figures == "")
		next
	if (name ~ published)
		rows = rows "\n" row
	else
		print row
}
/^(--- )?FAIL|^panic/ { print; failed = 1 }
END {
	print "\n" head rows
	print "\n" cpu ", " cores " cores"
	exit failed
}
