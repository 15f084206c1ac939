-- The runs with the longest batch, of the newest week.
SELECT stage, stage_version, run_id, longest_batch_ms, rows_in, last_recorded_time
FROM ops.stage_run
WHERE last_recorded_time > (SELECT MAX(last_recorded_time) FROM ops.stage_run) - INTERVAL '7' DAY
ORDER BY longest_batch_ms DESC, run_id, stage
LIMIT 50
