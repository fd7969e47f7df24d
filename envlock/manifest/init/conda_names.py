"""Names on conda channels that mean PyTorch and its CUDA, which come as wheels."""

from __future__ import annotations

# conda name -> wheel name: PyTorch itself, and what needs conda's own PyTorch (so would bring a second one)
WHEELS = {
    "pytorch": "torch",
    "pytorch-gpu": "torch",
    "pytorch-cpu": "torch",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "torchtext": "torchtext",
    "torchdata": "torchdata",
    "torchmetrics": "torchmetrics",
    "pytorch-lightning": "pytorch-lightning",
    "lightning": "lightning",
    "pytorch-ignite": "pytorch-ignite",
    "ignite": "pytorch-ignite",
    "timm": "timm",
    "accelerate": "accelerate",
    "kornia": "kornia",
}
# whose version is the CUDA that PyTorch shall have
CUDA = ("pytorch-cuda", "cudatoolkit", "cuda-version", "cuda-toolkit", "cuda")
CPU_ONLY = ("cpuonly", "pytorch-cpu")
_LIBRARIES = ("cudnn", "nccl", "triton", "torchtriton", "pytorch-mutex", "cuda-runtime", "cuda-libraries")
_LIBRARY_PREFIXES = (
    "magma-cuda",
    "cuda-cudart",
    "cuda-cupti",
    "cuda-nvrtc",
    "cuda-nvtx",
    "cuda-opencl",
    "libcu",
)
_NVIDIA = ("libnpp", "libnvjpeg", "libnvjitlink", "libmagma")
# what makes environments, and has no part in them
TOOLS = ("pip", "setuptools", "wheel", "python_abi", "conda", "mamba", "uv")
# channels that only PyTorch and its CUDA came from
OF_PYTORCH = ("pytorch", "pytorch-nightly", "nvidia")


def comes_with_torch(name: str) -> bool:
    """Does the wheel of PyTorch bring or need what the conda package `name` has?

    >>> [comes_with_torch(name) for name in ("cudnn", "libcublas", "cuda-nvcc", "ffmpeg")]
    [True, True, False, False]
    """
    return (
        name in (*CUDA, *CPU_ONLY, *_LIBRARIES)
        or name.startswith(_LIBRARY_PREFIXES)
        or name.startswith(_NVIDIA)
    )
