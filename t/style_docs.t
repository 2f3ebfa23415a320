#!/usr/bin/python3
"""Documents against what they speak of: each test, file, function and link that a document names
exists, each file has its place in its folder's README.md, and each program's page and --help
know the same options."""
import glob, os, re, subprocess, sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
BUILD = os.environ.get("ALPINE_BUILD", "build")
TRACKED = subprocess.run(["git", "ls-files"], capture_output=True, text=True).stdout.split()
if not TRACKED:  # a tree without its repository
    TRACKED = [os.path.relpath(os.path.join(d, f)) for d, dirs, files in os.walk(".")
               if not re.match(r"\./(build|\.git)|.*__pycache__", d) for f in files]
TRACKED = [f for f in TRACKED if os.path.exists(f)]
DOCUMENTS = [f for f in TRACKED if f.endswith(".md") or f == "README"]
PAGES = [f for f in TRACKED if re.search(r"\.[1-9]$", f)]
TOP = sorted({f.split("/")[0] for f in TRACKED if "/" in f})
number = failed = 0


def check(name, offenders):
    global number, failed
    number += 1
    print("%s %d - %s" % ("not ok" if offenders else "ok", number, name))
    for line in list(offenders)[:40]:
        print("# " + line)
    failed += bool(offenders)


def lines(document):
    with open(document) as f:
        yield from enumerate(f.read().splitlines(), 1)


def text(path):
    with open(path, errors="replace") as f:
        return f.read()


def there(path):
    """A file of the tree: as it stands, a pattern, "a.[ch]", or a folder."""
    path = path.rstrip("/")
    pattern = re.sub(r"\.\[ch\]$", ".?", path)
    if any(ch in pattern for ch in "*?"):
        return bool(glob.glob(pattern))
    return os.path.exists(path)


# ---- paths and links

def dead_paths(document):
    folders = "|".join(re.escape(t) for t in TOP)
    for n, line in lines(document):
        line = re.sub(r"\\-", "-", line) if document in PAGES else line
        for path in re.findall(r"(?<![\w/.$@{}-])((?:%s)/[\w.*/\[\]-]*[\w*/\]])" % folders, line):
            path = path.rstrip("]") if "[" not in path else path
            stem = re.match(r"(t/\w+)\.so$", path)
            if not there(path) and not (stem and there(stem.group(1) + ".c")):
                yield "%s:%d: %s" % (document, n, path)
        for made in re.findall(r"build/t/(\w+)(?![\w*])", line):
            if not (there("t/%s.c" % made) or made in ("pdrun", "pd_driver")):
                yield "%s:%d: build/t/%s" % (document, n, made)
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", line):
            if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(document), link)):
                yield "%s:%d: link %s" % (document, n, link)


check("paths and links in documents lead somewhere",
      [p for d in DOCUMENTS + PAGES for p in dead_paths(d)])

# ---- tests and functions

TESTS = {}
for f in TRACKED:
    m = re.match(r"t/(?:packetdrill/|fuzz/)?(\w+)\.(c|t)$", f)
    if m:
        TESTS.setdefault(m.group(1), []).append(f)
FAMILIES = "|".join(sorted({t.split("_")[0] for t in TESTS if "_" in t} - {"test", "run", "pd", "cmd"}))


def cell_tests(cell):
    """The tests of a table's cell, "tcp_fsm test_rst, test_close; inet_pcb": (program, function)."""
    program = None
    for word in re.findall(r"(?<![\w/.])(\w+)(?:\.t)?(?![\w/])", cell):
        if word in TESTS or re.match(r"(%s)_\w+$" % FAMILIES, word):
            program = word
            yield word, None
        elif word.startswith("test_"):
            yield program, word


def wrong_tests(document):
    head = []
    for n, line in lines(document):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells or set(cells[0]) <= set("-"):
            head = head if cells else []
            continue
        if not head:
            head = [c.lower() for c in cells]
            continue
        for title, cell in zip(head, cells):
            if title not in ("test", "tests"):
                continue
            for program, function in cell_tests(cell):
                if program not in TESTS:
                    yield "%s:%d: no test %s" % (document, n, program)
                elif function and not any(re.search(r"\b%s\b" % function, text(f)) for f in TESTS[program]):
                    yield "%s:%d: no %s in %s" % (document, n, function, program)
            for row in re.findall(r"\b(\w+\.c)\b", cell):
                if not there(os.path.join(os.path.dirname(document), row)):
                    yield "%s:%d: no %s" % (document, n, row)


check("tests that tables name exist", [w for d in DOCUMENTS for w in wrong_tests(d)])

SOURCES = {}
for f in TRACKED:
    if f.endswith((".c", ".h")):
        SOURCES.setdefault(os.path.basename(f), []).append(f)


def wrong_where(document):
    """The column "where": "tcp_timer.c tcp_timer_keep, tcp_ack.c"."""
    head = []
    for n, line in lines(document):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else []
        head = head if cells else []
        if cells and not head:
            head = cells
        if "where" not in head or len(cells) != len(head) or cells == head:
            continue
        files = []
        for word in re.findall(r"[\w/]+\.[ch]\b|\b\w+_\w+\b|\b\w+\(\)", cells[head.index("where")]):
            if re.search(r"\.[ch]$", word):
                files = [f for f in SOURCES.get(os.path.basename(word), []) if f.endswith(word)]
                if not files:
                    yield "%s:%d: no %s" % (document, n, word)
            elif files and not any(re.search(r"\b%s\b" % word.strip("()"), text(f)) for f in files):
                yield "%s:%d: no %s in %s" % (document, n, word, files[0])


check("so do the functions", [w for d in DOCUMENTS for w in wrong_where(d)])

# ---- a folder and its README.md

FILE = r"(?:[\w@./*-]*\.(?:c|h|\[ch\]|t|py|sh|awk|map|md|conf|yaml|sysusers|bash|service|\d)|[\w/]+/)(?=[\s,;)]|$)"


def tables(document):
    """Each row of its tables: line, the folder that the table is about, the names in the first cell."""
    folder = os.path.dirname(document) or "."
    inside, head = folder, True
    for n, line in lines(document):
        if not line.startswith("|"):
            inside, head = folder, True
            continue
        if set(line) <= set("|- "):
            continue
        cell = line.strip("|").split("|")[0].replace("`", "").strip()
        m = re.fullmatch(r"(?:files? in )?([\w.]+)/", cell) if head else None
        inside = os.path.join(folder, m.group(1)) if m else inside
        if not head:
            yield n, inside, re.findall(r"(?<![\w/.])" + FILE, cell)
        head = False


def absent(document):
    for n, inside, names in tables(document):
        for name in names:
            if not there(os.path.join(inside, name)) and not there(name):
                yield "%s:%d: no %s" % (document, n, name)


check("files that README.md's tables name exist",
      [a for d in DOCUMENTS if d.endswith("README.md") for a in absent(d)])


def told(name, words):
    """By its own name, that of its source or header, without its ending, or by a pattern."""
    stem = re.escape(name.rsplit(".", 1)[0])
    if name in words or re.search(r"(?<![\w.-])%s(?![\w-]|\.\w)" % stem, words):
        return True
    if name.endswith((".c", ".h")) and re.search(r"(?<![\w])%s\.(c|h|\[ch\])" % stem, words):
        return True
    patterns = [p for p in re.findall(r"[\w-]*\*[\w.-]*", words) if len(p) > 3]
    return any(re.fullmatch(re.escape(p).replace(r"\*", ".*") + r"(\.\w+)?", name) for p in patterns)


def untold(document):
    """What lies beside a README.md, or in a folder that a table of it is about, and is not named there."""
    folder = os.path.dirname(document)
    words = text(document)
    about = {inside for n, inside, names in tables(document)} | {folder}
    for f in TRACKED:
        if f == document or not f.startswith(folder + "/"):
            continue
        if os.path.dirname(f) in about:
            if not told(os.path.basename(f), words):
                yield "%s: %s is not told of" % (document, f)
        else:
            below = f[len(folder) + 1:].split("/")[0]
            if not re.search(r"(?<![\w])%s/|[(]%s\b" % (re.escape(below), re.escape(below)), words):
                yield "%s: %s/ is not told of" % (document, below)


check("each file has a place in its folder's README.md",
      sorted({u for d in DOCUMENTS if d.endswith("/README.md") for u in untold(d)}))

# ---- programs that were tried

trials = {os.path.basename(f)[:-3] for f in TRACKED if re.match(r"scripts/compat\.d/[a-z][^/]*\.sh$", f)}
rows = set(re.findall(r"^\| (\S+) \|.*\d+ of \d+ checks", text("scripts/COMPATIBILITY.md"), re.M))
check("COMPATIBILITY.md has a row for each trial, and no other", sorted(trials ^ rows))

# ---- code

def skeleton(document):
    """The indented block of a document that begins with an #include, as a source file."""
    block = re.search(r"^    #include.*?(?=^\S)", text(document), re.M | re.S).group()
    return re.sub(r"^    ", "", block, flags=re.M)


def compiled(document):
    flags = subprocess.run(["make", "-s", "print-module-cflags"], capture_output=True, text=True).stdout.split()
    cc = os.environ.get("CC", "cc").split()
    p = subprocess.run(cc + flags + ["-Werror", "-fsyntax-only", "-x", "c", "-"], input=skeleton(document),
                       capture_output=True, text=True)
    return p.stderr.splitlines() if p.returncode else []


check("the skeleton of a congestion control algorithm compiles", compiled("bsdnet/netinet/cc/README.md"))

# ---- pages

PROGRAMS = {os.path.basename(p).rsplit(".", 1)[0]: p for p in PAGES if p.endswith((".1", ".8"))}


def page_options(page):
    """Long options in lines of macros: "It Fl a , -attach Ar how", "Fl -attach", "Op Fl -seed Ar n"."""
    for n, line in lines(page):
        line = line.replace("\\-", "-")
        if line.startswith("."):
            for word in re.findall(r"(?<![\w-])-{1,2}([a-z][a-z-]+)", line) if "Fl" in line else []:
                yield "--" + word


# for tests only, and said so
HIDDEN = {"alpined": {"--fault"}}

for name, page in sorted(PROGRAMS.items()):
    program = os.path.join(BUILD, "bin", name)
    if not os.path.exists(program):
        number += 1
        print("ok %d # SKIP %s is not built" % (number, program))
        continue
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True,
                               env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}).stdout
    helped = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", help_text))
    paged = set(page_options(page))
    check("%s --help has no option that its page has not" % name, sorted(helped - paged))
    check("nor the other way round", sorted(paged - helped - HIDDEN.get(name, set())))

print("1..%d" % number)
sys.exit(failed != 0)
