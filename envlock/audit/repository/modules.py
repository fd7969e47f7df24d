"""Which distribution brings a module, where the two have other names; packages of conda likewise."""

from __future__ import annotations

from collections.abc import Mapping

# top-level module -> the distributions any of which brings it
BROUGHT_BY: Mapping[str, tuple[str, ...]] = {
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv", "py-opencv"),
    "PIL": ("pillow", "pillow-simd"),
    "sklearn": ("scikit-learn",),
    "skimage": ("scikit-image",),
    "yaml": ("pyyaml",),
    "bs4": ("beautifulsoup4",),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "git": ("gitpython",),
    "serial": ("pyserial",),
    "Crypto": ("pycryptodome",),
    "OpenGL": ("pyopengl",),
    "google": ("protobuf", "google-cloud-storage", "google-api-core", "google-auth"),
    "grpc": ("grpcio",),
    "mpl_toolkits": ("matplotlib",),
    "matplotlib": ("matplotlib", "matplotlib-base"),
    "pylab": ("matplotlib",),
    "torch": ("torch", "pytorch", "pytorch-gpu", "pytorch-cpu"),
    "functorch": ("torch", "pytorch"),
    "torchgen": ("torch", "pytorch"),
    "torch_geometric": ("torch-geometric", "pyg"),
    "torch_scatter": ("torch-scatter", "pytorch-scatter"),
    "torch_sparse": ("torch-sparse", "pytorch-sparse"),
    "torch_cluster": ("torch-cluster", "pytorch-cluster"),
    "pytorch_lightning": ("pytorch-lightning", "lightning"),
    "lightning_fabric": ("lightning-fabric", "pytorch-lightning", "lightning"),
    "ignite": ("pytorch-ignite", "ignite"),
    "flash_attn": ("flash-attn",),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss"),
    "umap": ("umap-learn",),
    "hydra": ("hydra-core",),
    "attr": ("attrs",),
    "pkg_resources": ("setuptools",),
    "setuptools": ("setuptools",),
    "pip": ("pip",),
    "wx": ("wxpython",),
    "fitz": ("pymupdf",),
    "docx": ("python-docx",),
    "pptx": ("python-pptx",),
    "slugify": ("python-slugify",),
    "Levenshtein": ("levenshtein", "python-levenshtein"),
    "rdkit": ("rdkit", "rdkit-pypi"),
    "Bio": ("biopython",),
    "community": ("python-louvain",),
    "igraph": ("igraph", "python-igraph"),
    "jwt": ("pyjwt",),
    "magic": ("python-magic",),
    "MySQLdb": ("mysqlclient",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "usb": ("pyusb",),
    "zmq": ("pyzmq",),
    "IPython": ("ipython", "jupyter", "notebook", "jupyterlab"),
    "ipywidgets": ("ipywidgets", "jupyter"),
    "pynvml": ("nvidia-ml-py", "pynvml", "nvidia-ml-py3"),
    "cupy": ("cupy", "cupy-cuda11x", "cupy-cuda12x"),
    "tensorflow": ("tensorflow", "tensorflow-gpu", "tensorflow-cpu"),
    "tensorboardX": ("tensorboardx",),
    "jax": ("jax",),
    "clip": ("clip", "openai-clip"),
    "segment_anything": ("segment-anything", "segment-anything-py"),
    "pycocotools": ("pycocotools",),
    "absl": ("absl-py",),
    "kornia": ("kornia",),
    "open_clip": ("open-clip-torch",),
    "sentence_transformers": ("sentence-transformers",),
    "huggingface_hub": ("huggingface-hub", "transformers", "datasets"),
    "pygame": ("pygame", "pygame-ce"),
    "gym": ("gym",),
    "stable_baselines3": ("stable-baselines3",),
    "tables": ("tables", "pytables"),
    "lmdb": ("lmdb", "python-lmdb"),
    "imwatermark": ("invisible-watermark",),
    "tree": ("dm-tree",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
    "amp_C": ("apex",),
    "apex": ("apex", "nvidia-apex"),
    "cuda": ("cuda-python",),
    "py3Dmol": ("py3dmol",),
    "pytest": ("pytest",),
}

# Modules that no index has under a name of its own: of NVIDIA's name space, of Debian's packages, of ROS, of
# the program that runs the code.
OF_THE_SYSTEM = frozenset(
    (
        *("nvidia", "apt", "apt_pkg", "aptsources", "gi", "dbus", "rospy", "rclpy", "ament_index_python"),
        *("launch", "launch_ros", "bpy", "mathutils", "maya", "unreal"),
    )
)


def distributions_of(module: str) -> tuple[str, ...]:
    """The names, normalised, under which a module may be declared.

    >>> distributions_of("cv2.dnn")[0], distributions_of("my_module.sub")
    ('opencv-python', ('my-module',))
    """
    top = module.partition(".")[0]
    return BROUGHT_BY.get(top) or (top.replace("_", "-").lower(),)
