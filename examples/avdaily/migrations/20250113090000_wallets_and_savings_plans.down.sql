DROP TABLE savings_plans;
DROP TABLE wallets;
DROP TYPE savings_plan_status;
DROP TYPE saving_frequency;
DROP TYPE wallet_status;
