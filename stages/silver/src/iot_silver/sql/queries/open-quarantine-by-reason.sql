-- What waits in quarantine, by reason and claimed schema version: how many records, of how many devices, since when.
SELECT
  reason_code,
  schema_version,
  COUNT(*) AS record_count,
  COUNT(DISTINCT device_id) AS device_count,
  MIN(ingest_time) AS oldest_ingest_time,
  MAX(ingest_time) AS newest_ingest_time
FROM silver.open_quarantine
GROUP BY reason_code, schema_version
ORDER BY record_count DESC, reason_code, schema_version
