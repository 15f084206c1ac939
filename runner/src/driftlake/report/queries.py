"""What the report asks of tables that need no more than one question."""

_IN_ORDER = "list_position(['bronze', 'silver', 'gold', 'drift', 'metrics'], stage)"

# A batch that was repeated after a crash wrote its rows twice: the last attempt counts.
GATES = f"""
    WITH last AS (
        SELECT * FROM ops.stage_metric WHERE outcome = 'success'
        QUALIFY row_number() OVER (
            PARTITION BY stage, query, query_id, batch_id, side, disposition, target ORDER BY recorded_time DESC) = 1
    )
    SELECT stage, query, side, disposition, target, sum(files)::BIGINT AS files, sum(bytes)::BIGINT AS bytes,
           sum("rows")::BIGINT AS rows, count(DISTINCT (query_id, batch_id)) AS batches
    FROM last WHERE disposition NOT IN ('checked', 'maintained') GROUP BY stage, query, side, disposition, target
    ORDER BY {_IN_ORDER}, min(min(recorded_time)) OVER (PARTITION BY stage, query), query, side DESC,
             list_position(['in', 'kept', 'quarantined', 'duplicate', 'superseded'], disposition), target
"""
BALANCE = f"""
    SELECT stage, query, unit, count(*) AS batches, sum(rows_in)::BIGINT AS rows_in, sum(rows_kept)::BIGINT AS kept,
           sum(rows_quarantined)::BIGINT AS quarantined, sum(rows_duplicate)::BIGINT AS duplicate,
           sum(rows_superseded)::BIGINT AS superseded, sum(difference)::BIGINT AS difference,
           bool_and(balanced) AS balanced
    FROM ops.conservation GROUP BY stage, query, unit ORDER BY {_IN_ORDER}, query
"""
FAILURES = """
    SELECT run_id, stage, query, error, recorded_time FROM ops.stage_metric WHERE outcome = 'failure'
    ORDER BY recorded_time DESC LIMIT 20
"""
# The newest result of each check: quality is a state, not a sum.
QUALITY = """
    SELECT target AS check, "rows" AS failing_rows, detail, recorded_time
    FROM ops.stage_metric WHERE disposition = 'checked' AND outcome = 'success'
    QUALIFY row_number() OVER (PARTITION BY stage, target ORDER BY recorded_time DESC) = 1
    ORDER BY json_extract_string(detail, '$.success'), target
"""
QUARANTINE = """
    SELECT reason_code, count(*) AS rows, count(DISTINCT device_id) AS devices,
           count(DISTINCT source_object) AS objects, arg_min(payload, source_object || source_line) AS example
    FROM silver.quarantine GROUP BY ALL ORDER BY rows DESC, reason_code LIMIT 60
"""
BREAKERS = """
    SELECT schema_version, max_by(state, sequence) AS last_state, max_by(transition_time, sequence) AS since,
           max_by(checked_rows, sequence) AS checked_rows, max_by(failed_rows, sequence) AS failed_rows,
           count(*) AS changes
    FROM silver.circuit_breaker GROUP BY schema_version
    ORDER BY list_position(['open', 'half_open', 'closed'], last_state), schema_version LIMIT 60
"""
# A device whose clock runs years ahead must not stretch every axis.
EXTENT = """
    SELECT count(*) AS readings, count(DISTINCT device_id) AS devices,
           min(event_time) FILTER (NOT coalesce(clock_suspect, false)) AS first_time,
           max(event_time) FILTER (NOT coalesce(clock_suspect, false)) AS last_time,
           count(*) FILTER (NOT is_valid) AS invalid, count(*) FILTER (is_anomaly) AS anomalies
    FROM silver.reading
"""
SCORES = """
    SELECT least(floor(score * 100) / 100, 0.99) AS low, coalesce(is_reference, false) AS is_reference,
           coalesce(is_anomalous, false) AS is_anomalous, count(*) AS windows
    FROM drift.window_score WHERE score IS NOT NULL AND isfinite(score) GROUP BY ALL ORDER BY ALL
"""
THRESHOLDS = """
    SELECT threshold, max(processing_time) AS newest FROM drift.window_score WHERE threshold IS NOT NULL
    GROUP BY threshold ORDER BY newest, threshold
"""
# In quarters of a doubling. A standstill is counted in hours, not in deviations: it has no place on this axis.
SIZES = """
    SELECT floor(4 * log2(greatest(abs(top_feature_z), 0.125))) / 4 AS low, false AS is_reference,
           coalesce(is_anomalous, false) AS is_anomalous, count(*) AS windows
    FROM drift.window_score
    WHERE score IS NOT NULL AND isfinite(top_feature_z) AND top_feature NOT LIKE '%stuck' GROUP BY ALL ORDER BY ALL
"""
LIMITS = """
    SELECT DISTINCT round(max(features[name]), 2) AS size_limit
    FROM (SELECT features, unnest(list_filter(map_keys(features), key -> ends_with(key, '_limit'))) AS name
          FROM drift.window_score WHERE is_anomalous) WHERE name NOT LIKE '%stuck_limit'
    GROUP BY name ORDER BY size_limit LIMIT 4
"""
WINDOWS = """
    SELECT count(*) AS windows, count(score) AS scored, count(*) FILTER (is_reference) AS reference,
           count(*) FILTER (is_anomalous) AS deviating, count(DISTINCT device_id) AS devices,
           count(DISTINCT model_id) AS models
    FROM drift.window_score
"""
MODELS = """
    SELECT left(model_id, 8) AS model, role, role_reason, created_time, trained_until, reference_devices,
           reference_windows, excluded_windows, score_threshold, thresholds, false_alarms_per_1000_device_days AS budget
    FROM drift.model ORDER BY role = 'champion' DESC, created_time DESC LIMIT 12
"""
