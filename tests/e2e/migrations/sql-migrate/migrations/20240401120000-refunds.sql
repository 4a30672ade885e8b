-- +migrate Up
ALTER TYPE order_status ADD VALUE 'refunded' AFTER 'sent';

-- +migrate Down
UPDATE orders SET status = 'paid' WHERE status::text = 'refunded';
ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;
ALTER TYPE order_status RENAME TO order_status_old;
CREATE TYPE order_status AS ENUM ('new', 'paid', 'sent');
ALTER TABLE orders ALTER COLUMN status TYPE order_status USING status::text::order_status;
ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'new';
DROP TYPE order_status_old;
