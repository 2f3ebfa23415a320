# counters.awk - from the stack's headers: one line COUNTER(NAME, FIELD) or COUNTERS(NAME, FIELD) (an
# array) for each field of the structs that are named struct NAMEstat. Makes counters.h for
# sim_replay.c, so that a counter is told of in a replay as soon as it exists.
match($0, /^struct (tcp|ip|icmp|udp|arp)stat \{/) {
	name = $2
	inside = 1
	next
}
inside && /^\};/ { inside = 0 }
inside {
	line = line " " $0
	gsub(/\/\*[^*]*\*\//, "", line)
	if (line ~ /\/\*/ || line !~ /;/)
		next
	sub(/^[ \t]*uint64_t[ \t]+/, "", line)
	n = split(line, field, /[,;]/)
	for (i = 1; i <= n; i++) {
		f = field[i]
		gsub(/uint64_t|[ \t]/, "", f)
		if (f == "" || f ~ /^tcps_states/)
			continue
		macro = f ~ /\[/ ? "COUNTERS" : "COUNTER"
		sub(/\[.*/, "", f)
		print macro "(" name ", " f ")"
	}
	line = ""
}
