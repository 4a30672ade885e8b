-- id: registration-already-user
-- severity: warning
-- category: rules
-- why: Somebody who asks again for an account they have is confused, or is not them.
SELECT r.id, r.username, r.email, r.status, u.id AS user_id
  FROM registration_request r
  JOIN "user" u ON lower(u.email) = lower(r.email) OR u.username = r.username
 WHERE r.status = 'PENDING';
