# vsftpd, with all that confines it left on. The same as t/lab_vsftpd.t, in between in size.
KIND=server
PACKAGES="vsftpd curl lftp tnftp openssl"
TRIED="local and anonymous login; LIST, GET and PUT of 256 MiB by curl, lftp and tnftp on the peer, active and passive; ten sessions at once; chroot, privilege separation, isolate_network; and the same clients on the stack. 1 GiB: t/long_vsftpd.t"
SETTING="listen=YES, listen_ipv6=NO, until the stack has IPv6 sockets"

trial() {
	TOP=$ALPINE_TOP
	. "$TOP/t/lib/vsftpd.sh"
	vsftpd_trials 256 16
}
