SELECT current_database(), current_setting('server_encoding'), pg_is_in_recovery(),
       (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user),
       CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
            THEN (SELECT s.system_identifier::text FROM pg_control_system() AS s) END
