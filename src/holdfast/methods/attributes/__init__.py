"""Parts about attributes of images beside their class, such as the site that a picture comes from."""

from holdfast.methods.attributes.talos import ForgetConfig, Forgetting

__all__ = ["ForgetConfig", "Forgetting"]
