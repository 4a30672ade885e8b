-- What the app shows on a user's first page, worked out every night.

CREATE TABLE user_analytics (
    user_id bigint PRIMARY KEY
        CONSTRAINT user_analytics_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    transaction_count integer NOT NULL DEFAULT 0,
    total_deposits numeric(14,2) NOT NULL DEFAULT 0,
    total_saved numeric(14,2) NOT NULL DEFAULT 0,
    active_plans integer NOT NULL DEFAULT 0,
    groups_joined integer NOT NULL DEFAULT 0,
    calculated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_analytics_not_negative
        CHECK (transaction_count >= 0 AND total_deposits >= 0 AND total_saved >= 0
               AND active_plans >= 0 AND groups_joined >= 0)
);
