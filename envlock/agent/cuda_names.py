"""Names of NVIDIA's libraries, told by their file names."""

import re
from typing import Optional

# What ships with the toolkit, cuDNN, NCCL and their kin: one provider of each belongs into a process.
_TOOLKIT = re.compile(
    r"lib(?P<family>cudart|cublas(?:Lt)?|cudnn(?:_\w+)?|nccl|cufft|cufftw|curand|cusolver(?:Mg)?|cusparse(?:Lt)?"
    r"|nvrtc(?:-builtins)?|nvJitLink|nvjpeg|cupti|cufile(?:_rdma)?|nvToolsExt|nvshmem_host|npp\w+)"
    r"(?:-[0-9a-f]{8})?\.so(?:\.[\d.]+)?$"
)
# What comes with the driver: of the host by nature, judged by version elsewhere.
_DRIVER = re.compile(
    r"lib(?:cuda|cudadebugger|nvidia-[\w-]+|nvcuvid|nvoptix|GLX_nvidia|EGL_nvidia|nvidia-ml)\.so(?:\.[\d.]+)?$"
)


def toolkit_family(name: str) -> Optional[str]:
    """Which library a file is one of, whatever its version; None for what is none of the toolkit.

    >>> [toolkit_family(name) for name in ("libcudart.so.12", "libcudart-6f0dc1b5.so.11.0", "libc.so.6")]
    ['cudart', 'cudart', None]
    """
    match = _TOOLKIT.match(name)
    return match["family"] if match else None


def is_of_driver(name: str) -> bool:
    """Does the NVIDIA driver bring it?

    >>> [is_of_driver(name) for name in ("libcuda.so.1", "libnvidia-ml.so.535.54.03", "libcudart.so.12")]
    [True, True, False]
    """
    return bool(_DRIVER.match(name))
