SELECT g.tgrelid, g.tgname, g.tgenabled, g.tgisinternal, format('%I.%I', n.nspname, p.proname)
  FROM pg_trigger g
  JOIN pg_proc p ON p.oid = g.tgfoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
 ORDER BY g.tgrelid, g.tgname COLLATE "C"
