-- How rows and catalogues are broken although the server guards them. Read into a session before the
-- statements of injections.py; everything is temporary, so nothing of it is in the database afterwards.

\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
SET allow_system_table_mods = on;
-- Foreign keys and triggers look away, as they do for a careless load.
SET session_replication_role = replica;

-- Changes one row: the first that meets CONDITION and whose constraints let the change through, beginning
-- after SKIP of them.
CREATE FUNCTION pg_temp.wreck(target regclass, assignment text, condition text DEFAULT 'true',
                              skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place tid;
    found integer;
BEGIN
    FOR place IN EXECUTE format('SELECT place FROM (SELECT ctid, row_number() OVER (ORDER BY ctid) FROM ONLY %s'
                                ' WHERE %s) AS rows (place, n) ORDER BY n <= %s, n',
                                target, condition, skip) LOOP
        BEGIN
            EXECUTE format('UPDATE ONLY %s SET %s WHERE ctid = %L', target, assignment, place);
            GET DIAGNOSTICS found = ROW_COUNT;
            IF found = 1 THEN RETURN; END IF;
        EXCEPTION WHEN integrity_constraint_violation THEN
            NULL;
        END;
    END LOOP;
    RAISE EXCEPTION 'no row of % takes: %', target, assignment;
END;
$$;

-- The same while a CHECK constraint of the table looks away; it is VALID again afterwards.
CREATE FUNCTION pg_temp.wreck_check(target regclass, name text, assignment text,
                                    condition text DEFAULT 'true', skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    definition text;
BEGIN
    SELECT pg_get_constraintdef(oid) INTO STRICT definition
      FROM pg_constraint WHERE conrelid = target AND conname = name AND contype = 'c';
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, name);
    PERFORM pg_temp.wreck(target, assignment, condition, skip);
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', target, name, definition);
    UPDATE pg_constraint SET convalidated = true WHERE conrelid = target AND conname = name;
END;
$$;

-- The same while a domain's constraint looks away.
CREATE FUNCTION pg_temp.wreck_domain(domain_name regtype, name text, target regclass, assignment text,
                                     condition text DEFAULT 'true', skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    definition text;
BEGIN
    SELECT pg_get_constraintdef(oid) INTO STRICT definition
      FROM pg_constraint WHERE contypid = domain_name AND conname = name;
    EXECUTE format('ALTER DOMAIN %s DROP CONSTRAINT %I', domain_name, name);
    PERFORM pg_temp.wreck(target, assignment, condition, skip);
    EXECUTE format('ALTER DOMAIN %s ADD CONSTRAINT %I %s NOT VALID', domain_name, name, definition);
    UPDATE pg_constraint SET convalidated = true WHERE contypid = domain_name AND conname = name;
END;
$$;

-- A NULL in a column that is NOT NULL.
CREATE FUNCTION pg_temp.wreck_not_null(target regclass, name text, condition text DEFAULT 'true',
                                       skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pg_attribute SET attnotnull = false WHERE attrelid = target AND attname = name;
    PERFORM pg_temp.wreck(target, format('%I = NULL', name), condition, skip);
    UPDATE pg_attribute SET attnotnull = true WHERE attrelid = target AND attname = name;
END;
$$;

-- Another value in a generated column than its expression gives.
CREATE FUNCTION pg_temp.wreck_generated(target regclass, name text, value text,
                                        condition text DEFAULT 'true', skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pg_attribute SET attgenerated = '' WHERE attrelid = target AND attname = name;
    PERFORM pg_temp.wreck(target, format('%I = %s', name, value), condition, skip);
    UPDATE pg_attribute SET attgenerated = 's' WHERE attrelid = target AND attname = name;
END;
$$;

-- Changes a row while one index gets no entries, so that the row is not in it afterwards.
CREATE FUNCTION pg_temp.wreck_beside_index(index_name regclass, target regclass, assignment text,
                                           condition text DEFAULT 'true', skip integer DEFAULT 0)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pg_index SET indisready = false WHERE indexrelid = index_name;
    PERFORM pg_temp.wreck(target, assignment, condition, skip);
    UPDATE pg_index SET indisready = true WHERE indexrelid = index_name;
END;
$$;

CREATE FUNCTION pg_temp.copy_columns(target regclass, columns text[], first tid)
RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.wreck(
        target,
        format('(%1$s) = (SELECT %1$s FROM ONLY %2$s WHERE ctid = %3$L)', array_to_string(columns, ', '), target, first),
        format('ctid <> %L', first), 1);
$$;

-- Two rows with the same key below a unique index of plain columns: a row that can gets the key of the
-- first, while no unique index of the table looks (what is unique over fewer of the columns would object).
CREATE FUNCTION pg_temp.duplicate(index_name regclass)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    target regclass;
    columns text[];
    first tid;
    always name[];
BEGIN
    SELECT i.indrelid, array_agg(quote_ident(a.attname))
      INTO STRICT target, columns
      FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indexrelid = index_name
     GROUP BY i.indrelid;
    UPDATE pg_index SET indisready = false WHERE indrelid = target AND indisunique;
    SELECT array_agg(attname) INTO always FROM pg_attribute WHERE attrelid = target AND attidentity = 'a';
    UPDATE pg_attribute SET attidentity = 'd' WHERE attrelid = target AND attname = ANY (always);
    EXECUTE format('SELECT min(ctid) FROM ONLY %s', target) INTO first;
    BEGIN
        PERFORM pg_temp.copy_columns(target, columns, first);
    EXCEPTION WHEN raise_exception THEN
        -- A CHECK ties the key to other columns: those of the first row come along.
        SELECT array_agg(quote_ident(attname)) INTO columns
          FROM pg_attribute
         WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '';
        PERFORM pg_temp.copy_columns(target, columns, first);
    END;
    UPDATE pg_attribute SET attidentity = 'a' WHERE attrelid = target AND attname = ANY (always);
    UPDATE pg_index SET indisready = true WHERE indrelid = target AND indisunique;
END;
$$;
