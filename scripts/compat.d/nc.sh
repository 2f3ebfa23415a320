# nc (OpenBSD's): TCP and UDP, both sides, half close, scanning.
KIND=client
PACKAGES="netcat-openbsd"
TRIED="256 MiB each way by checksum with half close (-N), listening (-l, -k), UDP, a port scan (-z), a source port (-p), a timeout (-w)"

trial() {
	random data 256
	peer sh -c "nc -l $PEER 7001 >$TMP/got" &
	sleep 0.5
	stack timeout 60 nc -N $PEER 7001 <"$TMP/data"
	wait $!
	same "out" "$TMP/data" "$TMP/got"
	peer sh -c "nc -N -l $PEER 7002 <$TMP/data" &
	sleep 0.5
	stack timeout 60 nc $PEER 7002 </dev/null >"$TMP/got"
	same "in" "$TMP/data" "$TMP/got"
	stack sh -c "timeout 60 nc -l $US 7003 >$TMP/got" &
	port=$!
	sleep 1
	peer timeout 60 nc -N $US 7003 <"$TMP/data"
	wait $port
	same "listening" "$TMP/data" "$TMP/got"
	stack sh -c "timeout 20 nc -k -l $US 7004 >$TMP/lines" &
	sleep 1
	for i in 1 2 3; do echo "line $i" | peer timeout 5 nc -N $US 7004; done
	ok "-k: one after the other" wait_for 3 sh -c "[ \"\$(cat $TMP/lines | tr '\n' ,)\" = 'line 1,line 2,line 3,' ]"
	bg udp peer timeout 20 nc -u -l $PEER 7005
	sleep 0.5
	echo datagram | stack timeout 5 nc -u -q 1 -w 1 $PEER 7005
	ok "UDP" wait_for 3 grep -qx datagram "$TMP/udp.log"
	peer sh -c "nc -l $PEER 7006 >/dev/null" &
	sleep 0.3
	like "-z" "$(stack timeout 10 nc -zv $PEER 7006 2>&1)" "succeeded"
	like "-z, closed" "$(stack timeout 10 nc -zv $PEER 7007 2>&1)" "refused"
	bg source peer sh -c "timeout 10 nc -n -v -l $PEER 7008"
	sleep 0.3
	stack timeout 5 nc -N -p 4444 $PEER 7008 </dev/null
	like "-p: from port 4444" "$(cat "$TMP/source.log")" "$US 4444"
	peer ip route add blackhole 192.0.2.0/24
	is "-w: gives up" "$(timeout 10 "$LABCMD" run --name "$LAB" nc -w 1 -z 192.0.2.1 80; echo $?)" 1
}
