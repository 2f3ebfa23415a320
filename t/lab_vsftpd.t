#!/bin/bash
# vsftpd with privilege separation, chroot and isolate_network, active and passive, both ways; the
# short form. With 1 GiB: t/long_vsftpd.t.
. "$(dirname "$0")/lib/lab.sh"
. "$TOP/t/lib/vsftpd.sh"
need vsftpd curl lftp tnftp openssl python3
lab_start
vsftpd_trials 64 2
done_testing
