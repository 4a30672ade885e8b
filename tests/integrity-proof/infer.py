"""Foreign keys taken away, and how many of them are found again."""

import re

# Every key: its columns, the table and columns that it refers to.
KEYS_SQL = """
SELECT coalesce(json_agg(json_build_object(
         'table', n.nspname || '.' || c.relname, 'parent', pn.nspname || '.' || p.relname,
         'columns', (SELECT json_agg(a.attname ORDER BY o) FROM unnest(k.conkey) WITH ORDINALITY x (number, o)
                       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.number),
         'referred', (SELECT json_agg(a.attname ORDER BY o) FROM unnest(k.confkey) WITH ORDINALITY x (number, o)
                        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.number))), '[]')
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class p ON p.oid = k.confrelid
  JOIN pg_namespace pn ON pn.oid = p.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname <> 'pgkeel';
"""

STRIP_SQL = """
DO $$
DECLARE
    k record;
BEGIN
    FOR k IN SELECT conrelid::regclass AS target, conname FROM pg_constraint
              WHERE contype = 'f' AND conparentid = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.target, k.conname);
    END LOOP;
END;
$$;
"""


def strip(proof, name):
    proof.server.copy(f"{name}_stripped", name)
    proof.server.psql(f"{name}_stripped", STRIP_SQL)


def truths(keys):
    """(table, column, parent) of every reference that the keys declare or imply: what a column of a key
    of several columns refers to may refer on to a third table."""
    steps = {}
    for key in keys:
        for column, referred in zip(key["columns"], key["referred"]):
            steps.setdefault((key["table"], column), set()).add((key["parent"], referred))
    true = set()
    for start in steps:
        reached, todo = set(), [start]
        while todo:
            for place in steps.get(todo.pop(), ()):
                if place not in reached:
                    reached.add(place)
                    todo.append(place)
        true |= {(*start, table) for table, _ in reached}
    return true


def inferred(report):
    """(table, columns, parent) of every reference that the checks inferred."""
    for finding in report["findings"]:
        if finding["check"] not in ("fk-missing", "fk-inferred-orphans"):
            continue
        parent = re.search(r" keys of (.+?)(?:, but| as all|, as all)", finding["message"])
        place = re.fullmatch(r"(.+)\.(?:\((.+)\)|([^.]+))", finding["object"])
        yield place[1], tuple((place[2] or place[3]).split(", ")), parent[1]


def measure(proof, name):
    keys = proof.server.query(name, KEYS_SQL)
    found = list(inferred(proof.check(name, f"{name}_stripped")))
    true = truths(keys)
    lost = []
    for key in keys:
        # A key of several columns is found when the one that it is about is: the last, as the others
        # (a tenant) say whose it is.
        again = any(table == key["table"] and parent == key["parent"]
                    and columns in (tuple(key["columns"]), (key["columns"][-1],))
                    for table, columns, parent in found)
        if not again:
            lost.append(f'{key["table"]} ({", ".join(key["columns"])}) to {key["parent"]}')
    false = [f'{table} ({", ".join(columns)}) to {parent}' for table, columns, parent in found
             if not all((table, column, parent) in true for column in columns)]
    return {"keys": len(keys), "again": len(keys) - len(lost), "inferred": len(found), "false": false,
            "lost": lost}
