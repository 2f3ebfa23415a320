#!/bin/bash
# alpine-sim --tcplog: the records of all hosts' segments, the same each time, in both formats.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
PY=/usr/bin/python3
ok "records" "$SIM" -o "$TMP/a" --tcplog "$TMP/a.csv" $EX/two-hosts.conf
ok "and again" "$SIM" --tcplog "$TMP/b.csv" $EX/two-hosts.conf
ok "the same" cmp "$TMP/a.csv" "$TMP/b.csv"
ok "as JSON" "$SIM" --tcplog "$TMP/a.jsonl" $EX/two-hosts.conf
cat >"$TMP/look.py" <<'END'
import csv, json, sys
c = list(csv.DictReader(open(sys.argv[1])))
j = [json.loads(l) for l in open(sys.argv[2])]
print("same" if [{k: str(v) for k, v in r.items()} for r in j] == c else "different")
a = [r for r in c if r["vnet"] == "a"]
print("out", sum(1 for r in c if r["dir"] == "out"))
print("bytes", max(int(r["rseq"]) + int(r["len"]) for r in a if r["dir"] == "out" and int(r["len"])) - 1)
print("gaps", [int(r["n"]) for r in c] != list(range(1, len(c) + 1)))
print("again", sum(int(r["rexmit"]) for r in a))
END
$PY "$TMP/look.py" "$TMP/a.csv" "$TMP/a.jsonl" >"$TMP/look"
like "both formats say the same" "$(cat "$TMP/look")" "^same"
like "all that was sent is there" "$(cat "$TMP/look")" "^bytes 10000000$"
like "none is missing" "$(cat "$TMP/look")" "^gaps False$"
is "retransmissions are those of the summary" "$(sed -n 's/^again //p' "$TMP/look")" "$(json "$TMP/a/summary.json" 'flow("upload")["resent"]')"
ok "every tenth of one host" "$SIM" --tcplog "$TMP/c.csv" --tcplog-filter "every=10 port=5001" $EX/two-hosts.conf
is "a tenth" "$(($(wc -l <"$TMP/c.csv") - 1))" "$((($(wc -l <"$TMP/a.csv") - 1 + 9) / 10))"
like "a wrong filter" "$("$SIM" --tcplog "$TMP/d.csv" --tcplog-filter port=x $EX/two-hosts.conf 2>&1)" "port=x is not a port"
like "a file that cannot be" "$("$SIM" --tcplog /no/x.csv $EX/two-hosts.conf 2>&1)" "/no/x.csv: No such file or directory"
finish
