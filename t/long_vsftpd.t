#!/bin/bash
# lab_vsftpd.t with files of 1 GiB, and ten sessions with each server that carry 128 MiB both ways.
. "$(dirname "$0")/lib/lab.sh"
. "$TOP/t/lib/vsftpd.sh"
need vsftpd curl lftp tnftp openssl python3
lab_start
vsftpd_trials 1024 128
done_testing
