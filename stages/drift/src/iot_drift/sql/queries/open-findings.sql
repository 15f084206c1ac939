-- What changed in the fleet's data and is not settled, the gravest first, then the oldest.
SELECT severity, status, kind, field, device_count, device_share, onset, last_seen, evidence, event_id
FROM drift.open_event
ORDER BY severity_rank, onset, event_id
