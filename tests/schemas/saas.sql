-- A service with many tenants: uuid keys, a tenant in every row, keys of two columns, row-level
-- security, comments on anything, domains, a materialised view. Made up for the proof of the integrity
-- checks; nothing in it is wrong. Loads into an empty database; the same rows every time.

CREATE SCHEMA saas;
SET search_path = saas;
SET timezone = 'UTC';

CREATE DOMAIN email_address AS text CONSTRAINT email_address_form CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');
CREATE DOMAIN percentage AS integer CONSTRAINT percentage_range CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE plan AS ENUM ('free', 'team', 'company');
CREATE TYPE member_role AS ENUM ('owner', 'admin', 'member', 'guest');
CREATE TYPE task_state AS ENUM ('open', 'doing', 'done');

-- A uuid that depends on the key alone.
CREATE FUNCTION stable_uuid(key text) RETURNS uuid LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog AS
$$ SELECT overlay(overlay(md5(key) placing '4' from 13) placing 'a' from 17)::uuid $$;

CREATE TABLE tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL CONSTRAINT tenants_slug_key UNIQUE,
    name text NOT NULL,
    plan plan NOT NULL DEFAULT 'free',
    users_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT users_tenant_id_fkey REFERENCES tenants (id),
    email email_address NOT NULL,
    display_name text NOT NULL,
    search_name text NOT NULL GENERATED ALWAYS AS (lower(display_name)) STORED,
    role member_role NOT NULL DEFAULT 'member',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT users_tenant_id_id_key UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX users_tenant_id_email_key ON users (tenant_id, lower(email));

CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT projects_tenant_id_fkey REFERENCES tenants (id),
    lead_id uuid NOT NULL,
    name text NOT NULL,
    progress percentage NOT NULL DEFAULT 0,
    task_count integer NOT NULL DEFAULT 0,
    start_date date NOT NULL,
    end_date date,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT projects_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT projects_tenant_id_name_key UNIQUE (tenant_id, name),
    CONSTRAINT projects_lead_fkey
        FOREIGN KEY (tenant_id, lead_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX projects_lead_idx ON projects (tenant_id, lead_id);

CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT tasks_tenant_id_fkey REFERENCES tenants (id),
    project_id uuid NOT NULL,
    assignee_id uuid,
    parent_task_id uuid CONSTRAINT tasks_parent_task_id_fkey REFERENCES tasks (id),
    title text NOT NULL,
    state task_state NOT NULL DEFAULT 'open',
    estimate numeric(6,2),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tasks_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT tasks_project_fkey
        FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id),
    CONSTRAINT tasks_assignee_fkey
        FOREIGN KEY (tenant_id, assignee_id) REFERENCES users (tenant_id, id),
    CONSTRAINT tasks_estimate_check CHECK (estimate > 0),
    CONSTRAINT tasks_not_own_parent CHECK (parent_task_id <> id)
);
CREATE INDEX tasks_project_idx ON tasks (tenant_id, project_id);
CREATE INDEX tasks_assignee_idx ON tasks (tenant_id, assignee_id);
CREATE INDEX tasks_parent_task_id_idx ON tasks (parent_task_id);

-- On a project or a task, whichever commentable_type says.
CREATE TABLE comments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT comments_tenant_id_fkey REFERENCES tenants (id),
    author_id uuid NOT NULL,
    commentable_type text NOT NULL,
    commentable_id uuid NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT comments_author_fkey
        FOREIGN KEY (tenant_id, author_id) REFERENCES users (tenant_id, id),
    CONSTRAINT comments_commentable_type_check CHECK (commentable_type IN ('Project', 'Task'))
);
CREATE INDEX comments_author_idx ON comments (tenant_id, author_id);
CREATE INDEX comments_commentable_idx ON comments (commentable_type, commentable_id);

CREATE TABLE room_bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT room_bookings_tenant_id_fkey REFERENCES tenants (id),
    booked_by uuid NOT NULL CONSTRAINT room_bookings_booked_by_fkey REFERENCES users (id),
    during tstzrange NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT room_bookings_no_overlap EXCLUDE USING gist (during WITH &&)
);
CREATE INDEX room_bookings_tenant_id_idx ON room_bookings (tenant_id);
CREATE INDEX room_bookings_booked_by_idx ON room_bookings (booked_by);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL CONSTRAINT api_keys_tenant_id_fkey REFERENCES tenants (id),
    user_id uuid NOT NULL CONSTRAINT api_keys_user_id_fkey REFERENCES users (id),
    key_hash text NOT NULL CONSTRAINT api_keys_key_hash_key UNIQUE,
    scopes text[] NOT NULL DEFAULT '{}',
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_to timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_tenant_id_idx ON api_keys (tenant_id);
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'projects', 'tasks', 'comments', 'room_bookings', 'api_keys'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.tenant'')::uuid)',
                       name || '_of_tenant', name);
    END LOOP;
END;
$$;

CREATE FUNCTION tenant_of_key(hash text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = saas, pg_temp AS
$$ SELECT tenant_id FROM saas.api_keys WHERE key_hash = hash $$;
REVOKE EXECUTE ON FUNCTION tenant_of_key(text) FROM PUBLIC;

-- The rows ------------------------------------------------------------------------------------------

INSERT INTO tenants (id, slug, name, plan, created_at, updated_at)
SELECT stable_uuid('tenant' || i), 'tenant-' || i, 'Tenant ' || i, (ARRAY['free', 'team', 'company'])[1 + i % 3]::plan,
       at, at + interval '40 days'
  FROM generate_series(1, 12) AS i
 CROSS JOIN LATERAL (SELECT timestamptz '2024-01-02 09:00+00' + i * interval '3 days' AS at) t;
INSERT INTO users (id, tenant_id, email, display_name, role, created_at, updated_at, deleted_at)
SELECT stable_uuid('user' || i), stable_uuid('tenant' || 1 + i % 12), 'user' || i || '@example.com', 'User ' || i,
       (ARRAY['owner', 'admin', 'member', 'guest'])[1 + i / 12 % 4]::member_role,
       at, at + interval '1 day', CASE WHEN i % 31 = 0 THEN at + interval '90 days' END
  FROM generate_series(1, 96) AS i
 CROSS JOIN LATERAL (SELECT timestamptz '2024-02-10 09:00+00' + i * interval '11 hours' AS at) t;
INSERT INTO projects (id, tenant_id, lead_id, name, progress, start_date, end_date, created_at, updated_at)
SELECT stable_uuid('project' || i), u.tenant_id, u.id, 'Project ' || i, i * 9 % 101, date '2024-04-01' + i,
       CASE WHEN i % 3 > 0 THEN date '2024-04-01' + i * 5 END, at, at + interval '2 days'
  FROM generate_series(1, 40) AS i
  JOIN users u ON u.id = stable_uuid('user' || 1 + i * 5 % 96)
 CROSS JOIN LATERAL (SELECT timestamptz '2024-03-25 09:00+00' + i * interval '1 day' AS at) t;
INSERT INTO tasks (id, tenant_id, project_id, assignee_id, title, state, estimate, starts_at, ends_at,
                   created_at, updated_at)
SELECT stable_uuid('task' || i), p.tenant_id, p.id,
       CASE WHEN i % 4 > 0 THEN (SELECT u.id FROM users u WHERE u.tenant_id = p.tenant_id
                                  ORDER BY u.id OFFSET i % 8 LIMIT 1) END,
       'Task ' || i, (ARRAY['open', 'doing', 'done'])[1 + i % 3]::task_state, 0.25 * (1 + i % 20),
       at, CASE WHEN i % 3 = 2 THEN at + i % 9 * interval '1 hour' END, at, at + interval '12 hours'
  FROM generate_series(1, 240) AS i
  JOIN projects p ON p.id = stable_uuid('project' || 1 + i % 40)
 CROSS JOIN LATERAL (SELECT timestamptz '2024-05-20 09:00+00' + i * interval '5 hours' AS at) t;
UPDATE tasks t SET parent_task_id = stable_uuid('task' || n - 40)
  FROM (SELECT n, stable_uuid('task' || n) AS id FROM generate_series(81, 240, 3) AS n) c
 WHERE t.id = c.id;
INSERT INTO comments (id, tenant_id, author_id, commentable_type, commentable_id, body, created_at)
SELECT stable_uuid('comment' || i), t.tenant_id, u.id, CASE WHEN i % 3 = 0 THEN 'Project' ELSE 'Task' END,
       CASE WHEN i % 3 = 0 THEN t.project_id ELSE t.id END, 'Comment ' || i,
       timestamptz '2024-08-01 09:00+00' + i * interval '7 hours'
  FROM generate_series(1, 200) AS i
  JOIN tasks t ON t.id = stable_uuid('task' || 1 + i * 7 % 240)
  JOIN LATERAL (SELECT id FROM users WHERE tenant_id = t.tenant_id ORDER BY id OFFSET i % 8 LIMIT 1) u ON true;
INSERT INTO room_bookings (id, tenant_id, booked_by, during, created_at)
SELECT stable_uuid('booking' || i), u.tenant_id, u.id, tstzrange(at, at + interval '90 minutes'), at - interval '9 days'
  FROM generate_series(1, 60) AS i
  JOIN users u ON u.id = stable_uuid('user' || 1 + i * 11 % 96)
 CROSS JOIN LATERAL (SELECT timestamptz '2024-09-02 08:00+00' + i * interval '2 hours' AS at) t;
INSERT INTO api_keys (id, tenant_id, user_id, key_hash, scopes, valid_from, valid_to, created_at)
SELECT stable_uuid('key' || i), u.tenant_id, u.id, md5('secret' || i), ARRAY['read', 'write'], at,
       CASE WHEN i % 2 = 0 THEN at + interval '1 year' END, at
  FROM generate_series(1, 40) AS i
  JOIN users u ON u.id = stable_uuid('user' || 1 + i * 2 % 96)
 CROSS JOIN LATERAL (SELECT timestamptz '2024-06-01 08:00+00' + i * interval '17 hours' AS at) t;
UPDATE tenants t SET users_count = (SELECT count(*) FROM users u WHERE u.tenant_id = t.id);
UPDATE projects p SET task_count = (SELECT count(*) FROM tasks t WHERE t.project_id = p.id);

CREATE MATERIALIZED VIEW project_summary AS
SELECT p.id AS project_id, p.tenant_id, count(t.id) AS tasks, count(t.id) FILTER (WHERE t.state = 'done') AS done
  FROM projects p
  LEFT JOIN tasks t ON t.project_id = p.id
 GROUP BY p.id;
CREATE UNIQUE INDEX project_summary_project_id_idx ON project_summary (project_id);
