#!/bin/bash
# Each scenario of t/sim/examples runs and shows what it is there to show. Shorter than it says where it would
# take long.
cd "$(dirname "$0")/.." || exit 1
. t/sim/env.sh
run() { # run NAME [OPTION...]
	local name=$1
	shift
	ok "$name" "$SIM" -o "$TMP/$name" --no-pcap "$@" "$EX/$name.conf"
	J=$TMP/$name/summary.json
	done+=("$name")
}
done=()
run two-hosts
is "the file arrives" "$(json "$J" 'flow("upload")["received"]')" 10000000
run dumbbell --duration 15s
is "the bottleneck is busy" "$(json "$J" 'line("bottleneck","r1")["busy_ns"] > 0.9 * d["virtual_ns"]')" True
is "both get something" "$(json "$J" 'min(flow("cubic")["goodput_bps"], flow("newreno")["goodput_bps"]) > 3e6')" True
run lossy-gigabit --duration 8s
is "losses are repaired without waiting for time-outs" "$(json "$J" 'line("path1","sender1")["lost"] > 0 and flow("cubic")["goodput_bps"] > 40e6')" True
run gilbert-elliott
is "everything goes wrong, and all arrives in order" "$(json "$J" 'flow("download")["bad_bytes"], min(line("radio","server")[k] for k in ("lost","duplicated","corrupted","reordered")) > 0')" "(0, True)"
run codel
is "requests do not wait behind the load" "$(json "$J" 'flow("rpc-bloated")["p50_ns"] > 2 * flow("rpc-controlled")["p50_ns"]')" True
is "marks instead of losses" "$(json "$J" 'flow("load-marked")["resent"], line("marked","se")["marks"] > 0')" "(0, True)"
is "hardly any throughput is lost by it" "$(json "$J" 'flow("load-controlled")["goodput_bps"] > 0.85 * flow("load-bloated")["goodput_bps"]')" True
run parking-lot --duration 20s
is "the long way gets least, but something" "$(json "$J" '0.2e6 < flow("through")["goodput_bps"] < min(flow("cross%d" % i)["goodput_bps"] for i in (1,2,3))')" True
run office --duration 6s
is "pages for each PC" "$(json "$J" 'min(flow("pages%d" % i)["latencies"] for i in range(1, 21)) > 0')" True
is "no connection failed" "$(json "$J" 'sum(f["failed"] for f in d["flows"])')" 0
run gigabit --duration 300ms
is "a gigabit" "$(json "$J" 'flow("f")["goodput_bps"] > 8e8')" True
run thousand-hosts --duration 1100ms
is "1,000 hosts and a router" "$(json "$J" 'd["hosts"]')" 1001
is "each flow delivers" "$(json "$J" 'min(f["received"] for f in d["flows"]) > 10000')" True
run idle-hour
is "an hour passes in a moment" "$(json "$J" 'd["virtual_ns"]')" 3600000000000
is "with its keepalives" "$(json "$J" 'flow("rare")["open"], line("wire","a")["sent"] > 60')" "(1, True)"
is "every example was run" "$(cd $EX && for f in *.conf; do echo "${f%.conf}"; done | sort | tr '\n' ' ')" "$(printf '%s\n' "${done[@]}" | sort | tr '\n' ' ')"
finish
