-- +migrate Up
CREATE OR REPLACE VIEW user_orders AS
  SELECT u.id, u.email, count (o.id) AS orders, sum (o.total) AS total
    FROM users u LEFT JOIN orders o ON o.user_id = u.id
   GROUP BY u.id, u.email;

-- +migrate Down
DROP VIEW user_orders;
