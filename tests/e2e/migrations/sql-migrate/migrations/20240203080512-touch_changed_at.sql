-- +migrate Up
-- +migrate StatementBegin
CREATE FUNCTION touch_changed_at () RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();  -- a semicolon; in a comment
  RETURN NEW;
END;
$$
-- +migrate StatementEnd

CREATE TRIGGER orders_touch BEFORE UPDATE ON orders
  FOR EACH ROW EXECUTE FUNCTION touch_changed_at ();

-- +migrate Down
DROP TRIGGER orders_touch ON orders;
DROP FUNCTION touch_changed_at ();
