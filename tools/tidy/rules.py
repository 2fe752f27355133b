"""The rules. Each takes a tree.Tree and yields (path, line, message); docs: CONTRIBUTING.md and docs/adr."""
import os
import posixpath
import re

LINES_MAX = 500
FUNCTION_MAX = 70
COLUMNS_MAX = 120
WAIVER = re.compile(r"//\s*tidy: long because \S")

# A folder of core may include itself and what stands left of it. State lives in the log's database (design, D4), so it sees log.
CORE_ORDER = [["base"], ["model"], ["config", "codec", "net"], ["kafka", "schema_registry", "transform"], ["log"], ["state"], ["sql"], ["operators"], ["views"], ["pipeline"], ["catalog"]]
CORE_RANK = {name: rank for rank, names in enumerate(CORE_ORDER) for name in names}

# Third-party headers, their homes (path prefixes), and why.
HOMES = [
    (re.compile(r"libpq-fe\.h|libpq/|postgres_ext\.h"), ("connectors/postgres/connection.", "sinks/table/", "tests/support/", "tools/")),
    (re.compile(r"(mysql|mariadb)/|mysql\.h"), ("connectors/mysql/client.", "connectors/mysql/row_session.", "connectors/mysql/binlog_connection.", "connectors/mysql/receive_buffer.", "sinks/table/", "tests/support/", "tools/")),
    (re.compile(r"librdkafka/"), ("core/kafka/", "connectors/kafka/", "sinks/kafka/", "tests/support/", "tools/")),
    (re.compile(r"rocksdb/"), ("core/log/", "core/state/")),
    (re.compile(r"lz4\.h"), ("core/log/entry.",)),
    (re.compile(r"boost/"), ("web/", "core/net/", "tests/support/", "tools/")),
    (re.compile(r"openssl/"), ("web/", "core/net/", "connectors/mysql/receive_buffer.", "tests/support/")),
    (re.compile(r"yaml-cpp/"), ("core/config/",)),
    (re.compile(r"editline/"), ("app/sql.cc",)),
]
MUTEX_HOMES = ("core/base/channel.h", "core/base/signal.h", "tests/", "tools/")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
MUTEX = re.compile(r"\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::condition_variable|\bpthread_(mutex|cond|rwlock)_t\b")
SLEEP = re.compile(r"\bsleep_(for|until)\s*\(|\b(u|nano)sleep\s*\(|(?<![\w.>:])sleep\s*\(")
VIEWS = re.compile(r"\bstd::(ranges::)?views::|\bstd::ranges::(stable_partition|partition|unique|remove|remove_if|rotate|equal_range)\(")
RANGE_OF_TEMPORARY = re.compile(r"\bfor \([^;]* : [^;(]*\w\([^;]*\)(->\w+|\[[^\]]*\])\)( \{)?$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
TEST_FILE = re.compile(r"_(test|\w+test)\.cc$")


def _party(path):
    """What a file or an include belongs to: ("core", "log"), ("connectors", "postgres"), ("app", "") ..."""
    parts = path.split("/")
    if parts[0] in ("core", "connectors", "sinks"):
        return (parts[0], parts[1] if len(parts) > 2 else "")
    return (parts[0], "")


def _forbidden(owner, target):
    """Why a file of `owner` may not include a header of `target`; None if it may. Both are parties."""
    if owner == target or owner[0] in ("app", "tests", "tools"):
        return None
    if target[0] in ("app", "tests", "tools"):
        return f"{target[0]}/ is not to be included from {owner[0]}/"
    if owner[0] == "core":
        if target[0] != "core":
            return f"core may include only core, not {target[0]}/"
        if owner[1] not in CORE_RANK or target[1] not in CORE_RANK:
            return f"core/{target[1]} or core/{owner[1]} has no place in the order of core (tools/tidy/rules.py)"
        if CORE_RANK[target[1]] >= CORE_RANK[owner[1]]:
            return f"core/{owner[1]} may include only what stands left of it, not core/{target[1]}"
        return None
    if target[0] == "core":
        return None
    if owner[0] in ("connectors", "sinks") and owner[1] == "" and target[0] == owner[0]:
        return None  # the registry knows them all
    if owner[0] in ("connectors", "sinks") and target == (owner[0], ""):
        return None  # the registry's own header
    return f"{'/'.join(filter(None, owner))} may include only core and itself, not {'/'.join(filter(None, target))}"


def include_directions(tree):
    ours = {"app", "core", "connectors", "sinks", "web", "tests", "tools"}
    for path, file in tree.cpp.items():
        for number, line in enumerate(file.lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(2)
            if header.split("/")[0] in ours and "/" in header and match.group(1) == '"':
                reason = _forbidden(_party(path), _party(header))
                if reason:
                    yield path, number, f"include of {header}: {reason}"
                continue
            for pattern, homes in HOMES:
                if pattern.match(header) and not path.startswith(homes):
                    yield path, number, f"<{header}> has its home in {', '.join(homes)}"


def sources_are_built(tree):
    listed, tested = set(), set()
    for path, text in tree.cmake.items():
        folder = posixpath.dirname(path)
        for call in re.finditer(r"(\w+)\s*\(([^()]*)\)", text):
            for token in re.findall(r"[^\s\"]+\.cc\b", call.group(2)):
                plain = re.sub(r"^\$\{(CMAKE|PROJECT|headgate)_SOURCE_DIR\}/", "/", token)
                plain = plain.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")
                name = plain[1:] if plain.startswith("/") else posixpath.normpath(posixpath.join(folder, plain))
                listed.add(name)
                if call.group(1) == "hg_test":
                    tested.add(name)
    for path in tree.cpp:
        if path.endswith(".cc") and path not in listed:
            yield path, 1, "no CMakeLists.txt builds this file"
        elif path.startswith("tests/") and TEST_FILE.search(path) and path not in tested:
            yield path, 1, "is built, but no hg_test runs it"


def readmes_are_true(tree):
    folders = {}
    for path in tree.cpp:
        folders.setdefault(posixpath.dirname(path), []).append(posixpath.basename(path))
    for folder, names in sorted(folders.items()):
        # tests/unit mirrors the sources; one README at its top is enough.
        if folder in ("", "cmake") or folder.startswith("tests/unit/"):
            continue
        readme = f"{folder}/README.md"
        if readme not in tree.readmes:
            yield readme, 1, "the folder has sources but no README.md"
            continue
        text = tree.readmes[readme]
        for stem in sorted({name.rsplit(".", 1)[0] for name in names}):
            if not re.search(rf"(?<![\w]){re.escape(stem)}(?![\w])", text):
                yield readme, 1, f"does not mention {stem}"
    for readme, text in tree.readmes.items():
        folder = posixpath.dirname(readme)
        for number, line in enumerate(text.split("\n"), 1):
            for name in re.findall(r"`([\w./{},-]+\.(?:\{[\w,]+\}|cc|h|md|proto|py))`", line):
                for one in _expand(name):
                    if not tree.exists(posixpath.join(folder, one)) and not tree.exists(one):
                        yield readme, number, f"mentions {one}, which does not exist"


def _expand(name):
    match = re.search(r"\{([\w,]+)\}", name)
    if not match:
        return [name]
    return [name[:match.start()] + item + name[match.end():] for item in match.group(1).split(",")]


def lengths(tree):
    for path, file in tree.cpp.items():
        if len(file.lines) > LINES_MAX and not any(WAIVER.search(line) for line in file.lines[:30]):
            yield path, 1, (f"{len(file.lines)} lines, more than {LINES_MAX}: what is the second subject in it? "
                            "(or `// tidy: long because ...` near the top)")
        for function in file.functions():
            size = function.last - function.first + 1
            waived = any(WAIVER.search(line) for line in file.lines[max(0, function.first - 4):function.last])
            if size > FUNCTION_MAX and not waived:
                yield path, function.first, f"a function of {size} lines, more than {FUNCTION_MAX} (or `// tidy: long because ...` above it)"


def _decided(tree, file, number):
    """True if the line or the comment right above it names a decision record that exists."""
    for line in file.lines[max(0, number - 4):number]:
        for record in re.findall(r"docs/adr/(\d{4})", line):
            if any(name.startswith(record + "-") for name in tree.list("docs/adr")):
                return True
    return False


def threads(tree):
    for path, file in tree.cpp.items():
        for number, line in enumerate(file.code_lines, 1):
            if SLEEP.search(line):
                yield path, number, "sleeps: wait on a Channel, a Signal or a descriptor, with a deadline"
            if MUTEX.search(line) and not path.startswith(MUTEX_HOMES) and not _decided(tree, file, number):
                yield path, number, ("a mutex or condition variable outside Channel and Signal of core/base (docs/adr/0003); "
                                     "the comment above one that is needed names its record: docs/adr/NNNN")


def layout(tree):
    for path, file in tree.cpp.items():
        if path.endswith(".h"):
            first = next((line for line in file.code_lines if line.strip()), "")
            if first.strip() != "#pragma once":
                yield path, 1, "a header begins with #pragma once"
        for number, line in enumerate(file.lines, 1):
            if "\t" in line:
                yield path, number, "a tab"
            if len(line) > COLUMNS_MAX and number not in file.raw_lines and "http" not in line:
                yield path, number, f"{len(line)} columns, more than {COLUMNS_MAX}"
            if UNFINISHED.search(line):
                yield path, number, "unfinished: do it, or open an issue"


def compilers(tree):
    for path, file in tree.cpp.items():
        for number, line in enumerate(file.code_lines, 1):
            if VIEWS.search(line):
                yield path, number, "std::views and what gives a subrange: clang 14, which builds the fuzz targets, cannot read those of libstdc++ 12"
            if RANGE_OF_TEMPORARY.search(line.rstrip()):
                yield path, number, "a loop over a part of what a call returns, which may be gone by then: name the whole first"


ALL = [include_directions, sources_are_built, readmes_are_true, lengths, threads, layout, compilers]
