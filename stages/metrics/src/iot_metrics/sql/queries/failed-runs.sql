-- Runs of a stage that failed, the newest first, with the reason.
SELECT run_id, stage, stage_version, last_recorded_time, error
FROM ops.stage_run
WHERE failed
ORDER BY last_recorded_time DESC, stage
