# alpine.py - the stack's structures in gdb: printers that show them as their BSD tools would, and
# commands like ddb(4)'s. gdb -x scripts/gdb/alpine.py build/bin/alpined; README.md has a recipe.
#
# Names of flags are read from the headers beside this file when it is loaded, so that they are
# those of this source tree. Nothing here calls a function of the program: a core file will do.

import fnmatch
import os
import re
import socket
import struct

import gdb

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def flag_names(header, prefix):
    """The single bits that a header defines with this prefix, as (value, name)."""
    names = []
    try:
        text = open(os.path.join(TOP, header)).read()
    except OSError:
        return names
    for name, value in re.findall(r"#define\s+(%s\w+)\s+(0x[0-9a-fA-F]+)\b" % prefix, text):
        bits = int(value, 16)
        if bits and bits & (bits - 1) == 0:
            names.append((bits, name[len(prefix):]))
    return names


M_FLAGS = flag_names("bsdnet/sys/mbuf.h", "M_")
CSUM_FLAGS = [f for f in flag_names("bsdnet/sys/mbuf.h", "CSUM_") if not f[1].startswith("DELAY")]
TF_FLAGS = flag_names("bsdnet/netinet/tcp_var.h", "TF_")
TF2_FLAGS = flag_names("bsdnet/netinet/tcp_var.h", "TF2_")
SS_FLAGS = flag_names("bsdnet/sys/socketvar.h", "SS_")
SB_FLAGS = flag_names("bsdnet/sys/sockbuf.h", "SB_")
SBS_FLAGS = flag_names("bsdnet/sys/sockbuf.h", "SBS_")
RTF_FLAGS = flag_names("bsdnet/net/route.h", "RTF_")
INP_FLAGS = flag_names("bsdnet/netinet/in_pcb.h", "INP_")
SO_TYPES = {1: "STREAM", 2: "DGRAM", 3: "RAW", 5: "SEQPACKET"}
MT_NAMES = {0: "FREE", 1: "DATA", 8: "SONAME", 14: "CONTROL", 16: "OOBDATA"}
TIMERS = ("RACK", "TLP", "REXMT", "PERSIST", "KEEP", "2MSL", "DELACK")
NEVER = (1 << 63) - 1
CHAIN_MAX = 200  # mbufs of a chain, pcbs of a list, that are shown


def flags(value, names):
    value = int(value)
    found, seen = [], 0
    for bit, name in names:
        if value & bit and not seen & bit:
            found.append(name)
            seen |= bit
    if value & ~seen:
        found.append(hex(value & ~seen))
    return "|".join(found) or "0"


def ntohs(v):
    return socket.ntohs(int(v) & 0xFFFF)


def ipv4(v):
    """An in_addr (a struct, or its number in network order)."""
    if v.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        v = v["s_addr"]
    return socket.inet_ntoa(struct.pack("=I", int(v) & 0xFFFFFFFF))


def seconds(sbt):
    return int(sbt) / 4294967296.0


def value_of(name):
    """A variable of the program, global or static, as a value."""
    sym = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    if sym is None:
        raise gdb.GdbError("no variable %s: is this a program with the stack, built with -g?" % name)
    return sym.value()


def pointer(v):
    return "0x%x" % int(v)


def walk(head, link):
    """Elements of a LIST, STAILQ or TAILQ; head's first member points to the first one."""
    v = head[head.type.fields()[0].name]
    n = 0
    while int(v) != 0 and n < 100000:
        yield v
        v = v[link][v[link].type.fields()[0].name]
        n += 1


# ---- stacks ----

chosen_vnet = None  # by `alpine vnet NAME`


def vnets():
    return list(walk(value_of("vnet_head"), "vnet_le"))


def vnet_name(v):
    return v["vnet_name"].string()


def current_vnet():
    if chosen_vnet is not None:
        for v in vnets():
            if vnet_name(v) == chosen_vnet:
                return v
    v = value_of("curvnet")
    if int(v) == 0:
        raise gdb.GdbError("there is no stack yet: kern_boot() has not run")
    return v


def V(name, vnet=None):
    """The VNET variable V_name of a stack."""
    vnet = current_vnet() if vnet is None else vnet
    default = value_of("vnet_entry_" + name)
    if default.address is None:
        raise gdb.GdbError("V_%s has no address" % name)
    where = int(default.address) + int(vnet["vnet_data_base"])
    return gdb.Value(where).cast(default.type.pointer()).dereference()


def now_sbt():
    return int(value_of("now_sbt"))


# ---- text for structures ----

def mbuf_line(m):
    kind = MT_NAMES.get(int(m["m_type"]), str(int(m["m_type"])))
    text = "%s %s len %d data %s" % (pointer(m.address), kind, int(m["m_len"]), pointer(m["m_data"]))
    fl = int(m["m_flags"])
    text += " flags %s" % flags(fl, M_FLAGS)
    if fl & 2:
        ph = m["m_pkthdr"]
        text += " packet of %d" % int(ph["len"])
        if int(ph["rcvif"]):
            text += " from " + ph["rcvif"]["if_xname"].string()
        if int(ph["csum_flags"]):
            text += " csum " + flags(ph["csum_flags"], CSUM_FLAGS)
        if int(ph["tso_segsz"]):
            text += " tso %d" % int(ph["tso_segsz"])
        if int(ph["lro_nsegs"]) > 1:
            text += " lro %d" % int(ph["lro_nsegs"])
    if fl & 1:
        ext = m["m_ext"]
        text += " ext %d at %s refs %d" % (int(ext["ext_size"]), pointer(ext["ext_buf"]),
                                          int(ext["ext_cnt"].dereference()))
    return text


def chain(m, link="m_next"):
    """The mbufs from pointer m on."""
    n = 0
    while int(m) != 0 and n < CHAIN_MAX:
        yield m.dereference()
        m = m[link]
        n += 1


def chain_bytes(m, most):
    data = b""
    for one in chain(m):
        want = min(int(one["m_len"]), most - len(data))
        if want <= 0:
            break
        data += gdb.selected_inferior().read_memory(int(one["m_data"]), want).tobytes()
    return data


def tcp_flags(bits):
    return "".join(c for i, c in enumerate("FSRPAUEC") if bits & 1 << i) or "-"


def packet_line(data):
    """What an IPv4 packet (or an Ethernet frame with one) says."""
    prefix = ""
    if len(data) >= 34 and data[12:14] == b"\x08\x00" and data[14] >> 4 == 4 and data[0] >> 4 != 4:
        prefix = "%s > %s " % (data[6:12].hex(":"), data[0:6].hex(":"))
        data = data[14:]
    if len(data) < 20 or data[0] >> 4 != 4:
        return prefix + "not IPv4: " + data[:32].hex(" ")
    hl, total = (data[0] & 15) * 4, struct.unpack("!H", data[2:4])[0]
    src, dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
    rest, proto = data[hl:], data[9]
    if proto == 6 and len(rest) >= 20:
        sp, dp, seq, ack, off, fl, win = struct.unpack("!HHIIBBH", rest[:16])
        return prefix + "IP %s.%d > %s.%d TCP %s seq %u ack %u win %u len %d" % (
            src, sp, dst, dp, tcp_flags(fl), seq, ack, win, total - hl - (off >> 4) * 4)
    if proto == 17 and len(rest) >= 8:
        sp, dp, ln = struct.unpack("!HHH", rest[:6])
        return prefix + "IP %s.%d > %s.%d UDP len %d" % (src, sp, dst, dp, ln - 8)
    if proto == 1 and len(rest) >= 2:
        return prefix + "IP %s > %s ICMP type %d code %d" % (src, dst, rest[0], rest[1])
    return prefix + "IP %s > %s protocol %d len %d" % (src, dst, proto, total)


def endpoints(inc):
    ie = inc["inc_ie"]
    return "%s:%d <-> %s:%d" % (ipv4(ie["ie_dependladdr"]["id46_addr"]["ia46_addr4"]),
                                ntohs(ie["ie_lport"]),
                                ipv4(ie["ie_dependfaddr"]["id46_addr"]["ia46_addr4"]),
                                ntohs(ie["ie_fport"]))


def sockbuf_text(sb):
    mbufs = sum(1 for _ in chain(sb["sb_mb"]))
    return "%d of %d bytes, storage %d of %d, %d mbuf%s, lowat %d, flags %s, state %s" % (
        int(sb["sb_acc"]), int(sb["sb_hiwat"]), int(sb["sb_mbcnt"]), int(sb["sb_mbmax"]), mbufs,
        "" if mbufs == 1 else "s", int(sb["sb_lowat"]), flags(sb["sb_flags"], SB_FLAGS),
        flags(sb["sb_state"], SBS_FLAGS))


def tcp_state(tp):
    return value_of("tcpstates")[int(tp["t_state"])].string()


def tcp_timers(tp):
    now, text = now_sbt(), []
    for i, name in enumerate(TIMERS):
        at = int(tp["t_timers"][i])
        if at not in (0, NEVER):
            text.append("%s in %.3f s" % (name, seconds(at - now)))
    return ", ".join(text) or "none"


def u32(v):
    return int(v) & 0xFFFFFFFF


def tcpcb_lines(tp):
    iss, irs = u32(tp["iss"]), u32(tp["irs"])

    def s(name):
        return (u32(tp[name]) - iss) & 0xFFFFFFFF

    def r(name):
        return (u32(tp[name]) - irs) & 0xFFFFFFFF

    algo = tp["t_ccv"]["algo"]
    yield "%s %s" % (tcp_state(tp), endpoints(tp["t_inpcb"]["inp_inc"]))
    yield "flags %s flags2 %s" % (flags(tp["t_flags"], TF_FLAGS), flags(tp["t_flags2"], TF2_FLAGS))
    yield "snd (from iss %u) una %u nxt %u max %u wnd %u flight %u" % (
        iss, s("snd_una"), s("snd_nxt"), s("snd_max"), int(tp["snd_wnd"]), s("snd_max") - s("snd_una"))
    yield "rcv (from irs %u) nxt %u adv %u wnd %u, %d pieces wait for a gap" % (
        irs, r("rcv_nxt"), r("rcv_adv"), int(tp["rcv_wnd"]), int(tp["t_segqlen"]))
    yield "cc %s cwnd %u ssthresh %u dupacks %u sacked %u" % (
        algo["name"].string() if int(algo) else "(none)", int(tp["snd_cwnd"]),
        int(tp["snd_ssthresh"]), int(tp["t_dupacks"]), int(tp["t_sack"]["ss_bytes"]))
    yield "srtt %.3f ms rttvar %.3f ms rto %d ms shift %d mss %u" % (
        int(tp["t_srtt"]) / 1000.0, int(tp["t_rttvar"]) / 1000.0, int(tp["t_rxtcur"]),
        int(tp["t_rxtshift"]), int(tp["t_maxseg"]))
    yield "timers %s" % tcp_timers(tp)


def socket_lines(so):
    proto = so["so_proto"]
    yield "%s protocol %d state %s options 0x%x error %d refs %d vnet %s pcb %s" % (
        SO_TYPES.get(int(so["so_type"]), int(so["so_type"])),
        int(proto["pr_protocol"]) if int(proto) else 0, flags(so["so_state"], SS_FLAGS),
        int(so["so_options"]), int(so["so_error"]), int(so["so_count"]),
        vnet_name(so["so_vnet"]) if int(so["so_vnet"]) else "-", pointer(so["so_pcb"]))
    if int(so["sol_qlimit"]):
        yield "listening: %d to accept, %d half open, backlog %d, %d turned away" % (
            int(so["sol_qlen"]), int(so["sol_incqlen"]), int(so["sol_qlimit"]),
            int(so["sol_overcount"]))
        return
    yield "so_rcv: " + sockbuf_text(so["so_rcv"])
    yield "so_snd: " + sockbuf_text(so["so_snd"])


def route_text(rt):
    dst = rt["rt_dst"].address.cast(gdb.lookup_type("struct sockaddr_in").pointer())
    mask = rt["rt_mask"].address.cast(gdb.lookup_type("struct sockaddr_in").pointer())
    nh = rt["rt_nhop"]
    host = int(rt["rte_flags"]) & 4
    plen = 32 if host else bin(int(mask["sin_addr"]["s_addr"]) & 0xFFFFFFFF).count("1")
    gateway = ipv4(nh["gw4_sa"]["sin_addr"]) if int(rt["rte_flags"]) & 2 else "link"
    text = "%-18s %-15s %-6s mtu %d used %d %s" % (
        "%s/%d" % (ipv4(dst["sin_addr"]), plen), gateway, nh["nh_ifp"]["if_xname"].string(),
        int(nh["nh_mtu"]), int(nh["nh_pksent"]), flags(rt["rte_flags"], RTF_FLAGS))
    if int(rt["rt_expire"]):
        text += " expires in %.0f s" % seconds(int(rt["rt_expire"]) - now_sbt())
    return text


def callout_text(c):
    left = (int(c["c_time_ns"]) - int(value_of("tc_now_ns"))) / 1e9
    func = str(c["c_func"])
    name = re.search(r"<(.*?)>", func)
    vnet = vnet_name(c["c_vnet"]) if int(c["c_vnet"]) else "-"
    return "%12.6f s  %-28s arg %s vnet %s" % (left, name.group(1) if name else func,
                                               pointer(c["c_arg"]), vnet)


# ---- printers: what `print` and `info locals` show ----

class Summary:
    """One line of text for a structure."""

    def __init__(self, value, text):
        self.value, self.text = value, text

    def to_string(self):
        try:
            return "{%s}" % self.text(self.value)
        except (gdb.error, gdb.GdbError) as e:  # uninitialized, or gone
            return "{%s: %s}" % (self.value.type, e)


class Children(Summary):
    """The same, and the members of the structure behind it."""

    def children(self):
        for f in self.value.type.fields():
            if f.name:
                yield f.name, self.value[f]


PRINTERS = {
    "in_addr": (Summary, ipv4),
    "in_conninfo": (Summary, endpoints),
    "mbuf": (Summary, mbuf_line),
    "sockbuf": (Summary, sockbuf_text),
    "socket": (Summary, lambda so: "; ".join(socket_lines(so))),
    "inpcb": (Summary, lambda inp: "%s %s flags %s socket %s ppcb %s" % (
        inp["inp_pcbinfo"]["ipi_name"].string(), endpoints(inp["inp_inc"]),
        flags(inp["inp_flags"], INP_FLAGS), pointer(inp["inp_socket"]), pointer(inp["inp_ppcb"]))),
    "tcpcb": (Summary, lambda tp: "; ".join(tcpcb_lines(tp))),
    "rtentry": (Summary, route_text),
    "callout": (Summary, lambda c: callout_text(c).strip() if int(c["c_iflags"]) & 4 else "idle"),
    "vnet": (Summary, lambda v: "%s id %d, %d sockets, %d interfaces" % (
        vnet_name(v), int(v["vnet_id"]), int(v["vnet_sockcnt"]),
        sum(1 for _ in walk(V("ifnet", v), "if_link")))),
}


def lookup_printer(value):
    t = value.type.unqualified().strip_typedefs()
    if t.code != gdb.TYPE_CODE_STRUCT or t.tag not in PRINTERS:
        return None
    kind, text = PRINTERS[t.tag]
    return kind(value, text)


# ---- commands ----

class Command(gdb.Command):
    def __init__(self, name, func, completer=gdb.COMPLETE_NONE):
        self.__doc__ = func.__doc__
        super().__init__(name, gdb.COMMAND_DATA, completer)
        self.func = func

    def invoke(self, argument, from_tty):
        self.func(argument.strip())


class Prefix(gdb.Command):
    """The stack's structures. `help alpine` lists the commands."""

    def __init__(self):
        super().__init__("alpine", gdb.COMMAND_DATA, gdb.COMPLETE_COMMAND, True)


def pointer_to(expression, kind):
    """An expression as a pointer to a struct; a struct itself will do."""
    if not expression:
        raise gdb.GdbError("give an expression: a pointer to a struct %s" % kind)
    v = gdb.parse_and_eval(expression)
    t = v.type.strip_typedefs()
    if t.code == gdb.TYPE_CODE_STRUCT:
        v = v.address
    return v.cast(gdb.lookup_type("struct " + kind).pointer())


def cmd_vnets(_):
    """alpine vnets: the stacks of this process; * is the current one, by `alpine vnet` or curvnet."""
    current = current_vnet()
    for v in vnets():
        print("%s %s %s" % ("*" if v == current else " ", pointer(v), v.dereference()))


def cmd_vnet(argument):
    """alpine vnet [NAME | -]: choose the stack that the other commands show; - follows curvnet.
Without NAME: its interfaces and how many sockets it has."""
    global chosen_vnet
    if argument == "-":
        chosen_vnet = None
    elif argument:
        if argument not in [vnet_name(v) for v in vnets()]:
            raise gdb.GdbError("no stack named %s; `alpine vnets` lists them" % argument)
        chosen_vnet = argument
    v = current_vnet()
    print(v.dereference())
    for ifp in walk(V("ifnet", v), "if_link"):
        print("  %-8s mtu %d flags 0x%x in %d out %d packets" % (
            ifp["if_xname"].string(), int(ifp["if_mtu"]), int(ifp["if_flags"]),
            int(ifp["if_ipackets"]), int(ifp["if_opackets"])))


def cmd_v(argument):
    """alpine v NAME: the VNET variable V_NAME of the stack; $V("NAME") in expressions.
A pattern (tcp_do_*) shows all that fit; without one their names are listed."""
    name = argument[2:] if argument.startswith("V_") else argument
    if name and not set(name) & set("*?["):
        print("V_%s = %s" % (name, V(name).format_string(max_elements=16)))
        return
    listed = gdb.execute("info variables -q ^vnet_entry_", to_string=True)
    names = sorted(set(re.findall(r"\bvnet_entry_(\w+)", listed)))
    for n in fnmatch.filter(names, name or "*"):
        print("V_%s = %s" % (n, V(n).format_string(max_elements=16)) if name else "V_" + n)


def cmd_mbuf(argument):
    """alpine mbuf M: the chain that begins at M, its records, and the bytes of the first."""
    m = pointer_to(argument, "mbuf")
    total = 0
    for record in chain(m, "m_nextpkt"):
        for i, one in enumerate(chain(record.address)):
            print("%s%s" % ("    " if i else "  ", mbuf_line(one)))
            total += int(one["m_len"])
    data = chain_bytes(m, 64)
    print("  %d bytes" % total)
    for at in range(0, len(data), 16):
        part = data[at:at + 16]
        print("  %04x  %-47s  %s" % (at, part.hex(" "), "".join(
            chr(c) if 32 <= c < 127 else "." for c in part)))


def cmd_packet(argument):
    """alpine packet M: the headers of the packet in the chain M, Ethernet or IP first."""
    print(packet_line(chain_bytes(pointer_to(argument, "mbuf"), 128)))


def cmd_socket(argument):
    """alpine socket SO: a socket, its buffers, and its TCP connection."""
    so = pointer_to(argument, "socket")
    for line in socket_lines(so.dereference()):
        print(line)
    proto = so["so_proto"]
    if int(proto) and int(proto["pr_protocol"]) == 6 and int(so["so_pcb"]):
        inp = so["so_pcb"].cast(gdb.lookup_type("struct inpcb").pointer())
        show_tcpcb(inp["inp_ppcb"].cast(gdb.lookup_type("struct tcpcb").pointer()))


def show_tcpcb(tp):
    if int(tp) == 0:
        return
    for i, line in enumerate(tcpcb_lines(tp.dereference())):
        print("%s%s" % ("  " if i else "tcpcb %s " % pointer(tp), line))


def cmd_tcpcb(argument):
    """alpine tcpcb TP: a TCP connection: state, sequences relative to iss and irs, windows, timers."""
    show_tcpcb(pointer_to(argument, "tcpcb"))


def cmd_tcp(_):
    """alpine tcp: all TCP connections of the stack."""
    tcp = gdb.lookup_type("struct tcpcb").pointer()
    for i, inp in enumerate(walk(V("tcbinfo")["ipi_listhead"], "inp_list")):
        if i == CHAIN_MAX:
            print("... and more")
            break
        tp = inp["inp_ppcb"].cast(tcp)
        if int(tp) == 0:
            continue
        so = inp["inp_socket"]
        queued = "rcv %d snd %d" % (int(so["so_rcv"]["sb_acc"]), int(so["so_snd"]["sb_acc"])) \
            if int(so) else "no socket"
        print("%s %-12s %-44s cwnd %u flight %u %s" % (
            pointer(tp), tcp_state(tp), endpoints(inp["inp_inc"]), int(tp["snd_cwnd"]),
            u32(u32(tp["snd_max"]) - u32(tp["snd_una"])), queued))


def cmd_inpcbs(_):
    """alpine inpcbs: the pcbs of TCP, UDP and raw IP of the stack."""
    for name in ("tcbinfo", "udbinfo", "ripcbinfo"):
        try:
            info = V(name)
        except gdb.GdbError:
            continue
        for inp in walk(info["ipi_listhead"], "inp_list"):
            print("%s %s" % (pointer(inp), inp.dereference()))


def radix_walk(node):
    if int(node) == 0:
        return
    if int(node["rn_bits"]) != 0:
        yield node
    for i in range(2):
        yield from radix_walk(node["rn_child"][i])


def cmd_routes(argument):
    """alpine routes [FIB]: the IPv4 routing table of the stack."""
    rib = V("rib4")[int(argument or 0)]
    if int(rib) == 0:
        return
    rtentry = gdb.lookup_type("struct rtentry").pointer()
    for node in radix_walk(rib["rnh_tree"]["rnh_root"]):
        print(route_text(node.cast(rtentry).dereference()))


def cmd_callouts(_):
    """alpine callouts: the timers that are armed, of all stacks, soonest first."""
    wheel = value_of("wheel")
    found = []
    for level in range(wheel.type.range()[1] + 1):
        for i in range(wheel[level].type.range()[1] + 1):
            found += [c.dereference() for c in walk(wheel[level][i], "c_links")]
    for c in sorted(found, key=lambda c: int(c["c_time_ns"])):
        print(callout_text(c))


class VFunction(gdb.Function):
    """$V("NAME"): the VNET variable V_NAME of the current or chosen stack."""

    def __init__(self):
        super().__init__("V")

    def invoke(self, name):
        return V(name.string())


Prefix()
for _name, _func in (("vnets", cmd_vnets), ("vnet", cmd_vnet), ("v", cmd_v),
                     ("inpcbs", cmd_inpcbs), ("tcp", cmd_tcp), ("routes", cmd_routes),
                     ("callouts", cmd_callouts)):
    Command("alpine " + _name, _func)
for _name, _func in (("mbuf", cmd_mbuf), ("packet", cmd_packet), ("socket", cmd_socket),
                     ("tcpcb", cmd_tcpcb)):
    Command("alpine " + _name, _func, gdb.COMPLETE_EXPRESSION)
VFunction()
gdb.pretty_printers.insert(0, lookup_printer)
