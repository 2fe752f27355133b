#!/usr/bin/env python3
"""The style as a test: prints `file:line: message` for every finding and ends with 1 if there are any.

usage: tidy.py [ROOT]            checks the tree (default: the current folder)
       tidy.py --self-test       checks the checks: each rule must find what it is for, and nothing else
"""
import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules  # noqa: E402
import tree   # noqa: E402


def check(root):
    findings = []
    sources = tree.Tree(root)
    for rule in rules.ALL:
        findings.extend(rule(sources))
    return sorted(set(findings))


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        import self_test
        return self_test.run(check)
    root = arguments[0] if arguments else "."
    findings = check(root)
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    if findings:
        folders = collections.Counter(os.path.dirname(path) or "." for path, _, _ in findings)
        print(f"tidy: {len(findings)} findings in " + ", ".join(f"{f} ({n})" for f, n in sorted(folders.items())), file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
