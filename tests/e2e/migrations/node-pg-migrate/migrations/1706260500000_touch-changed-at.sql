-- Up Migration
CREATE FUNCTION touch_changed_at () RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();  -- a semicolon; in a comment
  RETURN NEW;
END;
$$;

CREATE TRIGGER orders_touch BEFORE UPDATE ON orders
  FOR EACH ROW EXECUTE FUNCTION touch_changed_at ();

-- Down Migration
DROP TRIGGER orders_touch ON orders;
DROP FUNCTION touch_changed_at ();
