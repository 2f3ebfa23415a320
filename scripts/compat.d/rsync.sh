# rsync: its daemon and over ssh; two processes share the socket.
KIND=client
PACKAGES="rsync openssh-client openssh-server"
TRIED="a tree of 300 files and 256 MiB, from and to a daemon on the peer and over ssh; only what differs; the daemon on the stack"

trial() {
	local i opts
	mkdir -p "$TMP/tree/deep"
	random tree/big 256
	for i in $(seq 300); do head -c $((i * 333)) /dev/urandom >"$TMP/tree/deep/$i"; done
	printf 'uid=root\ngid=root\nuse chroot=yes\n[tree]\npath=%s\n[in]\npath=%s\nread only=no\n' "$TMP/tree" "$TMP/in" >"$TMP/rsyncd.conf"
	mkdir "$TMP/in"
	bg peer peer rsync --daemon --no-detach --config="$TMP/rsyncd.conf" --address=$PEER
	bg stack stack rsync --daemon --no-detach --config="$TMP/rsyncd.conf" --address=$US
	port_open peer $PEER 873
	port_open peer $US 873
	stack timeout 60 rsync -a rsync://$PEER/tree/ "$TMP/a/"
	ok "from a daemon" diff -r "$TMP/tree" "$TMP/a"
	stack timeout 60 rsync -a "$TMP/tree/" rsync://$PEER/in/
	ok "to a daemon" diff -r "$TMP/tree" "$TMP/in"
	printf 'changed' | dd of="$TMP/a/big" bs=1 seek=100000000 conv=notrunc 2>/dev/null
	touch -d yesterday "$TMP/a/big"
	like "only what differs" "$(stack timeout 60 rsync -a --no-whole-file --stats rsync://$PEER/tree/ "$TMP/a/" | grep 'Literal data')" "Literal data: [0-9]{1,3},?[0-9]{3} bytes"
	ok "... and then it is the same" diff -r "$TMP/tree" "$TMP/a"
	rm -rf "$TMP/in" && mkdir "$TMP/in"
	peer timeout 60 rsync -a "$TMP/tree/" rsync://$US/in/
	ok "to a daemon on the stack, chrooted" diff -r "$TMP/tree" "$TMP/in"
	ssh_keys
	sshd_at peer $PEER 22
	mapfile -t opts < <(ssh_options)
	stack timeout 60 rsync -a -e "ssh ${opts[*]}" root@$PEER:"$TMP/tree/" "$TMP/b/"
	ok "over ssh" diff -r "$TMP/tree" "$TMP/b"
}
