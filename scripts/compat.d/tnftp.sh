# tnftp, Debian's ftp: stdio on its sockets, where Alpine4Linux hung.
KIND=client
PACKAGES="tnftp vsftpd openssl nginx-light"
TRIED="LIST, GET and PUT of 256 MiB, active and passive; mget of 40 files; a file by http"

trial() {
	local mode i
	mkdir -p "$TMP/peer" "$TMP/copy" "$TMP/w/root"
	ftp_account "$TMP/peer"
	ftp_config "$TMP/peer" $PEER
	random peer/home/file 256
	mkdir "$TMP/peer/home/tree" && chmod 755 "$TMP/peer/home/tree"
	for i in $(seq 40); do head -c $((i * 4999)) /dev/urandom >"$TMP/peer/home/tree/$i"; done
	chmod 644 "$TMP"/peer/home/tree/*
	ln "$TMP/peer/home/file" "$TMP/w/root/file"
	nginx_at peer $PEER "$TMP/w"
	ftp_server peer "$TMP/peer" >"$TMP/ftp.log" 2>&1 &
	port_open peer $PEER 21
	for mode in passive active; do
		ok "$mode: LIST, GET, PUT of 256 MiB" ftp_trial tnftp $mode $PEER "$TMP/peer" file $mode stack
	done
	(cd "$TMP/copy" && printf '%s\n' "user $FTP_USER $FTP_PASSWORD" binary prompt "cd tree" "mget *" bye | stack timeout 60 tnftp -n $PEER >"$TMP/mget" 2>&1)
	ok "mget of 40 files" diff -r "$TMP/peer/home/tree" "$TMP/copy"
	stack timeout 60 tnftp -o "$TMP/got" http://$PEER/file >/dev/null 2>&1
	same "by http" "$TMP/w/root/file" "$TMP/got"
}
