--! Previous: sha1:3320ff5f59f1bfd0eed04f51e02eaf8bfb5db888
--! Hash: sha1:4e250b7351820f4ba0f77953d00540a25f88a396
--! Message: user-orders

CREATE OR REPLACE VIEW user_orders AS
  SELECT u.id, u.email, count (o.id) AS orders, sum (o.total) AS total
    FROM users u LEFT JOIN orders o ON o.user_id = u.id
   GROUP BY u.id, u.email;
