-- id: registration-reviewed
-- severity: error
-- category: rules
-- why: A decision has somebody who made it and a time; what is pending has neither.
SELECT r.id, r.username, r.status, r.requested_at, r.reviewed_by, r.reviewed_at, r.rejection_reason
  FROM registration_request r
 WHERE (r.status = 'PENDING' AND (r.reviewed_by IS NOT NULL OR r.reviewed_at IS NOT NULL))
    OR (r.status <> 'PENDING' AND (r.reviewed_by IS NULL OR r.reviewed_at IS NULL))
    OR (r.status = 'REJECTED' AND coalesce(btrim(r.rejection_reason), '') = '')
    OR r.reviewed_at < r.requested_at;
