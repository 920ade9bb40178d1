"""Settings that make each method small, for tests over all of METHODS."""

from typing import Any

# A thin network gives all images one embedding without most of its weights, and wide heads only cost time here.
SMALL: dict[str, dict[str, Any]] = {
    "sdclr": {"prune_ratio": 0.3},
    "emp-ssl": {"view_count": 3, "prefeature_dim": 16, "head_dim": 8},
    "vicreg": {"head_dim": 16},
    "barlow-twins": {"head_dim": 16},
    "byol": {"predictor_dim": 16, "head_dim": 8},
    "moco-v3": {"predictor_dim": 16, "head_dim": 8},
    "dino": {"prototypes": 12, "head_dim": 8, "local_count": 1, "local_scale": 1.0, "head_layers": 2},
}
