"""plot_tcp.py - draws records of TCP (alpinectl tcplog, alpine-sim --tcplog) with gnuplot.

Three pictures under each other, one colour for each flow: the windows of its sender, its round
trips, its sequence numbers. Reads CSV and JSON lines; writes one PNG. Run by scripts/plot-tcp.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

COLOURS = ["#1f5fbf", "#d9541e", "#2f8f2f", "#8c3fa8", "#b8860b", "#108a8a", "#7a4b2a", "#5f5f5f"]
NEEDED = ("time_ns", "dir", "flow", "rseq", "rack", "len", "cwnd", "ssthresh", "flight", "srtt_us", "rto_ms")
PANELS = ("window", "rtt", "seq")
INFINITE = 1 << 29  # a slow start threshold that was never set


def fail(text):
    sys.exit("plot-tcp: " + text)


def arguments():
    p = argparse.ArgumentParser(
        prog="plot-tcp", description="Draws what `alpinectl tcplog` or `alpine-sim --tcplog` recorded.")
    p.add_argument("files", nargs="+", metavar="FILE", help="records, CSV or JSON lines; FILE=LABEL names its flows")
    p.add_argument("-o", "--output", metavar="PNG", help="(the first file's name with .png)")
    p.add_argument("-t", "--title", help="(the files' names)")
    p.add_argument("-n", "--flows", type=int, default=8, help="draw the N flows with the most data (8)")
    p.add_argument("-p", "--port", type=int, help="only flows with this port at either end")
    p.add_argument("-v", "--vnet", action="append", help="only flows of this stack; may be repeated")
    p.add_argument("-P", "--panels", default="window,rtt,seq", help="which, in order (window,rtt,seq)")
    p.add_argument("--from", dest="start", type=float, default=0.0, metavar="S", help="seconds after the first record")
    p.add_argument("--to", dest="end", type=float, metavar="S")
    p.add_argument("-s", "--size", default="1200x1200", metavar="WxH", help="pixels (1200x1200)")
    a = p.parse_args()
    a.panels = a.panels.split(",")
    for name in a.panels:
        if name not in PANELS:
            fail("no panel named %s; there are %s" % (name, ", ".join(PANELS)))
    try:
        a.width, a.height = (int(x) for x in a.size.split("x"))
    except ValueError:
        fail("--size %s is not WIDTHxHEIGHT" % a.size)
    return a


def records(path):
    """The records of a file, one dictionary each, with the line they stand in."""
    try:
        f = open(path, newline="")
    except OSError as e:
        fail("%s: %s" % (path, e.strerror))
    with f:
        first = f.read(1)
        f.seek(0)
        if first == "{":
            for n, line in enumerate(f, 1):
                try:
                    yield n, json.loads(line)
                except ValueError:
                    fail("%s:%d: expected a JSON object, got: %.40s" % (path, n, line.strip()))
            return
        rows = csv.reader(f)
        names = next(rows, [])
        missing = [c for c in NEEDED if c not in names]
        if missing:
            fail("%s:1: expected the names of columns, among them %s; record with: alpinectl tcplog start FILE"
                 % (path, ", ".join(missing)))
        for row in rows:
            if len(row) != len(names):
                if next(rows, None) is not None:
                    fail("%s:%d: expected %d fields" % (path, rows.line_num - 1, len(names)))
                print("plot-tcp: %s: the last line is cut off; drawn up to there" % path, file=sys.stderr)
                return
            yield rows.line_num, dict(zip(names, row))


class Flow:
    """One connection as one of its ends recorded it."""

    def __init__(self, row, label):
        local = "%s:%s" % (row.get("laddr", "?"), row.get("lport", "?"))
        peer = "%s:%s" % (row.get("faddr", "?"), row.get("fport", "?"))
        self.vnet = row.get("vnet", "")
        self.label = label or "%s > %s" % (local, peer)
        self.cc = row.get("cc", "")
        self.sent = self.received = self.rexmits = 0
        self.windows, self.rtts, self.rtos = [], [], []
        self.data = {"out": [], "in": []}
        self.again = []  # retransmissions
        self.acks = {"out": [], "in": []}
        self.high = {}  # to undo the wrap of 32 bits
        self.last = None

    def unwrap(self, what, value):
        high = self.high.get(what, 0)
        value += high & ~0xFFFFFFFF
        if value < high - (1 << 31):
            value += 1 << 32
        elif value > high + (1 << 31) and value >= 1 << 32:
            value -= 1 << 32
        self.high[what] = max(high, value)
        return value

    def add(self, t, row):
        way, length = row["dir"], int(row["len"])
        self.cc = row.get("cc") or self.cc
        if length:
            seq = self.unwrap("seq " + way, int(row["rseq"]))
            if way == "out":
                self.sent += length
            else:
                self.received += length
            if way == "out" and int(row.get("rexmit") or 0):
                self.rexmits += 1
                self.again.append((t, seq, seq + length))
            else:
                self.data[way].append((t, seq, seq + length))
        if "A" in row.get("flags", "A") and int(row["rack"]):
            self.acks[way].append((t, self.unwrap("ack " + way, int(row["rack"]))))
        if row.get("state", "") in ("NONE", "LISTEN") or int(row["cwnd"]) >= INFINITE:
            return  # no connection, or none that has a window yet
        pipe = int(row["flight"]) - int(row.get("sacked") or 0)  # what is still in the network
        window = (int(row["cwnd"]), int(row["ssthresh"]), pipe)
        if window != self.last:
            self.windows.append((t,) + window)
            self.last = window
        if int(row["srtt_us"]):
            self.rtts.append((t, int(row["srtt_us"]) / 1000.0))
            self.rtos.append((t, int(row["rto_ms"])))


def flows_of(a):
    flows, first = {}, None
    for i, arg in enumerate(a.files):
        path, _, label = arg.partition("=") if not os.path.exists(arg) else (arg, "", "")
        begin = None  # files with labels are runs of their own: each begins at 0
        for n, row in records(path):
            try:
                t = int(row["time_ns"])
                if a.port and a.port not in (int(row["lport"]), int(row["fport"])):
                    continue
                if a.vnet and row.get("vnet") not in a.vnet:
                    continue
                if begin is None:
                    begin = t if label or first is None else first
                    first = first if first is not None else t
                t = (t - begin) / 1e9
                if t < a.start or (a.end is not None and t > a.end):
                    continue
                key = (i, row.get("vnet", ""), row["flow"])
                if key not in flows:
                    flows[key] = Flow(row, label)
                flows[key].add(t, row)
            except (KeyError, ValueError, TypeError) as e:
                fail("%s:%d: %s" % (path, n, "no member %s" % e if isinstance(e, KeyError) else e))
    chosen = sorted(flows.values(), key=lambda f: -(f.sent + f.received))
    chosen = [f for f in chosen if f.sent + f.received or f.windows][:a.flows]
    if len(a.files) > 1:  # runs are drawn in the order in which they were named
        order = list(flows.values())
        chosen.sort(key=order.index)
    if not chosen:
        fail("no record of a connection in %s%s" % (", ".join(a.files), " that fits" if flows or first is None else ""))
    if len({f.vnet for f in chosen}) > 1:
        for f in chosen:
            f.label = "%s %s" % (f.vnet, f.label)
    return chosen, len(flows)


class Plot:
    """The gnuplot script, and its data in here-documents."""

    def __init__(self, a):
        self.a, self.lines, self.blocks = a, [], 0

    def block(self, rows):
        self.blocks += 1
        name = "$d%d" % self.blocks
        self.lines.append("%s << EOD" % name)
        self.lines += [" ".join("%.9g" % v if isinstance(v, float) else str(v) for v in r) for r in rows]
        self.lines.append("EOD")
        return name

    def panel(self, ylabel, curves, last):
        self.lines.append("set ylabel '%s'" % ylabel)
        self.lines.append("set xlabel '%s'" % ("time, s" if last else ""))
        if curves:
            self.lines.append("plot " + ", \\\n     ".join(curves))


def quoted(s):
    return "'" + s.replace("'", "''") + "'"


def scale(most):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if most >= 2 * unit:
            return unit, name
    return 1, "bytes"


def window_panel(p, flows, last):
    most = max((w[1] for f in flows for w in f.windows), default=1)
    most = max(most, max((w[3] for f in flows for w in f.windows), default=1))
    unit, name = scale(most)
    limit, curves = 1.6 * most, []
    for i, f in enumerate(flows):
        c, t = COLOURS[i % len(COLOURS)], f.label
        if not f.windows or not f.sent:
            continue
        d = p.block((r[0], r[1] / unit, r[2] / unit if r[2] < min(INFINITE, limit) else "NaN", r[3] / unit) for r in f.windows)
        curves.append("%s u 1:4 w steps lw 1 lc rgb '#90%s' t %s" % (d, c[1:], quoted("flight (without what SACK reported)") if not i else "''"))
        curves.append("%s u 1:3 w steps lw 1.5 dt 2 lc rgb '%s' t %s" % (d, c, quoted("ssthresh") if not i else "''"))
        curves.append("%s u 1:2 w steps lw 2 lc rgb '%s' t %s" % (d, c, quoted("cwnd, %s%s" % (t, " (%s)" % f.cc if f.cc else ""))))
    p.lines.append("set yrange [0:%g]" % (max(most, 1) / unit * (1.15 + 0.06 * len(curves))))
    p.panel("congestion window, " + name, curves, last)
    p.lines.append("set yrange [*:*]")


def rtt_panel(p, flows, last):
    curves = []
    for i, f in enumerate(flows):
        if not f.rtts or not f.sent:
            continue
        c = COLOURS[i % len(COLOURS)]
        curves.append("%s u 1:2 w steps lw 1 dt 3 lc rgb '%s' t %s" % (p.block(f.rtos), c, quoted("RTO") if not i else "''"))
        curves.append("%s u 1:2 w steps lw 2 lc rgb '%s' t %s" % (p.block(f.rtts), c, quoted("smoothed RTT, " + f.label)))
    most = max((r[1] for f in flows for r in f.rtos), default=1000)
    p.lines.append("set logscale y 10; set yrange [*:%g]" % (most * 1.6 ** (1 + len(curves))))
    p.panel("milliseconds", curves, last)
    p.lines.append("unset logscale y; set yrange [*:*]")


def seq_panel(p, flows, last):
    ends = [r[2] for f in flows for w in ("out", "in") for r in f.data[w]] or [1]
    unit, name = scale(max(ends))
    curves = []
    for i, f in enumerate(flows):
        c = COLOURS[i % len(COLOURS)]
        way, back = ("out", "in") if f.sent >= f.received else ("in", "out")
        seg = "u 1:2:(0):3 w vectors nohead"
        if f.data[way]:
            d = p.block((t, s / unit, (e - s) / unit) for t, s, e in f.data[way])
            word = "sent" if way == "out" else "received"
            curves.append("%s %s lw 2 lc rgb '%s' t %s" % (d, seg, c, quoted("data %s, %s" % (word, f.label))))
        if f.acks[back]:
            d = p.block((t, k / unit) for t, k in f.acks[back])
            curves.append("%s u 1:2 w steps lw 1 lc rgb '#60%s' t %s" % (d, c[1:], quoted("acknowledged") if not i else "''"))
    for i, f in enumerate(flows):
        if f.again:
            d = p.block((t, s / unit) for t, s, e in f.again)
            curves.append("%s u 1:2 w points pt 2 ps 1.1 lw 2 lc rgb '%s' t %s" % (
                d, "#d00000" if len(flows) == 1 else COLOURS[i % len(COLOURS)], quoted("%d retransmissions, %s" % (f.rexmits, f.label))))
    p.panel("sequence number, " + name, curves, last)


def main():
    a = arguments()
    flows, total = flows_of(a)
    out = a.output or os.path.splitext(a.files[0].partition("=")[0])[0] + ".png"
    title = a.title or ", ".join(os.path.basename(f.partition("=")[0]) for f in a.files)
    if total > len(flows):
        title += " (%d of %d flows)" % (len(flows), total)
    p = Plot(a)
    n = len(a.panels)
    p.lines += ["set terminal pngcairo size %d,%d font 'sans,11' background rgb 'white'" % (a.width, a.height),
                "set output " + quoted(out),
                "set multiplot layout %d,1 title %s font ',14' noenhanced margins 0.08,0.97,0.06,0.94 spacing 0,0.05"
                % (n, quoted(title)),
                "set key top left Left reverse opaque noenhanced samplen 2 font ',9' maxrows 12", "set grid lc rgb '#dddddd' lw 1 lt 1",
                "set border 3 lc rgb '#555555'", "set tics nomirror"]
    end = a.end if a.end is not None else max(t[0] for f in flows for t in f.windows + f.data["out"] + f.data["in"])
    p.lines.append("set xrange [%g:%g]" % (a.start, max(end, a.start + 1e-3)))
    draw = {"window": window_panel, "rtt": rtt_panel, "seq": seq_panel}
    for i, name in enumerate(a.panels):
        draw[name](p, flows, i == n - 1)
    p.lines.append("unset multiplot")
    with tempfile.NamedTemporaryFile("w", suffix=".gp") as f:
        f.write("\n".join(p.lines) + "\n")
        f.flush()
        done = subprocess.run(["gnuplot", f.name], stderr=subprocess.PIPE, text=True)
    # an empty panel is a warning of gnuplot's, not an error
    if done.returncode != 0 or not os.path.exists(out):
        fail("gnuplot: " + done.stderr.strip())
    for f in flows:
        print("%s: %s, %d bytes sent, %d received, %d retransmissions" % (f.label, f.cc or "-", f.sent, f.received, f.rexmits))
    print("drawn: " + out)


main()
