#!/usr/bin/python3
"""bench.py - our stack against the Linux kernel's, in the same place, in the same run.

    machine:  alpined's TAP --+
              veth of "kern" -+-- bridge -- eth0 ---- switch ---- peer (netbench server)

Both are asked by the same program (netbench), alternately, pinned alike: on one CPU (everything on
it, the peer too), then on two. Prints the medians, and ours as a ratio of the kernel's. The
congestion control is cubic on Linux's side; ours is said in the head line.

usage: scripts/bench [--seconds S] [--rounds N] [--cpus 1|2|both] [--only MEASURE,...]
"""
import argparse, os, re, statistics, subprocess, sys, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ALPINE_BUILD", "build")
BUILD = BUILD if BUILD.startswith("/") else os.path.join(TOP, BUILD)
LAB = os.path.join(TOP, "scripts", "lab")
NAME = "bench%d" % os.getpid()
NETBENCH = os.path.join(BUILD, "bin", "netbench")
PEER, PORT, KERNEL_ADDR = "10.11.12.1", "5001", "10.11.12.14"

# name, netbench's words, what its line is asked for
MEASURES = [
    ("TCP bulk out, 1 stream", ["out"], "bytes_per_s"),
    ("TCP bulk in, 1 stream", ["in"], "bytes_per_s"),
    ("TCP bulk out, 8 streams", ["out", "8"], "bytes_per_s"),
    ("TCP bulk in, 8 streams", ["in", "8"], "bytes_per_s"),
    ("TCP request/response", ["rr"], "per_s"),
    ("TCP connections", ["conn"], "per_s"),
    ("UDP request/response", ["udprr"], "per_s"),
]


def run(*cmd, **kw):
    return subprocess.run(cmd, check=True, text=True, capture_output=True, **kw).stdout


def lab(*args):
    return run(LAB, args[0], "--name", NAME, *args[1:])


def busy_seconds():
    f = open("/proc/stat").readline().split()
    return (sum(map(int, f[1:4])) + sum(map(int, f[6:9]))) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, cpus):
        self.cpus = cpus
        self.background = []
        self.pin = ["taskset", "-c", cpus]

    def start(self, role, *cmd):
        p = subprocess.Popen([LAB, role, "--name", NAME, *self.pin, *cmd],
                             stdout=subprocess.DEVNULL)
        self.background.append(p)

    def __enter__(self):
        lab("up")
        run(*self.pin, LAB, "alpined", "--name", NAME)
        bridge = [l.split()[1].rstrip(":") for l in lab("machine", "ip", "-o", "link", "show", "type", "bridge").splitlines()][0]
        # the kernel's host: a namespace of its own on the machine's bridge
        self.start("machine", "unshare", "--net", "sleep", "infinity")
        holder = None
        for _ in range(100):
            time.sleep(0.05)
            holder = [p for p in run("pgrep", "-f", "sleep infinity").split() if self.is_kern(p)]
            if holder:
                break
        self.kern = holder[0]
        lab("machine", "ip", "link", "add", "kern", "type", "veth", "peer", "name", "eth0", "netns", self.kern)
        lab("machine", "ip", "link", "set", "kern", "master", bridge, "up")
        enter = ["nsenter", "-t", self.kern, "--net"]
        run(*enter, "sh", "-c", "echo cubic >/proc/sys/net/ipv4/tcp_congestion_control;"
            "ip link set lo up; ip link set eth0 up; ip addr add %s/24 dev eth0" % KERNEL_ADDR)
        self.enter = enter
        self.start("peer", NETBENCH, "server", PEER, PORT)
        time.sleep(0.3)
        return self

    def is_kern(self, pid):
        try:
            env = open("/proc/%s/environ" % pid).read()
            ns = os.readlink("/proc/%s/ns/net" % pid)
        except OSError:
            return False
        mine = [os.readlink("/proc/%s/ns/net" % lab_pid) for lab_pid in self.holders()]
        return ("/" + NAME + "\0") in env and ns not in mine

    def holders(self):
        return re.findall(r"^(?:switch|peer|machine)\s+(\d+)", lab("status"), re.M)

    def __exit__(self, *exc):
        lab("down")
        for p in self.background:
            p.wait()

    def measure(self, who, words, key, seconds):
        cmd = [NETBENCH, words[0], PEER, PORT, str(seconds), *words[1:]]
        before = busy_seconds()
        if who == "kernel":
            line = run(*self.enter, *self.pin, *cmd)
        else:
            line = run(LAB, "run", "--name", NAME, *self.pin, *cmd)
        busy = busy_seconds() - before
        values = dict(zip(line.split()[::2], map(float, line.split()[1::2])))
        values["value"] = values[key]
        if key == "bytes_per_s":
            values["cpu_per_gb"] = busy / (values[key] * seconds / 1e9)
        return values


def show(value, key):
    return "%.2f GB/s" % (value / 1e9) if key == "bytes_per_s" else "%.0f /s" % value


def main():
    ap = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=float, default=1.0)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--cpus", choices=["1", "2", "both"], default="both")
    ap.add_argument("--only", default="")
    a = ap.parse_args()
    if not os.path.exists(NETBENCH):
        sys.exit("bench: %s is not built; type: make all bench" % NETBENCH)
    measures = [m for m in MEASURES if any(o in m[0] for o in a.only.split(","))]
    for cpus in {"1": ["0"], "2": ["0,1"], "both": ["0", "0,1"]}[a.cpus]:
        with Bench(cpus) as b:
            try:
                cc = lab("ctl", "sysctl", "net.inet.tcp.cc.algorithm").split(": ")[-1].strip()
            except subprocess.CalledProcessError:
                cc = "?"
            print("\n%s CPU%s, %d rounds of %.1f s, medians; Linux %s cubic, alpine %s" % (
                len(cpus.split(",")), "s" if "," in cpus else "", a.rounds, a.seconds, os.uname().release, cc))
            print("%-26s %14s %14s %7s   %s" % ("", "kernel", "alpine", "ratio", ""))
            for name, words, key in measures:
                got = {"kernel": [], "alpine": []}
                for _ in range(a.rounds):
                    for who in got:
                        got[who].append(b.measure(who, words, key, a.seconds))
                med = {w: {k: statistics.median(v[k] for v in got[w]) for k in got[w][0]} for w in got}
                k, o = med["kernel"], med["alpine"]
                if key == "bytes_per_s":
                    extra = "CPU s/GB %.2f / %.2f" % (k["cpu_per_gb"], o["cpu_per_gb"])
                else:
                    extra = "p50 %.1f / %.1f us, p99 %.1f / %.1f us" % (
                        k["p50_us"], o["p50_us"], k["p99_us"], o["p99_us"])
                print("%-26s %14s %14s %7.2f   %s" % (
                    name, show(k["value"], key), show(o["value"], key), o["value"] / k["value"], extra), flush=True)


if __name__ == "__main__":
    main()
