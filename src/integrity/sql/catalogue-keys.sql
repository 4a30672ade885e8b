-- Foreign keys. Left out: what a key to a partitioned table makes for each of its partitions, which
-- is there for the sake of actions and has the same rows.
SELECT o.oid, o.conname, o.conrelid, o.confrelid, array_to_string(o.conkey, ' '),
       array_to_string(o.confkey, ' '), o.confmatchtype, o.confdeltype, o.confupdtype,
       o.convalidated,
       o.conenforced, -- [18,)
       true, -- [,18)
       o.conparentid <> 0,
       EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = o.oid AND g.tgenabled IN ('D', 'R')),
       pg_get_constraintdef(o.oid),
       (SELECT string_agg(CASE WHEN pn.nspname = 'pg_catalog' THEN p.oprname
                               ELSE format('OPERATOR(%I.%s)', pn.nspname, p.oprname) END,
                          E'\n' ORDER BY u.place)
          FROM unnest(o.conpfeqop) WITH ORDINALITY AS u (operator, place)
          JOIN pg_operator p ON p.oid = u.operator
          JOIN pg_namespace pn ON pn.oid = p.oprnamespace)
  FROM pg_constraint o
  LEFT JOIN pg_constraint above ON above.oid = o.conparentid
 WHERE o.contype = 'f' AND (above.oid IS NULL OR above.conrelid <> o.conrelid)
 ORDER BY o.conrelid, o.conname COLLATE "C"
