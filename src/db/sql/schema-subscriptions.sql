-- Subscriptions of this database.  Only who may read the connection text may run this, as only a
-- superuser's pg_dump carries subscriptions.  It carries them disabled, whatever they were.
SELECT 'subscription' AS kind, pg_catalog.quote_ident (s.subname) AS name,
       pg_catalog.concat_ws (E'\n',
         'owner ' || pg_catalog.quote_ident (pg_catalog.pg_get_userbyid (s.subowner)),
         'connection (digest ' || pg_catalog.left (pg_catalog.encode (pg_catalog.sha256 (pg_catalog.convert_to (s.subconninfo, 'UTF8')), 'hex'), 4) || ')',
         'slot ' || COALESCE (pg_catalog.quote_ident (s.subslotname), 'none'),
         'synchronous commit ' || s.subsynccommit,
         'publications ' || (SELECT pg_catalog.string_agg (pg_catalog.quote_ident (p), ', ' ORDER BY p COLLATE "C") FROM pg_catalog.unnest (s.subpublications) AS p),
         'binary ' || s.subbinary, -- [14,)
         'streaming ' || CASE WHEN s.substream THEN 't' ELSE 'f' END, -- [14,16)
         'streaming ' || s.substream::pg_catalog.text, -- [16,)
         'two phase ' || (s.subtwophasestate <> 'd'), -- [15,)
         'disable on error ' || s.subdisableonerr, -- [15,)
         'password required ' || s.subpasswordrequired, -- [16,)
         'run as owner ' || s.subrunasowner, -- [16,)
         'origin ' || s.suborigin, -- [16,)
         'failover ' || s.subfailover, -- [17,)
         NULL) AS definition
  FROM pg_catalog.pg_subscription AS s
 WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database ())
