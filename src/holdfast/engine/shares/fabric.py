"""Fabric, without what it imports for a version alone: torchmetrics, and with it scipy, transformers and matplotlib."""

from holdfast.lazy import version_alone

with version_alone("torchmetrics"):
    from lightning_fabric import Fabric as Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment as LightningEnvironment
    from lightning_fabric.strategies.model_parallel import ModelParallelStrategy as ModelParallelStrategy
