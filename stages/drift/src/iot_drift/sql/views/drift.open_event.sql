-- Findings that nobody has accepted or resolved, with the rank of their severity: 1 is the gravest.
SELECT
  CASE severity WHEN 'CRITICAL' THEN 1 WHEN 'ERROR' THEN 2 WHEN 'WARN' THEN 3 ELSE 4 END AS severity_rank,
  severity,
  status,
  channel,
  kind,
  field,
  contract_version,
  device_count,
  device_share,
  devices,
  CAST(onset AS timestamp) AS onset,
  CAST(last_seen AS timestamp) AS last_seen,
  occurrence_count,
  score,
  threshold,
  evidence,
  event_id
FROM drift.event
WHERE status IN ('open', 'acknowledged')
