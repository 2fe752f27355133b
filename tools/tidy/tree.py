"""The files under check and what is known of each C++ file: its text without comments and strings, its functions."""
import bisect
import os
import re

SKIPPED_FOLDERS = {"build", "node_modules", "corpus", "golden", "__pycache__"}

# Comments, raw strings, strings and characters: what the rules about code must not look into.
_OPAQUE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|(?<![0-9A-Fa-f])\'(?:[^\'\\\n]|\\.)*\'', re.S)
_BRACE = re.compile(r"[{};]")
_TYPE_HEAD = re.compile(r"\b(namespace|class|struct|union|enum)\b")
_SPECIFIERS = re.compile(r"\b(template\s*<[^{}]*>|requires\b[^{}]*)")


class Function:
    def __init__(self, first, last):
        self.first = first
        self.last = last


class CppFile:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.raw_lines = set()  # lines that a raw string literal touches
        self.code = _OPAQUE.sub(self._blank, text)
        self.code_lines = self.code.split("\n")

    def _blank(self, match):
        found = match.group(0)
        if found.startswith("R\""):
            first = self.text.count("\n", 0, match.start()) + 1
            self.raw_lines.update(range(first, first + found.count("\n") + 1))
        return re.sub(r"[^\n]", " ", found)

    def functions(self):
        """Outermost function bodies, first line = the one of the opening brace's statement. A heuristic over braces."""
        found, stack, head_start = [], [], 0
        ended = None  # the function whose last brace was the token before: `: a_{1}, b_{2} {` are three groups of one
        line_at = _LineIndex(self.code)
        for match in _BRACE.finditer(self.code):
            token, at = match.group(0), match.start()
            if token == "{":
                outside = all(kind == "scope" for kind, _ in stack)
                head = self.code[head_start:at]
                kind = self._kind(head) if outside else "inner"
                start = line_at(head_start + (len(head) - len(head.lstrip())))
                if outside and ended and re.fullmatch(r"\s*(,[^;]*)?", head):
                    kind, start = "function", ended.first
                    found.remove(ended)
                stack.append((kind, start))
                ended = None
            elif token == "}" and stack:
                kind, start = stack.pop()
                ended = Function(start, line_at(at)) if kind == "function" else None
                if ended:
                    found.append(ended)
            else:
                ended = None
            head_start = at + 1
        return found

    @staticmethod
    def _kind(head):
        plain = re.sub(r"^\s*#[^\n]*(\\\n[^\n]*)*", "", head, flags=re.M)
        plain = _SPECIFIERS.sub(" ", plain).strip()
        if ")" in plain and not re.match(r"(namespace|class|struct|union|enum)\b[^()]*$", plain):
            if re.search(r"=\s*$", plain):
                return "inner"
            return "function"
        if _TYPE_HEAD.search(plain) or plain.startswith("extern"):
            return "scope"
        return "inner"


class _LineIndex:
    def __init__(self, text):
        self.breaks = [m.start() for m in re.finditer("\n", text)]

    def __call__(self, offset):
        return bisect.bisect_left(self.breaks, offset) + 1


class Tree:
    """`cpp`: path -> CppFile; `cmake`, `readmes`: path -> text. Paths are relative to the root, with slashes."""

    def __init__(self, root):
        self.root = root
        self.cpp, self.cmake, self.readmes = {}, {}, {}
        for folder, names, files in os.walk(root):
            names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS and not n.startswith("."))
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith((".cc", ".h")):
                    self.cpp[path] = CppFile(path, self._read(path))
                elif name == "CMakeLists.txt":
                    self.cmake[path] = re.sub(r"#[^\n]*", "", self._read(path))
                elif name == "README.md":
                    self.readmes[path] = self._read(path)

    def _read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as f:
            return f.read()

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))

    def list(self, folder):
        path = os.path.join(self.root, folder)
        return os.listdir(path) if os.path.isdir(path) else []
