#!/usr/bin/env bash
# long_fuzz.t - libFuzzer on each target of t/fuzz for a minute (FUZZ_SECONDS). Part of the long
# suite. What it finds is left in build-fuzz/found: add it to t/fuzz/corpus with the mend. What it
# learnt stays in build-fuzz/corpus; the inputs of it that reach code which the tree's do not:
#	build-fuzz/fuzz_X -merge=1 -use_counters=0 t/fuzz/corpus/X build-fuzz/corpus/X
set -u
cd "$(dirname "$0")/.." || exit 1
if [ "${ALPINE_BUILD:-build}" != build ]; then # scripts/check runs it for each build
	echo "1..0 # skip the fuzz targets are always sanitized"
	exit 0
fi
command -v clang >/dev/null || { echo "1..0 # skip no clang"; exit 0; }
if ! echo 'int LLVMFuzzerTestOneInput(void){return 0;}' |
	clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then
	echo "1..0 # skip clang has no libFuzzer (package libclang-rt-14-dev)"
	exit 0
fi
targets="tcp_segment tcp_options frame"
echo "1..3"
make fuzz >/tmp/fuzz.$$ 2>&1 || { echo "Bail out! make fuzz failed: /tmp/fuzz.$$"; exit 1; }
rm -f /tmp/fuzz.$$
n=0 failed=0
for t in $targets; do
	n=$((n + 1))
	mkdir -p "build-fuzz/found/$t" "build-fuzz/corpus/$t"
	if "build-fuzz/fuzz_$t" -max_total_time="${FUZZ_SECONDS:-60}" -max_len=800 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/found/$t/" "build-fuzz/corpus/$t" "t/fuzz/corpus/$t" \
		>"build-fuzz/$t.log" 2>&1; then
		echo "ok $n - $t: $(awk '/number_of_executed_units/ {print $2}' "build-fuzz/$t.log") inputs"
	else
		echo "not ok $n - $t: see build-fuzz/$t.log"
		grep -vE 'NEW|REDUCE|pulse' "build-fuzz/$t.log" | tail -n 30 | sed 's/^/# /'
		failed=1
	fi
done
exit $failed
