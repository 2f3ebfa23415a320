#!/bin/bash
# A thousand connections at once, each echoing its own bytes, to a server on the stack and from a
# client on it; and 3,000 short ones in a row.
. "$(dirname "$0")/lib/lab.sh"
need python3
lab_start
cat >"$TMP/echo.py" <<'PY'
import asyncio, sys
async def serve(r, w):
    while (d := await r.read(65536)):
        w.write(d); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]), backlog=1024)
    print("ready", flush=True)
    async with s: await s.serve_forever()
asyncio.run(main())
PY
cat >"$TMP/many.py" <<'PY'
import asyncio, os, sys
host, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def one(i, gate, up):
    r, w = await asyncio.open_connection(host, port)
    up.append(i)
    if len(up) == n: gate.set()
    await gate.wait()                       # all are open at the same time
    for k in range(3):
        msg = os.urandom(1 + (i * 37 + k * 1999) % 9000)
        w.write(msg); await w.drain()
        assert await r.readexactly(len(msg)) == msg, "bytes differ"
    w.close(); await w.wait_closed()
    return 1
async def main():
    gate, up = asyncio.Event(), []
    print(sum(await asyncio.wait_for(asyncio.gather(*(one(i, gate, up) for i in range(n))), 300)))
asyncio.run(main())
PY
cat >"$TMP/short.py" <<'PY'
import socket, sys
for i in range(int(sys.argv[3])):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
    s.sendall(b"x%d" % i); assert s.recv(100)[:1] == b"x"; s.close()
print("done")
PY
ulimit -n 8192
stack python3 "$TMP/echo.py" 10.11.12.13 7001 >"$TMP/r1" 2>&1 &
peer python3 "$TMP/echo.py" 10.11.12.1 7001 >"$TMP/r2" 2>&1 &
wait_for 60 grep -q ready "$TMP/r1"
wait_for 60 grep -q ready "$TMP/r2"
is "1,000 connections at once to a server on the stack" "$(peer python3 "$TMP/many.py" 10.11.12.13 7001 1000 2>&1 | tail -n 1)" 1000
is "1,000 connections at once from the stack" "$(stack python3 "$TMP/many.py" 10.11.12.1 7001 1000 2>&1 | tail -n 1)" 1000
is "3,000 in a row to the stack" "$(peer python3 "$TMP/short.py" 10.11.12.13 7001 3000 2>&1 | tail -n 1)" "done"
is "3,000 in a row from the stack" "$(stack python3 "$TMP/short.py" 10.11.12.1 7001 3000 2>&1 | tail -n 1)" "done"
idle() { # CPU ticks of alpined over a second
	local p=$(alpined_pid) a b
	a=$(awk '{print $14 + $15}' "/proc/$p/stat"); sleep 1; b=$(awk '{print $14 + $15}' "/proc/$p/stat")
	echo $((b - a))
}
for i in $(seq 30); do # it has ends of connections to see to, on a busy machine for a while
	TICKS=$(idle)
	[ "$TICKS" -gt 1 ] || break
done
ok "idle, alpined uses no CPU ($TICKS ticks of 10 ms in a second)" test "$TICKS" -le 1
done_testing
