#!/bin/bash
# The socket calls one by one, through the shim and the stack, against a Linux peer.
#
#   peer 10.11.12.1: shim_net.py --serve ---- switch ---- alpined 10.11.12.13: shim_net.py
. "$(dirname "$0")/lib/lab.sh"
[ -x /usr/bin/python3 ] || skip_all "python3 is not installed"
lab_start
peer /usr/bin/python3 "$TOP/t/shim_net.py" --serve 10.11.12.1 >"$TMP/serve.log" 2>&1 &
wait_for 60 grep -q ready "$TMP/serve.log"
stack timeout 60 /usr/bin/python3 "$TOP/t/shim_net.py" 10.11.12.1 || FAILED=1
[ "$FAILED" = 0 ]
