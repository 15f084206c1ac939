from __future__ import annotations

from iot_common.io.session import java_options
from iot_common.settings import StageSettings

FIRST_TIER = "-XX:TieredStopAtLevel=1"


def test_a_short_run_compiles_with_the_first_tier_alone_and_lasting_work_with_both(tmp_path, monkeypatch):
    monkeypatch.delenv("DRIFTLAKE_SPARK_LOG", raising=False)
    quick = java_options(StageSettings(warehouse=str(tmp_path)))
    lasting = java_options(StageSettings(warehouse=str(tmp_path), java="lasting"))
    assert all(FIRST_TIER in options for options in quick.values())
    assert not any(FIRST_TIER in options for options in lasting.values())


def test_spark_s_log_stays_quiet_on_the_driver_unless_it_is_asked_for(tmp_path, monkeypatch):
    settings = StageSettings(warehouse=str(tmp_path))
    monkeypatch.delenv("DRIFTLAKE_SPARK_LOG", raising=False)
    assert "log4j2" in java_options(settings)["spark.driver.extraJavaOptions"]
    monkeypatch.setenv("DRIFTLAKE_SPARK_LOG", "1")
    assert "log4j2" not in java_options(settings)["spark.driver.extraJavaOptions"]
