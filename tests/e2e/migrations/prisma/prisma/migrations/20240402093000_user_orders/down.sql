DROP VIEW user_orders;
