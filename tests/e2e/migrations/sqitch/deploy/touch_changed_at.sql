-- Deploy shop:touch_changed_at to pg

BEGIN;

CREATE OR REPLACE FUNCTION touch_changed_at () RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := clock_timestamp ();  -- a semicolon; in a comment
  RETURN NEW;
END;
$$;

COMMIT;
