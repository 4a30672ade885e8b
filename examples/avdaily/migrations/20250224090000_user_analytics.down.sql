DROP TABLE user_analytics;
