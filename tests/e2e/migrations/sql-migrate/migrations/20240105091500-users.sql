-- +migrate Up
CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE users IS 'People who buy; one row each, even those who''ve left';

-- +migrate Down
DROP TABLE users;
