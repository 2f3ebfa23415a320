#!/bin/bash
# CPython's own socket tests, the quick ones, on the stack. All of them: scripts/compat cpython.
. "$(dirname "$0")/lib/lab.sh"
need /usr/bin/python3.11
/usr/bin/python3.11 -c 'import test.test_socket' 2>/dev/null || skip_all "libpython3.11-testsuite is not installed"
lab_start
cd "$TMP" || exit 1
tests() { stack timeout -k 5 180 /usr/bin/python3.11 -m unittest "$@"; }
ok "TCP" tests test.test_socket.BasicTCPTest test.test_socket.BasicTCPTest2 test.test_socket.TCPTimeoutTest
ok "UDP" tests test.test_socket.BasicUDPTest test.test_socket.UDPTimeoutTest
ok "UDP-Lite" tests test.test_socket.BasicUDPLITETest test.test_socket.UDPLITETimeoutTest test.test_socket.SendrecvmsgUDPLITETestBase
ok "sendmsg and recvmsg" tests test.test_socket.SendmsgTCPTest test.test_socket.RecvmsgTCPTest test.test_socket.SendmsgUDPTest
ok "non-blocking" tests test.test_socket.NonBlockingTCPTests
ok "socketserver" stack timeout -k 5 180 /usr/bin/python3.11 -m test -u network test_socketserver
ok "a connection that was accepted and closed, its listener too" tests test.test_telnetlib.GeneralTests
ok "a reset wakes who waits in write()" tests test.test_ssl.ThreadedTests.test_nonblocking_send
ok "what was written before a reset is read" tests test.test_poplib.TestPOP3Class.test_stls_context
ok "SO_SNDBUF bounds what is on its way" tests test.test_asyncio.test_sendfile.EPollEventLoopTests.test_sendfile_close_peer_in_the_middle_of_receiving
ok "a write to an unconnected stream is EPIPE" tests test.test_ssl.BasicSocketTests.test_wrapped_unconnected
is "a bad pointer is EFAULT" "$(stack timeout 120 /usr/bin/python3.11 -c '
import ctypes, errno, socket
C = ctypes.CDLL(None, use_errno=True); bad = ctypes.c_void_p(8); n = ctypes.c_int(16); buf = ctypes.create_string_buffer(64)
s = socket.create_server(("127.0.0.1", 0)); f = s.fileno(); p = ctypes.byref(n)
c = socket.create_connection(s.getsockname())
for r in (C.getsockname(f, bad, p), C.getsockname(f, buf, bad), C.getsockopt(f, 1, 2, bad, p), C.setsockopt(f, 1, 2, bad, 4),
    C.ioctl(f, 0x8913, bad), C.bind(f, bad, 16), C.accept(f, bad, p)):
    print(r, errno.errorcode[ctypes.get_errno()], end=";")')" "$(for i in 1 2 3 4 5 6 7; do printf -- '-1 EFAULT;'; done)"
is "a stream that was never connected" "$(stack timeout 120 /usr/bin/python3.11 -c '
import socket, errno
for i in range(300): socket.socket().close()
try: socket.socket().recv(1)
except OSError as e: print(errno.errorcode[e.errno])')" ENOTCONN
is "no datagram goes to port 0" "$(stack timeout 120 /usr/bin/python3.11 -c '
import socket, errno
try: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 0))
except OSError as e: print(errno.errorcode[e.errno])')" EINVAL
done_testing
