-- Fields and versions that no registered contract declares, those of most devices first.
SELECT path, kind, severity, device_count, record_count, versions, sample, proposed_column, first_seen, last_seen
FROM drift.drift_log
WHERE status = 'PENDING'
ORDER BY device_count DESC, path, kind
