# lftp against vsftpd on the peer.
KIND=client
PACKAGES="lftp vsftpd openssl"
TRIED="LIST, GET and PUT of 256 MiB, active and passive; mirror of a tree with 4 transfers at once; a file in 4 pieces (pget)"

trial() {
	local mode i
	mkdir -p "$TMP/peer" "$TMP/copy"
	ftp_account "$TMP/peer"
	ftp_config "$TMP/peer" $PEER
	random peer/home/file 256
	mkdir "$TMP/peer/home/tree" && chmod 755 "$TMP/peer/home/tree"
	for i in $(seq 40); do head -c $((i * 4999)) /dev/urandom >"$TMP/peer/home/tree/$i"; done
	chmod 644 "$TMP"/peer/home/tree/*
	ftp_server peer "$TMP/peer" >"$TMP/ftp.log" 2>&1 &
	port_open peer $PEER 21
	for mode in passive active; do
		ok "$mode: LIST, GET, PUT of 256 MiB" ftp_trial lftp $mode $PEER "$TMP/peer" file $mode stack
	done
	stack timeout 60 lftp -c "set ftp:passive-mode on; open -u $FTP_USER,$FTP_PASSWORD $PEER; mirror -P 4 tree $TMP/copy/tree"
	ok "mirror, 4 at once" diff -r "$TMP/peer/home/tree" "$TMP/copy/tree"
	stack timeout 60 lftp -c "open -u $FTP_USER,$FTP_PASSWORD $PEER; pget -n 4 file -o $TMP/copy/file"
	same "a file in 4 pieces" "$TMP/peer/home/file" "$TMP/copy/file"
}
