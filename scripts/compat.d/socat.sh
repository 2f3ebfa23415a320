# socat: streams, datagrams, multicast and broadcast options, raw IP.
KIND=client
PACKAGES="socat"
TRIED="256 MiB each way by checksum; a relay with fork, 60 connections; UDP with a reply; options (nodelay, keepalive, linger, tos, bind, sourceport); raw IP; half close"

trial() {
	random data 256
	bg one peer sh -c "socat -u TCP-LISTEN:7001,bind=$PEER,reuseaddr - | cmp - $TMP/data && echo same"
	port=$BG
	sleep 0.5
	stack timeout 60 socat -u "OPEN:$TMP/data" TCP:$PEER:7001,nodelay,keepalive,linger=5,tos=16
	wait $port
	is "out, with options" "$(cat "$TMP/one.log")" same
	bg two peer socat -u "OPEN:$TMP/data" TCP-LISTEN:7002,bind=$PEER,reuseaddr
	sleep 0.5
	stack timeout 60 socat -u TCP:$PEER:7002,bind=$US,sourceport=4445 - >"$TMP/got"
	same "in, from port 4445" "$TMP/data" "$TMP/got"
	bg echo peer socat TCP-LISTEN:7003,bind=$PEER,reuseaddr,fork,backlog=100 EXEC:cat
	bg relay stack socat TCP-LISTEN:7004,bind=$US,reuseaddr,fork,backlog=100 TCP:$PEER:7003
	port_open peer $US 7004
	is "a relay, 60 connections at once" "$(peer timeout 30 $PY -c "
import socket
S = [socket.create_connection(('$US', 7004), 20) for i in range(60)]
for i, s in enumerate(S): s.sendall(b'%04d' % i)
print(sum(s.recv(99) == b'%04d' % i for i, s in enumerate(S)))")" 60
	is "half close through two of them" "$(printf x | stack timeout 10 socat -t 5 - TCP:$US:7004)" x
	bg udp peer socat UDP-LISTEN:7005,bind=$PEER,fork EXEC:cat
	sleep 0.3
	is "UDP" "$(printf datagram | stack timeout 10 socat -t 1 - UDP:$PEER:7005)" datagram
	bg raw peer timeout 10 socat -u IP4-RECV:200,bind=$PEER -
	sleep 0.3
	printf raw-ip | stack timeout 5 socat -u - IP4-SENDTO:$PEER:200
	ok "raw IP, protocol 200" wait_for 3 grep -q raw-ip "$TMP/raw.log"
	bg bcast peer timeout 10 socat -u UDP-RECV:7006,reuseaddr -
	sleep 0.3
	printf to-all | stack timeout 5 socat -u - UDP-DATAGRAM:10.11.12.255:7006,broadcast
	ok "broadcast" wait_for 3 grep -q to-all "$TMP/bcast.log"
	bg mcast peer timeout 10 socat -u UDP-RECV:7007,bind=239.1.2.3,ip-add-membership=239.1.2.3:$PEER -
	sleep 0.3
	printf to-some | stack timeout 5 socat -u - UDP-DATAGRAM:239.1.2.3:7007,ip-multicast-if=$US
	ok "multicast out" wait_for 3 grep -q to-some "$TMP/mcast.log"
	bg mcin stack timeout 10 socat -u UDP-RECV:7008,bind=239.1.2.4,ip-add-membership=239.1.2.4:$US -
	sleep 1
	printf to-us | peer timeout 5 socat -u - UDP-DATAGRAM:239.1.2.4:7008,ip-multicast-if=$PEER
	ok "multicast in" wait_for 3 grep -q to-us "$TMP/mcin.log"
}
