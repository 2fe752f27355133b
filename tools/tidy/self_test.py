"""Small trees that break each rule once, and ones that break none."""
import os
import tempfile

GOOD_TREE = {
    "core/CMakeLists.txt": "add_subdirectory(base)\n",
    "core/base/CMakeLists.txt": "hg_library(base SOURCES a.cc)\n",
    "core/base/README.md": "`a.h`: a. `channel.h`: the queue.\n",
    "core/base/a.h": "#pragma once\n",
    "core/base/a.cc": '#include "core/base/a.h"\nint Sleepy(); // sleep_for( in a comment\nconst char* t = "std::mutex";\n',
    "core/base/channel.h": "// Says what it is.\n#pragma once\n#include <mutex>\nstruct C { std::mutex m; };\n",
    "core/log/CMakeLists.txt": "hg_library(log SOURCES log.cc)\n",
    "core/log/README.md": "`log.{h,cc}`\n",
    "core/log/log.h": '#pragma once\n#include "core/base/a.h"\n#include "core/model/row.h"\n#include <rocksdb/db.h>\n',
    "core/log/log.cc": '#include "core/log/log.h"\n',
    "core/model/README.md": "`row.h`\n",
    "core/model/row.h": "#pragma once\n",
    "connectors/README.md": "`registry.h`\n",
    "connectors/registry.h": '#pragma once\n#include "connectors/postgres/connection.h"\n',
    "connectors/postgres/README.md": "`connection.h`\n",
    "connectors/postgres/connection.h": '#pragma once\n#include <libpq-fe.h>\n#include "core/log/log.h"\n',
    "web/README.md": "`server.h`\n",
    "web/server.h": '#pragma once\n#include <boost/asio.hpp>\n#include "core/log/log.h"\n',
    "app/README.md": "`main.cc`\n",
    "app/CMakeLists.txt": "add_executable(headgate main.cc)\n",
    "app/main.cc": '#include "web/server.h"\n#include "connectors/postgres/connection.h"\nint main() {\n' + "  // x\n" * 60 + "}\n",
    "tests/unit/base/CMakeLists.txt": "hg_test(base_test LABELS unit SOURCES a_test.cc)\n",
    "tests/unit/base/a_test.cc": '#include <mutex>\nstd::mutex m;\nconst char* long_text = R"(' + "x" * 200 + ')";\n',
}

LONG_BODY = "void F() {\n" + "  G();\n" * 80 + "}\n"

# What is added to or replaced in the good tree, where the one finding must be, and a part of its text.
BROKEN = [
    ({"core/base/a.h": '#pragma once\n#include "core/model/row.h"\n'}, "core/base/a.h:2", "only what stands left"),
    ({"core/log/log.h": '#pragma once\n#include "core/sql/s.h"\n'}, "core/log/log.h:2", "only what stands left"),
    ({"core/log/log.h": '#pragma once\n#include "web/server.h"\n'}, "core/log/log.h:2", "core may include only core"),
    ({"web/server.h": '#pragma once\n#include "connectors/postgres/connection.h"\n'}, "web/server.h:2", "only core and itself"),
    ({"connectors/postgres/connection.h": '#pragma once\n#include "connectors/mysql/x.h"\n'}, "connectors/postgres/connection.h:2", "only core"),
    ({"connectors/postgres/connection.h": '#pragma once\n#include "sinks/webhook/x.h"\n'}, "connectors/postgres/connection.h:2", "only core"),
    ({"core/model/row.h": '#pragma once\n#include "tests/support/x.h"\n'}, "core/model/row.h:2", "not to be included"),
    ({"core/new/README.md": "`n.h`\n", "core/new/n.h": '#pragma once\n#include "core/base/a.h"\n'}, "core/new/n.h:2", "no place in the order"),
    ({"web/server.h": "#pragma once\n#include <libpq-fe.h>\n"}, "web/server.h:2", "has its home in"),
    ({"core/model/row.h": "#pragma once\n#include <rocksdb/db.h>\n"}, "core/model/row.h:2", "has its home in"),
    ({"core/log/log.h": "#pragma once\n#include <boost/asio.hpp>\n"}, "core/log/log.h:2", "has its home in"),
    ({"core/log/log.h": "#pragma once\n#include <openssl/ssl.h>\n"}, "core/log/log.h:2", "has its home in"),
    ({"core/base/b.cc": "int b;\n", "core/base/README.md": "`a.h` `b.cc` `channel.h`\n"}, "core/base/b.cc:1", "no CMakeLists.txt builds"),
    ({"tests/unit/base/b_pgtest.cc": "int b;\n", "tests/unit/base/CMakeLists.txt": "add_executable(x b_pgtest.cc)\nhg_test(t SOURCES a_test.cc)\n"},
     "tests/unit/base/b_pgtest.cc:1", "no hg_test runs it"),
    ({"core/model/README.md": None}, "core/model/README.md:1", "no README.md"),
    ({"core/model/README.md": "Rows.\n"}, "core/model/README.md:1", "does not mention row"),
    ({"core/model/README.md": "row\n`gone.cc`\n"}, "core/model/README.md:2", "mentions gone.cc"),
    ({"core/base/a.cc": "int x;\n" * 501}, "core/base/a.cc:1", "501 lines"),
    ({"core/base/a.cc": "namespace a {\n" + LONG_BODY + "}\n"}, "core/base/a.cc:2", "a function of 82 lines"),
    ({"core/base/a.cc": "A::A(int b)\n    : a_{b}, c_{1} {\n" + "  G();\n" * 80 + "}\n"}, "core/base/a.cc:1", "a function of"),
    ({"core/model/row.h": "#pragma once\nstruct R {\n  " + LONG_BODY.replace("\n", "\n  ") + "};\n"}, "core/model/row.h:3", "a function of"),
    ({"core/base/a.cc": "struct S {\n  std::mutex m;\n};\n"}, "core/base/a.cc:2", "outside Channel and Signal"),
    ({"core/base/a.cc": "// docs/adr/0009\nstd::mutex m;\n", "docs/adr/0008-x.md": ""}, "core/base/a.cc:2", "outside Channel and Signal"),
    ({"core/base/a.cc": "std::condition_variable_any c;\n"}, "core/base/a.cc:1", "outside Channel and Signal"),
    ({"tests/unit/base/a_test.cc": "void F() { std::this_thread::sleep_for(x); }\n"}, "tests/unit/base/a_test.cc:1", "sleeps"),
    ({"core/base/a.cc": "void F() { usleep(5); }\n"}, "core/base/a.cc:1", "sleeps"),
    ({"core/base/a.cc": "auto r = std::views::reverse(v);\n"}, "core/base/a.cc:1", "std::views"),
    ({"core/base/a.cc": "auto r = std::ranges::unique(v);\n"}, "core/base/a.cc:1", "a subrange"),
    ({"core/base/a.cc": "void F() {\n  for (const auto& [k, v] : names()->all) {\n  }\n}\n"}, "core/base/a.cc:2", "name the whole first"),
    ({"core/base/a.cc": "void F() {\n  for (int v : G(1)[\"rows\"])\n    H(v);\n}\n"}, "core/base/a.cc:2", "name the whole first"),
    ({"core/model/row.h": "struct R {};\n"}, "core/model/row.h:1", "#pragma once"),
    ({"core/base/a.cc": "int a;\n\tint b;\n"}, "core/base/a.cc:2", "a tab"),
    ({"core/base/a.cc": "// " + "x" * 118 + "\n"}, "core/base/a.cc:1", "121 columns"),
    ({"core/base/a.cc": "// " + "TO" + "DO: more\n"}, "core/base/a.cc:1", "unfinished"),
]

WAIVED = [
    {"core/base/a.cc": "// Serialises appends (docs/adr/0008).\nstd::mutex m;\n", "docs/adr/0008-x.md": "Because.\n"},
    {"core/base/a.cc": "// tidy: long because it is one table\n" + "int x;\n" * 600},
    {"core/base/a.cc": "// tidy: long because each case is one line\n" + LONG_BODY},
    {"core/base/a.cc": "const int kTable[] = {\n" + "  1,\n" * 90 + "};\n"},
    {"core/base/a.cc": "namespace {\nclass A {\n" + "  int x_ = F();\n" * 90 + "};\n}\n"},
]


def _findings(check, changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD_TREE, **changes}.items():
            if text is None:
                continue
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        return [(f"{path}:{line}", message) for path, line, message in check(root)]


def run(check):
    failures = []
    for changes in [{}] + WAIVED:
        found = _findings(check, changes)
        if found:
            failures.append(f"a good tree ({', '.join(changes) or 'unchanged'}) has findings: {found}")
    for changes, place, text in BROKEN:
        found = _findings(check, changes)
        if len(found) != 1 or found[0][0] != place or text not in found[0][1]:
            failures.append(f"expected one finding '{text}' at {place}, found: {found}")
    for failure in failures:
        print(failure)
    print(f"tidy self-test: {len(BROKEN)} broken trees, {1 + len(WAIVED)} good ones, {len(failures)} failures")
    return 1 if failures else 0
