-- Scientist View: one reading per device and instant, the newest ingestion, in canonical units.
-- silver.reading is unique by the time a device sent; here also by the corrected time. Where a corrected reading falls on
-- one whose clock was right, the latter stays; then the newest arrival; the row id decides a tie.
-- Times without zone are UTC: a view in Athena holds no time with a zone.
SELECT
  device_id,
  CAST(event_time AS timestamp) AS event_time,
  latitude,
  longitude,
  temperature_celsius,
  humidity_percent,
  battery_percent,
  status,
  conforms,
  is_valid,
  is_anomaly,
  anomaly_flags,
  late,
  clock_suspect,
  schema_version,
  contract_version,
  "_rescued" AS rescued_json,
  CAST(ingest_time AS timestamp) AS ingest_time,
  CAST(processing_time AS timestamp) AS processing_time,
  source_object,
  source_line,
  row_id
FROM (
  SELECT
    reading.*,
    ROW_NUMBER() OVER (
      PARTITION BY device_id, event_time
      ORDER BY COALESCE(clock_suspect, false), ingest_time DESC, row_id DESC
    ) AS newest_first
  FROM silver.reading AS reading
) AS numbered
WHERE newest_first = 1
