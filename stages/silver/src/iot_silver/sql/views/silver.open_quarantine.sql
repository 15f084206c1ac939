-- Refused records that nobody has replayed or discarded yet, without their bytes.
SELECT
  row_id,
  reason_code,
  device_id,
  schema_version,
  CAST(event_time_raw AS timestamp) AS event_time_raw,
  CAST(ingest_time AS timestamp) AS ingest_time,
  CAST(failed_time AS timestamp) AS failed_time,
  source_object,
  source_line,
  processor_version
FROM silver.quarantine AS quarantined
WHERE NOT EXISTS (
  SELECT 1
  FROM silver.quarantine_action AS closing
  WHERE closing.row_id = quarantined.row_id AND closing.action IN ('replayed', 'discarded')
)
