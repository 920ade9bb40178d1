"""Settings that several axes quote beside their numbers: (words, setting)."""

COMMON = (("Test images", "test_images"), ("Of", "test"), ("Seed", "seed"))
PROBE = (("Probe", "protocol"), ("Probe images", "probe_images"), ("Fitted on", "probe_on"))
PROBED = ("protocol", "probe_lr_drop", "probe_on", "probe_images", "probe_identity")
"""What decides a probe beside the features."""
PAIRED = (
    *(("Pairs of encoders", "pairs"), ("Scored images", "scored_images"), ("Views of each", "scored_views")),
    *(("Measured on", "measured_on"), ("Seed", "seed")),
)
