--! Previous: sha1:de9482d7d1a064f198d2a8e49f91f7a7120dba6e
--! Hash: sha1:614adc8779b11e89acfd5adc59daacc0e1a92822
--! Message: touch-changed-at

CREATE FUNCTION touch_changed_at () RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();  -- a semicolon; in a comment
  RETURN NEW;
END;
$$;

CREATE TRIGGER orders_touch BEFORE UPDATE ON orders
  FOR EACH ROW EXECUTE FUNCTION touch_changed_at ();
