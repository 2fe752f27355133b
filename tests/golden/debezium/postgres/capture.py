#!/usr/bin/env python3
"""Writes model.jsonl: the typed values, schemas and transactions that a source would hand to the codec for schema.sql,
rows.sql and changes.sql. Needs PostgreSQL 15 with contrib; run it when one of the three files changes.

  capture.py <PostgreSQL bin directory> <output file>     (not as root)

PostGIS and pgvector are replaced by text domains of the same name; their few literals are put into the form the real
types print (GEOMETRY below). Tables that need their functions are left out.
"""
import base64
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

PINNED = ("-c datestyle=ISO -c intervalstyle=iso_8601 -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex "
          "-c search_path=pg_catalog")
FAKE = {"geometry", "geography", "vector", "halfvec", "sparsevec", "box2d"}
EXTENSIONS = {"citext", "hstore", "ltree", "isbn", "geometry", "geography", "vector", "halfvec", "sparsevec", "box2d"}
GEOMETRY = {  # hexadecimal EWKB, as base64 to keep it short
    "SRID=3187;POINT(174.9479 -36.7208)": "AQEAACBzDAAAHHxhMlXeZUB4eqUsQ1xCwA==",
    "POINT(1 1)": "AQEAAAAAAAAAAADwPwAAAAAAAPA/",
    "SRID=4326;LINESTRING Z (0 0 1, 1 1 2)":
        "AQIAAKDmEAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/AAAAAAAA8D8AAAAAAAAAQA==",
    "POINT EMPTY": "AQEAAAAAAAAAAAD4fwAAAAAAAPh/",
    "SRID=4326;POINT(1 2)": "AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==",
    "POINT(1 2)": "AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==",
    "MULTILINESTRING((169.1321 -44.7032, 167.8974 -44.6414))":
        "AQUAACDmEAAAAQAAAAECAAAAAgAAAKd5xyk6JGVAC0YldQJaRsDGbTSAt/xkQMPTK2UZUkbA",
    "LINESTRING(0 0,1 1)": "AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=",
}
KINDS = {
    "bool": 1, "int2": 2, "int4": 3, "int8": 4, "oid": 5, "xid": 5, "cid": 5, "xid8": 5, "float4": 6, "float8": 7, "numeric": 8,
    "money": 9, "text": 10, "varchar": 10, "name": 10, "char": 10, "citext": 10, "bpchar": 11, "bytea": 12, "date": 13, "time": 14,
    "timetz": 15, "timestamp": 16, "timestamptz": 17, "interval": 18, "uuid": 19, "json": 20, "jsonb": 21, "xml": 22, "bit": 23,
    "varbit": 23, "inet": 24, "cidr": 24, "macaddr": 24, "macaddr8": 24, "point": 27, "line": 27, "lseg": 27, "box": 27, "path": 27,
    "polygon": 27, "circle": 27, "tsvector": 28, "tsquery": 28, "hstore": 29,
}
EPOCH_2000 = 946684800000000


class Server:
    def __init__(self, bin_dir):
        self.bin = bin_dir
        self.dir = tempfile.mkdtemp()
        self.data = os.path.join(self.dir, "data")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(f"port={self.port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\nwal_level=logical\n"
                       "max_prepared_transactions=5\ntimezone='Europe/Berlin'\nfsync=off\n")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.dir, "log"), "start")

    def run(self, tool, *args):
        subprocess.run([os.path.join(self.bin, tool), *args], check=True, stdout=subprocess.DEVNULL)

    def sql(self, text, pinned=False, stop=True):
        env = dict(os.environ, PGOPTIONS=PINNED if pinned else "")
        args = [os.path.join(self.bin, "psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-At",
                "-v", "ON_ERROR_STOP=" + ("1" if stop else "0")]
        done = subprocess.run(args, input=text.encode(), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if stop and done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        return done.stdout.decode()

    def close(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


class Catalog:
    """Types and tables as the server describes them."""

    def __init__(self, server):
        self.server = server
        rows = json.loads(server.sql(
            "SELECT json_agg(t) FROM (SELECT oid::int8, typname, typtype, typcategory, typelem::int8, typbasetype::int8, typtypmod, "
            "typrelid::int8, typarray::int8 FROM pg_type) t;", True))
        self.types = {r["oid"]: r for r in rows}

    def type(self, oid, typmod, declared=""):
        t = self.types[oid]
        out = {"declared": declared, "oid": oid, "base": t["typname"], "kind": 0, "length": 0, "precision": -1, "scale": 0,
               "domain": False, "extension": t["typname"] in EXTENSIONS, "children": [], "fields": []}
        if t["typname"] in FAKE:
            return out
        if t["typtype"] == "d":
            base = self.type(t["typbasetype"], t["typtypmod"])
            base.update(domain=True, declared=declared or t["typname"], oid=oid)
            return base
        if t["typcategory"] == "A" and t["typelem"] and t["typname"].startswith("_"):
            out.update(kind=30, children=[self.type(t["typelem"], typmod)])
            return out
        if t["typtype"] == "e":
            out["kind"] = 25
        elif t["typtype"] in "rm":
            out["kind"] = 26
        elif t["typtype"] == "c":
            attributes = json.loads(self.server.sql(
                "SELECT json_agg(json_build_object('name', attname, 'type', atttypid::int8, 'mod', atttypmod) ORDER BY attnum) FROM "
                f"pg_attribute WHERE attrelid = {t['typrelid']} AND attnum > 0 AND NOT attisdropped;", True))
            out.update(kind=31, fields=[a["name"] for a in attributes],
                       children=[self.type(a["type"], a["mod"]) for a in attributes])
        else:
            out["kind"] = KINDS.get(t["typname"], 0)
        self.modify(out, typmod)
        return out

    @staticmethod
    def modify(out, typmod):
        base = out["base"]
        if typmod < 0:
            return
        if base == "numeric":
            out["precision"] = (typmod - 4) >> 16
            scale = (typmod - 4) & 0x7FF
            out["scale"] = scale - 2048 if scale >= 1024 else scale
        elif base in ("time", "timetz", "timestamp", "timestamptz"):
            out["precision"] = typmod
        elif base == "interval":
            out["precision"] = typmod & 0xFFFF if typmod & 0xFFFF != 0xFFFF else -1
        elif base in ("varchar", "bpchar"):
            out["length"] = typmod - 4
        elif base in ("bit", "varbit"):
            out["length"] = typmod

    def tables(self):
        rows = json.loads(self.server.sql("""
            SELECT json_agg(t) FROM (
              SELECT c.oid::int8, c.relname, c.relkind, c.relreplident AS identity,
                (SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8, 'mod', a.atttypmod, 'notnull', a.attnotnull,
                    'declared', format_type(a.atttypid, a.atttypmod), 'generated', a.attgenerated <> '', 'number', a.attnum,
                    'default', pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
                 FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
                (SELECT json_agg(json_build_object('primary', i.indisprimary, 'keys', i.indkey::int2[]) ORDER BY i.indisprimary DESC, i.indexrelid)
                 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL) AS indexes
              FROM pg_class c WHERE c.relnamespace = 'g'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname) t;""", True))
        out = {}
        for r in rows:
            if r["relkind"] == "p":
                continue
            columns = [c for c in r["columns"] if not c["generated"]]
            not_null = {c["number"] for c in columns if c["notnull"]}
            key = []
            for index in r["indexes"] or []:
                if index["primary"] or all(k in not_null for k in index["keys"]):
                    key = index["keys"]
                    break
            out[r["oid"]] = {
                "table": r["relname"], "identity": r["identity"],
                "columns": [{"name": c["name"], "type": self.type(c["type"], c["mod"], c["declared"]), "nullable": not c["notnull"],
                             "key": key.index(c["number"]) + 1 if c["number"] in key else 0, "default": c["default"]}
                            for c in columns]}
        return out


def days_from_civil(y, m, d):
    y -= m <= 2
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


def clock(text):
    m = re.fullmatch(r"(\d+):(\d+):(\d+)(?:\.(\d+))?", text)
    return ((int(m[1]) * 60 + int(m[2])) * 60 + int(m[3])) * 1000000 + int(((m[4] or "") + "000000")[:6])


def offset(text):
    parts = [int(p) for p in text[1:].split(":")] + [0, 0]
    seconds = parts[0] * 3600 + parts[1] * 60 + parts[2]
    return -seconds if text[0] == "-" else seconds


def date(text):
    bc = text.endswith(" BC")
    y, m, d = (int(p) for p in text.removesuffix(" BC").split("-"))
    return days_from_civil(1 - y if bc else y, m, d)


def timestamp(text):
    bc = text.endswith(" BC")
    day, time = text.removesuffix(" BC").split(" ")
    m = re.fullmatch(r"([\d:.]+)([+-].*)?", time)
    us = date(day + (" BC" if bc else "")) * 86400000000 + clock(m[1]) - EPOCH_2000
    return us - offset(m[2]) * 1000000 if m[2] else us


def interval(text):
    months = days = us = 0
    m = re.fullmatch(r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d+))?S)?)?", text)
    months = int(m[1] or 0) * 12 + int(m[2] or 0)
    days = int(m[3] or 0)
    us = (int(m[4] or 0) * 3600 + int(m[5] or 0) * 60) * 1000000
    if m[7]:
        seconds = int(m[7]) * 1000000 + int(((m[8] or "") + "000000")[:6])
        us += -seconds if m[6] else seconds
    return ["interval", months, days, us]


def parse_array(text, element):
    bounds = []
    if text.startswith("["):
        head, text = text.split("=", 1)
        bounds = [int(b.split(":")[0]) for b in head.strip("[]").split("][")]
    if text == "{}":
        return ["array", [], []]
    values, lengths = [], []

    def walk(i, depth):
        if len(lengths) == depth:
            lengths.append(0)
        count = 0
        i += 1
        while text[i] != "}":
            if text[i] == ",":
                i += 1
            if text[i] == "{":
                i = walk(i, depth + 1)
            elif text[i] == '"':
                item = ""
                i += 1
                while text[i] != '"':
                    if text[i] == "\\":
                        i += 1
                    item += text[i]
                    i += 1
                i += 1
                values.append(value(item, element))
            else:
                start = i
                while text[i] not in ",}":
                    i += 1
                item = text[start:i]
                values.append(None if item == "NULL" else value(item, element))
            count += 1
        lengths[depth] = count
        return i + 1

    walk(0, 0)
    return ["array", [[n, bounds[i] if bounds else 1] for i, n in enumerate(lengths)], values]


def parse_record(text, type_):
    items, i = [], 1
    while True:
        item, quoted, any_ = "", False, False
        while quoted or text[i] not in ",)":
            any_ = True
            if text[i] == '"':
                if quoted and text[i + 1] == '"':
                    item += '"'
                    i += 1
                else:
                    quoted = not quoted
            elif text[i] == "\\":
                i += 1
                item += text[i]
            else:
                item += text[i]
            i += 1
        items.append(item if any_ else None)
        if text[i] == ")":
            break
        i += 1
    return ["composite", [value(v, t) for v, t in zip(items, type_["children"])]]


def value(text, t):
    """The model's value of a server text: [kind, content...]."""
    if text is None:
        return None
    base, kind = t["base"], t["kind"]
    if kind == 30:
        return parse_array(text, t["children"][0])
    if kind == 31:
        return parse_record(text, t)
    if base in ("geometry", "geography"):
        return ["text", base64.b64decode(GEOMETRY[text]).hex().upper()]
    if base in ("int2", "int4", "int8"):
        return ["int", int(text)]
    if kind == 5:
        return ["uint", int(text)]
    if base == "float4":
        return ["float", text]
    if base == "float8":
        return ["double", text]
    if base == "numeric":
        return ["decimal", text]
    if base == "money":
        return ["decimal", ("-" if "-" in text or "(" in text else "") + re.sub(r"[^0-9.]", "", text)]
    if base == "bool":
        return ["bool", text == "t"]
    if base == "bytea":
        return ["bytes", text[2:]]
    if base in ("bit", "varbit"):
        return ["bits", text]
    if base in ("json", "jsonb"):
        return ["json", text]
    if base == "uuid":
        return ["uuid", text.replace("-", "")]
    if base in ("date", "timestamp", "timestamptz"):
        tag = {"date": "date", "timestamp": "ts", "timestamptz": "tstz"}[base]
        return [tag, text if "infinity" in text else date(text) if base == "date" else timestamp(text)]
    if base == "time":
        return ["time", clock(text)]
    if base == "timetz":
        m = re.fullmatch(r"([\d:.]+)([+-].*)", text)
        return ["timetz", clock(m[1]), offset(m[2])]
    if base == "interval":
        return interval(text)
    return ["text", text]


def unescape(field):
    if field == "\\N":
        return None
    escapes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
    return re.sub(r"\\(.)", lambda m: escapes[m[1]], field)


class Messages:
    """pgoutput, protocol 1, into the changes of the model."""

    def __init__(self, emit):
        self.emit = emit
        self.relations = {}
        self.tx = None
        self.end = 0

    def relation(self, data, tables):
        oid, = struct.unpack_from(">I", data)
        self.relations[oid] = tables[oid]

    @staticmethod
    def text(data, i):
        end = data.index(b"\0", i)
        return data[i:end].decode(), end + 1

    def tuple(self, data, i, table):
        n, = struct.unpack_from(">H", data, i)
        i += 2
        values = []
        for k in range(n):
            tag = data[i:i + 1]
            i += 1
            if tag == b"n":
                values.append(None)
            elif tag == b"u":
                values.append(["absent"])
            else:
                size, = struct.unpack_from(">I", data, i)
                values.append(value(data[i + 4:i + 4 + size].decode(), table["columns"][k]["type"]))
                i += 4 + size
        return values, i

    def row_change(self, op, lsn, data):
        table = self.relations[struct.unpack_from(">I", data)[0]]
        change = {"op": op, "table": table["table"], "lsn": lsn}
        i = 4
        while i < len(data):
            tag = chr(data[i])
            values, i = self.tuple(data, i + 1, table)
            if tag in "KO":
                if tag == "K":  # columns outside the identity come as null
                    identity = self.identity(table)
                    values = [v if c["name"] in identity else ["absent"] for v, c in zip(values, table["columns"])]
                change["before"] = values
            else:
                change["after"] = values
        self.tx["changes"].append(change)

    @staticmethod
    def identity(table):
        return {c["name"] for c in table["columns"] if c["identity"]}

    def message(self, lsn, xid, data, tables):
        tag, data = chr(data[0]), data[1:]
        if tag == "B":
            final, us, xid = struct.unpack(">QqI", data)
            self.tx = {"kind": "tx", "id": str(xid), "commit_lsn": final, "commit_us": us + EPOCH_2000, "previous_end": self.end,
                       "changes": []}
        elif tag == "C":
            self.tx["end"], = struct.unpack_from(">Q", data, 9)
            self.end = self.tx["end"]
            if self.tx["changes"]:
                self.emit(self.tx)
            self.tx = None
        elif tag == "O":
            self.tx["origin_end"], = struct.unpack_from(">Q", data)
            self.tx["origin"], _ = self.text(data, 8)
        elif tag == "R":
            self.relation(data, tables)
        elif tag in "IUD":
            self.row_change({"I": "insert", "U": "update", "D": "delete"}[tag], lsn, data)
        elif tag == "T":
            n, flags = struct.unpack_from(">IB", data)
            for k in range(n):
                oid, = struct.unpack_from(">I", data, 5 + 4 * k)
                self.tx["changes"].append({"op": "truncate", "table": self.relations[oid]["table"], "lsn": lsn,
                                           "cascade": bool(flags & 1), "restart_identity": bool(flags & 2)})
        elif tag == "M":
            flags, at = struct.unpack_from(">BQ", data)
            prefix, i = self.text(data, 9)
            size, = struct.unpack_from(">I", data, i)
            content = data[i + 4:i + 4 + size].hex()
            change = {"op": "message", "lsn": at, "prefix": prefix, "content": content, "transactional": bool(flags & 1)}
            if flags & 1:
                self.tx["changes"].append(change)
            else:
                self.emit({"kind": "message", "lsn": at, "commit_us": EPOCH_2000, "changes": [change]})


def mark_identity(table):
    """The columns that K tuples carry: the replica identity index, here the key unless the name says otherwise."""
    for c in table["columns"]:
        c["identity"] = table["identity"] == "f" or (c["name"] == "code" if table["table"].startswith("k_index") else c["key"] > 0)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    read = lambda name: open(os.path.join(here, name), encoding="utf-8").read()
    server = Server(sys.argv[1])
    out = open(sys.argv[2], "w", encoding="utf-8")
    known = {}

    def emit(record):
        out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")

    def describe():
        catalog = Catalog(server)
        tables = catalog.tables()
        for table in tables.values():
            mark_identity(table)
            if known.get(table["table"]) != table:
                emit({"kind": "schema", **table})
                known[table["table"]] = table
        return tables

    try:
        fakes = "".join(f"CREATE DOMAIN {name} AS text;\n" for name in sorted(FAKE))
        schema = re.sub(r"(geometry|geography|vector|sparsevec)\([A-Za-z0-9,]+\)", r"\1", read("schema.sql"))
        schema = re.sub(r"halfvec\(3\)", "halfvec", schema)
        server.sql(fakes + "\n" + schema, stop=False)
        server.sql(read("rows.sql"), stop=False)
        server.sql("CREATE PUBLICATION p FOR ALL TABLES;")
        server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput');")
        tables = describe()
        for table in tables.values():
            names = ", ".join('"' + c["name"].replace('"', '""') + '"' for c in table["columns"])
            name = '"' + table["table"].replace('"', '""') + '"'
            data = server.sql(f"COPY (SELECT {names} FROM g.{name} ORDER BY ctid) TO STDOUT;", True)
            rows = [[value(unescape(f), c["type"]) for f, c in zip(line.split("\t"), table["columns"])]
                    for line in data.split("\n")[:-1]]
            if rows:
                emit({"kind": "snapshot", "table": table["table"], "rows": rows})
        messages = Messages(emit)
        segments = re.split(r"(?m)^(?=ALTER TABLE)|(?<=;\n)(?=INSERT INTO g\.k_alter|UPDATE g\.k_alter|DELETE FROM g\.k_alter)", read("changes.sql"))
        for segment in segments:
            server.sql(segment, stop=False)
            tables = describe()
            rows = server.sql("SELECT lsn - '0/0'::pg_lsn, xid, encode(data, 'hex') FROM pg_logical_slot_get_binary_changes('s', NULL, NULL, "
                              "'proto_version', '1', 'publication_names', 'p', 'messages', 'true');", True)
            for line in rows.split("\n")[:-1]:
                lsn, xid, data = line.split("|")
                messages.message(int(lsn), xid, bytes.fromhex(data), tables)
    finally:
        server.close()


if __name__ == "__main__":
    main()
