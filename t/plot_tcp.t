#!/bin/bash
# scripts/plot-tcp: a picture of records in both formats, which flows are drawn, and what is said
# of a file that is wrong. Pictures only where gnuplot is installed.
cd "$(dirname "$0")/.." || exit 1
PY=/usr/bin/python3
[ -x $PY ] || { echo "1..0 # SKIP $PY is not installed"; exit 0; }
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
N=0 BAD=0
like() { # like NAME GOT REGEX
	N=$((N + 1))
	if grep -Eq -- "$3" <<<"$2"; then echo "ok $N - $1"; else
		echo "not ok $N - $1"; echo "# got: $2"; echo "# pattern: $3"; BAD=1
	fi
}
plot() { $PY scripts/plot.d/plot_tcp.py "$@" 2>&1; echo "status $?"; }
# Two connections of two stacks, the first with a retransmission and sequence numbers that wrap.
$PY - "$TMP" <<'EOF2'
import csv, json, sys
names = ("n time_ns dir vnet flow laddr lport faddr fport seq ack rseq rack len segs flags win rexmit state cc recovery "
         "cwnd ssthresh flight sacked snd_wnd rcv_wnd srtt_us rttvar_us rto_ms mss dupacks").split()
rows = []
for flow, port in (("aaaa0001", 1000), ("bbbb0002", 2000)):
    for i in range(200):
        r = dict.fromkeys(names, 0)
        r.update(n=len(rows) + 1, time_ns=10**18 + i * 10**7, dir="out" if i % 2 == 0 else "in", vnet="h%d" % (port // 1000),
                 flow=flow, laddr="10.0.0.1", lport=port, faddr="10.0.0.2", fport=80, flags="A", state="ESTABLISHED",
                 cc="cubic", recovery="open", cwnd=14480 + i * 100, ssthresh=1 << 30 if i < 100 else 10000,
                 flight=10000, srtt_us=20000 + i, rto_ms=230, mss=1448)
        if i % 2 == 0:
            r.update(rseq=(2**32 - 100000 + i * 1448) % 2**32 if port == 1000 else 1 + i * 1448, len=1448,
                     rexmit=int(port == 1000 and i == 150))
        else:
            r.update(rack=(2**32 - 100000 + i * 1448) % 2**32 if port == 1000 else 1 + i * 1448)
        rows.append(r)
rows.sort(key=lambda r: r["time_ns"])
with open(sys.argv[1] + "/log.csv", "w", newline="") as f:
    w = csv.DictWriter(f, names, lineterminator="\n")
    w.writeheader()
    w.writerows(rows)
with open(sys.argv[1] + "/log.jsonl", "w") as f:
    f.writelines(json.dumps(r) + "\n" for r in rows)
EOF2
if command -v gnuplot >/dev/null; then
	for kind in csv jsonl; do
		got=$(plot -o "$TMP/$kind.png" "$TMP/log.$kind")
		like "$kind: a flow, its bytes, its retransmissions" "$got" "^h1 10\.0\.0\.1:1000 > 10\.0\.0\.2:80: cubic, 144800 bytes sent, 0 received, 1 retransmissions"
		like "$kind: and the other" "$got" "^h2 10\.0\.0\.1:2000 .* 0 retransmissions"
		like "$kind: a PNG" "$(head -c 8 "$TMP/$kind.png" | od -An -c)" "211 +P +N +G"
	done
	N=$((N + 1))
	if cmp -s "$TMP/csv.png" "$TMP/jsonl.png"; then echo "not ok $N - titles differ by the file's name"; BAD=1; else echo "ok $N - titles differ by the file's name"; fi
	plot -t x -o "$TMP/a.png" "$TMP/log.csv" >/dev/null; plot -t x -o "$TMP/b.png" "$TMP/log.jsonl" >/dev/null
	like "both formats make the same picture" "$(cmp "$TMP/a.png" "$TMP/b.png" && echo same)" "^same"
	like "one flow by its port" "$(plot -p 2000 -o "$TMP/p.png" "$TMP/log.csv" | grep -c retransmissions)" "^1$"
	like "one flow by its stack" "$(plot -v h1 -o "$TMP/p.png" "$TMP/log.csv")" "^10\.0\.0\.1:1000"
	like "labels of runs" "$(plot -o "$TMP/p.png" "$TMP/log.csv=first" "$TMP/log.jsonl=second")" "^h1 second: cubic"
	like "a span of time" "$(plot --from 0.5 --to 1 -o "$TMP/p.png" "$TMP/log.csv")" "^h1 .*, (36200|37648) bytes sent"
	head -c -20 "$TMP/log.csv" >"$TMP/cut.csv"
	like "a cut line is told of" "$(plot -o "$TMP/p.png" "$TMP/cut.csv")" "the last line is cut off; drawn up to there"
fi
like "no such file" "$(plot "$TMP/no.csv")" "no.csv: No such file or directory"
like "and the status is 1" "$(plot "$TMP/no.csv")" "^status 1"
echo "a,b,c" >"$TMP/x.csv"
like "another kind of CSV" "$(plot "$TMP/x.csv")" "x.csv:1: expected the names of columns, among them time_ns.*alpinectl tcplog start FILE"
printf '{"n":1}\n{"n":\n' >"$TMP/x.jsonl"
like "a member is missing" "$(plot "$TMP/x.jsonl")" "x.jsonl:1: no member 'time_ns'"
sed '3s/.*/{"n":/' "$TMP/log.jsonl" >"$TMP/y.jsonl"
like "a broken line has its number" "$(plot "$TMP/y.jsonl")" "y.jsonl:3: expected a JSON object"
sed '5s/cubic,open,[0-9]*/cubic,open,many/' "$TMP/log.csv" >"$TMP/y.csv"
like "a number that is none" "$(plot "$TMP/y.csv")" "y.csv:5: invalid literal"
head -n 1 "$TMP/log.csv" >"$TMP/empty.csv"
like "no records" "$(plot "$TMP/empty.csv")" "no record of a connection in"
like "no such panel" "$(plot -P cwnd "$TMP/log.csv")" "no panel named cwnd; there are window, rtt, seq"
echo "1..$N"
exit $BAD
