# memcached: four threads, each with an event loop; text protocol by TCP and UDP.
KIND=server
PACKAGES="memcached"
TRIED="100 connections, 20,000 values set and read back by TCP; 500 by UDP; increments that add up; values of 900 KiB; asleep when idle"

trial() {
	local main
	bg memcached stack memcached -u nobody -l $US -p 11211 -U 11211 -t 4 -m 256
	main=$BG
	port_open peer $US 11211
	cat >"$TMP/mc.py" <<'PY'
import asyncio, os, socket, struct, sys, zlib
async def client(i, n, size):
    r, w = await asyncio.open_connection(sys.argv[1], 11211, limit=1 << 21)
    good = 0
    for k in range(n):
        v = os.urandom(1 + (i * 131 + k * 977) % size)
        w.write(b"set k%d.%d 7 0 %d\r\n%s\r\n" % (i, k, len(v), v))
        assert await r.readline() == b"STORED\r\n"
        w.write(b"get k%d.%d\r\n" % (i, k))
        head = (await r.readline()).split()
        got = await r.readexactly(int(head[3]) + 7)
        good += head[2] == b"7" and got == v + b"\r\nEND\r\n"
        w.write(b"incr n 1\r\n"); await r.readline()
    w.close()
    return good
async def main():
    r, w = await asyncio.open_connection(sys.argv[1], 11211)
    w.write(b"set n 0 0 1\r\n0\r\n"); await r.readline()
    print(sum(await asyncio.gather(*(client(i, 200, 4000) for i in range(100)))))
    w.write(b"get n\r\n"); await r.readline(); print(int(await r.readline()))
    print(sum(await asyncio.gather(*(client(1000 + i, 10, 900 << 10) for i in range(4)))))
asyncio.run(main())
s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(5); s.connect((sys.argv[1], 11211))
good = 0
for i in range(500):
    s.send(struct.pack("!4H", i, 0, 1, 0) + b"set u%d 0 0 5\r\n%05d\r\n" % (i, i)); s.recv(2000)
    s.send(struct.pack("!4H", i, 0, 1, 0) + b"get u%d\r\n" % i)
    good += s.recv(2000)[8:].split(b"\r\n")[1] == b"%05d" % i
print(good)
PY
	is "values, increments, large values, UDP" "$(peer timeout 100 $PY "$TMP/mc.py" $US 2>&1 | tr '\n' ' ')" "20000 20000 40 500 "
	sleep 1
	asleep memcached $main memcached 3 40 # a clock, once a second
	kill -TERM $main
	wait $main
	is "it ends in order, by a signal to alpine-run" $? 0
}
