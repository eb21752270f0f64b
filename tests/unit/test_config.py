import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError


def test_the_default_is_a_run() -> None:
    RunConfig().validate()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"policy": "qemu-v99"}, "unknown policy 'qemu-v99'"),
        ({"send_bytes": 0}, "a send of 0 bytes"),
        ({"send_bytes": 1 << 40}, "out of range"),
        ({"send_count": 0}, "0 sends are no run"),
        ({"duration_s": 0.0}, "-t 0 is out of range"),
        ({"duration_s": float("nan")}, "-t nan is out of range"),
        ({"deadline_s": -1.0}, "--deadline -1"),
        ({"optmem_max_bytes": 10}, "optmem_max of 10 bytes"),
    ],
)
def test_what_no_run_can_have_is_refused_by_name(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        RunConfig(**wrong).validate()  # type: ignore[arg-type]
    assert refused.value.hint
