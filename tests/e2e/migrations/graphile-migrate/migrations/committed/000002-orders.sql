--! Previous: sha1:5ad8efacebe4ba365f38fa99b9d4fcef33d1f6d6
--! Hash: sha1:de9482d7d1a064f198d2a8e49f91f7a7120dba6e
--! Message: orders

CREATE TYPE order_status AS ENUM ('new', 'paid', 'sent');

CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES users (id),
  status order_status NOT NULL DEFAULT 'new',
  total numeric(12, 2) NOT NULL CHECK (total >= 0),
  changed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO users (email) VALUES ('ada@example.org'), ('grace@example.org');
INSERT INTO orders (user_id, total) SELECT id, 10.50 FROM users;
