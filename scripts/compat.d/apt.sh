# apt over http, from a repository on the peer; its methods are processes of another user.
KIND=client
PACKAGES="apt nginx-light dpkg"
TRIED="update, a package of 64 MiB downloaded by checksum, 30 small packages; as Debian has it: methods run as user _apt"

trial() {
	local i r="$TMP/w/root/debian" a="$TMP/apt"
	mkdir -p "$r/pool" "$a/etc/apt" "$a/state/lists/partial" "$a/cache/archives/partial" "$a/out" "$TMP/pkg/DEBIAN" "$TMP/pkg/opt"
	for i in $(seq 0 30); do
		printf 'Package: lab%d\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@alpine.test>\nDescription: a package\n' $i >"$TMP/pkg/DEBIAN/control"
		head -c $([ $i = 0 ] && echo 64M || echo 20K) /dev/urandom >"$TMP/pkg/opt/data"
		dpkg-deb -Znone --root-owner-group -b "$TMP/pkg" "$r/pool/lab${i}_1_all.deb" >/dev/null
		{ cat "$TMP/pkg/DEBIAN/control"
			printf 'Filename: pool/lab%d_1_all.deb\nSize: %d\nSHA256: %s\n\n' $i "$(stat -c %s "$r/pool/lab${i}_1_all.deb")" \
				"$(sha256sum <"$r/pool/lab${i}_1_all.deb" | cut -d' ' -f1)"; } >>"$r/Packages"
	done
	printf 'Date: %s\nSHA256:\n %s %d Packages\n' "$(date -uR)" "$(sha256sum <"$r/Packages" | cut -d' ' -f1)" "$(stat -c %s "$r/Packages")" >"$r/Release"
	chmod -R a+rX "$TMP/w"
	nginx_at peer $PEER "$TMP/w"
	echo "deb [trusted=yes] http://$PEER/debian ./" >"$a/etc/apt/sources.list"
	: >"$a/status"
	chown _apt "$a/state/lists/partial" "$a/cache/archives/partial" "$a/out"
	get() {
		(cd "$a/out" && stack timeout 60 apt-get -q -o Dir::Etc="$a/etc/apt" -o Dir::State="$a/state" -o Dir::State::status="$a/status" \
			-o Dir::Cache="$a/cache" -o Acquire::Languages=none -o Acquire::http::Proxy=false "$@" >"$TMP/apt.log" 2>&1)
	}
	ok "update" get update
	like "... fetched it" "$(cat "$TMP/apt.log")" "Get:.*Packages|Fetched"
	ok "download of 64 MiB" get download lab0
	same "... unchanged" "$a/out/lab0_1_all.deb" "$r/pool/lab0_1_all.deb"
	ok "download of 30 packages" get download $(seq -f 'lab%.0f' 30)
	ok "... unchanged" diff -r "$a/out" "$r/pool"
	like "its http method introduced itself to the server" "$(cat "$TMP/w/access.log")" "^$US .*Debian APT"
	[ "$FAILED" = 0 ] || diag "$(tail -n 5 "$TMP/apt.log")"
}
