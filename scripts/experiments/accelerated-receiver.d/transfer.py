"""transfer.py - one file by TCP, and how it grew.

    transfer.py serve ADDRESS PORT BYTES [ALGORITHM]      to whoever connects
    transfer.py fetch ADDRESS PORT CSV                    writes "seconds,bytes" as it comes
"""
import socket
import sys
import threading
import time


def serve(address, port, size, algorithm="cubic"):
    listener = socket.create_server((address, int(port)))
    listener.setsockopt(socket.IPPROTO_TCP, 13, algorithm.encode())  # TCP_CONGESTION
    print("ready", flush=True)
    while True:
        conn, _ = listener.accept()

        def send(c=conn):
            with c:
                c.sendall(bytes(int(size)))
                c.shutdown(socket.SHUT_WR)
                c.recv(1)

        threading.Thread(target=send, daemon=True).start()


def fetch(address, port, csv):
    begin, total, rows = time.monotonic(), 0, ["seconds,bytes"]
    with socket.create_connection((address, int(port)), 10) as s:
        s.settimeout(10)
        while data := s.recv(65536):
            total += len(data)
            rows.append("%.6f,%d" % (time.monotonic() - begin, total))
    open(csv, "w").write("\n".join(rows) + "\n")
    print("%d bytes in %.3f s" % (total, time.monotonic() - begin))


{"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
