# ftp.sh - vsftpd with an account of its own, and transfers by three clients. Sourced, by tests,
# demo and compat; wants a lab (peer, stack). Nothing of the machine's /etc is changed: the
# account exists in a mount namespace of the server's.

FTP_USER=alpine-ftp FTP_PASSWORD=a-lab-password

# ftp_account DIR: passwd, group and shadow with one user more, whose home is DIR/home.
ftp_account() {
	local id=64999
	cp /etc/passwd /etc/group /etc/shadow "$1/" && chmod 600 "$1/shadow"
	echo "$FTP_USER:x:$id:$id:lab:$1/home:/bin/sh" >>"$1/passwd"
	echo "$FTP_USER:x:$id:" >>"$1/group"
	printf '%s:%s:19000:0:99999:7:::\n' "$FTP_USER" "$(openssl passwd -6 "$FTP_PASSWORD")" >>"$1/shadow"
	mkdir -p "$1/home/in" "$1/pub/in" "$1/empty"
	chown $id:$id "$1/home/in"
	chown "$(id -u ftp):$(id -g ftp)" "$1/pub/in"
	chmod 755 "$1" "$1/home" "$1/home/in" "$1/pub" "$1/pub/in" "$1/empty"
}

# ftp_config DIR ADDRESS: Debian's configuration as it comes, an address, anonymous users and uploads
# added, each user locked into a folder. Privilege separation and isolate_network stay on (default).
ftp_config() {
	cat >"$1/vsftpd.conf" <<CONF
listen=YES
listen_ipv6=NO
listen_address=$2
background=NO
anonymous_enable=YES
local_enable=YES
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
chroot_local_user=YES
connect_from_port_20=YES
use_localtime=YES
xferlog_enable=YES
vsftpd_log_file=$1/log.transfers
secure_chroot_dir=$1/empty
anon_root=$1/pub
pam_service_name=vsftpd
CONF
}

# ftp_server WHERE DIR: vsftpd there (peer or stack), in the foreground.
ftp_server() {
	unshare --mount sh -c 'for f in passwd group shadow; do mount --bind "$1/$f" /etc/$f || exit 1; done
		shift; exec "$@"' sh "$2" "$ALPINE_TOP/scripts/lab" "${1/stack/run}" vsftpd "$2/vsftpd.conf"
}

# ftp_client CLIENT MODE ADDRESS FROM TO UP: LIST on standard output, GET FROM into TO, PUT TO as UP.
# The account is $FTP_USER; MODE is passive or active. Runs where the caller's "$@" prefix says.
ftp_client() {
	local client=$1 mode=$2 address=$3 from=$4 to=$5 up=$6 url
	url=ftp://$FTP_USER:$FTP_PASSWORD@$address
	shift 6
	case $client-$mode in
	curl-passive) set -- "$@" curl -sS ;;
	curl-active) set -- "$@" curl -sS --ftp-port - ;;
	esac
	case $client in
	curl) "$@" "$url/" && "$@" -o "$to" "$url/$from" && "$@" -T "$to" "$url/$up" ;;
	lftp)
		[ "$mode" = passive ] && mode=on || mode=off
		"$@" lftp -c "set net:max-retries 1; set net:timeout 20; set ftp:passive-mode $mode; set cmd:fail-exit yes
			open -u $FTP_USER,$FTP_PASSWORD $address; cls -l; get $from -o $to; put $to -o $up"
		;;
	tnftp)
		[ "$mode" = passive ] && mode=-p || mode=-A
		printf '%s\n' "user $FTP_USER $FTP_PASSWORD" binary ls "get $from $to" "put $to $up" bye |
			"$@" tnftp "$mode" -n -v "$address"
		;;
	esac
}

# ftp_trial CLIENT MODE ADDRESS DIR FILE WORD [PREFIX...]: the three of them with DIR/home/FILE, to the
# server whose folder is DIR; passes when the list names the file and all bytes came back alike.
ftp_trial() {
	local client=$1 mode=$2 address=$3 dir=$4 file=$5 word=$6 list
	shift 6
	list=$(ftp_client "$client" "$mode" "$address" "$file" "$dir/got-$word" "in/up-$word" "$@" 2>&1)
	printf '%s\n' "$list"
	grep -q "[0-9] $file\$" <<<"$list" &&
		cmp "$dir/home/$file" "$dir/got-$word" && cmp "$dir/home/$file" "$dir/home/in/up-$word" &&
		rm -f "$dir/got-$word" "$dir/home/in/up-$word"
}
