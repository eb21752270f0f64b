import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.workloads import Traffic


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
        ({"channels": 0}, "0 channels"),
        ({"channels": 65}, "65 channels"),
        ({"affinity": (0, 100_000)}, "CPUs 0 and 100000"),
        ({"protocol": "udp", "traffic": Traffic(model="rpc")}, "rpc traffic needs a stream"),
        ({"protocol": "udp", "traffic": Traffic(model="migration")}, "migration traffic needs a stream"),
        ({"protocol": "udp", "family": "vsock"}, "vsock has no datagrams"),
        ({"family": "vsock"}, "--vsock and --to vsock:CID go together"),
        ({"family": "vsock", "to": "10.0.0.1"}, "go together"),
        ({"family": "ipv4", "to": "vsock:2"}, "go together"),
        ({"protocol": "udp", "send_bytes": 24}, "datagrams of 24 to 24 bytes"),
        ({"protocol": "udp", "send_bytes": 65508}, "datagrams of 65508"),
        ({"protocol": "udp", "traffic": Traffic(model="mixed", sizes=[(10, 1), (100, 1)])}, "datagrams of 10 to 100"),
    ],
)
def test_what_no_run_can_have_is_refused_by_name(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        RunConfig(**wrong).validate()  # type: ignore[arg-type]
    assert refused.value.hint


def test_a_time_replaces_the_number_of_sends_and_the_deadline_comes_on_top() -> None:
    config = RunConfig(duration_s=2.0, deadline_s=3.0)
    config.validate()
    assert config.limit_s == 5.0
    assert RunConfig(deadline_s=3.0).limit_s == 3.0
