--! Previous: -
--! Hash: sha1:5ad8efacebe4ba365f38fa99b9d4fcef33d1f6d6
--! Message: users

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE users IS 'People who buy; one row each, even those who''ve left';
