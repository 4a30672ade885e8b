-- Up Migration
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

-- Down Migration
DROP TABLE orders;
DROP TYPE order_status;
DELETE FROM users WHERE email IN ('ada@example.org', 'grace@example.org');
