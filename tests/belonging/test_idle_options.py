"""Every option of every command is obeyed, or refused where it changes nothing."""

from dataclasses import replace

import pytest

from holdfast.cli import main
from holdfast.cli.audited import AuditOptions
from holdfast.cli.card import CardOptions
from holdfast.cli.compare import CompareOptions
from holdfast.cli.demo import DemoOptions
from holdfast.cli.embed import EmbedOptions
from holdfast.cli.export import ExportOptions
from holdfast.cli.inspect import InspectOptions
from holdfast.cli.memorization import MemorizationOptions
from holdfast.cli.options import UserError, flags, refuse_idle
from holdfast.cli.options.idle import IDLE
from holdfast.cli.report import ReportOptions
from holdfast.cli.train import TrainOptions, train_options
from holdfast.methods import with_idle_parts


def full(words):
    """The options of a training, with the settings of parts that are not put on the method."""
    options = train_options(words.split())
    return replace(options, config=with_idle_parts(options.config))


MODES = {
    "audit": {
        "of a run": AuditOptions(encoders=("RUN",)),
        "of quality alone": AuditOptions(encoders=("timm/resnet18",), axes=("quality",)),
        "without Square": AuditOptions(encoders=("timm/resnet18",), square_images=0),
        "of robustness alone": AuditOptions(encoders=("timm/resnet18",), axes=("robustness",)),
    },
    "memorization": {
        "of a run": MemorizationOptions(run="RUN"),
        "of encoders from elsewhere": MemorizationOptions(two_encoders=("f", "g")),
    },
    "embed": {"of a run's own images": EmbedOptions(encoder="RUN")},
    "inspect": {"without a cost": InspectOptions(sources=("digits",), method="none")},
    "train": {
        "of plain SimCLR": full("simclr"),
        "with AdamW": full("simclr --optimizer adamw"),
        "of all images": full("simclr --holdout 0"),
    },
}
OBEYED = {
    "audit": "encoders data test labels memory_gib workers strict axes cache atlas page probe_on protocol "
    "layer pool "
    "aggregate seed batch_size precision device devices name",
    "memorization": "run views two_encoders seed batch_size precision device devices study",
    "embed": "encoder data out limit layer pool batch_size precision device devices",
    "inspect": "sources against by labels pixel_range groups method limit seed json page",
    "export": "encoder out format licence pool image_size",
    "report": "folders out limits images",
    "compare": "folders all",
    "card": "run out name licence",
    "demo": "out data epochs seeds",
    "train": "out data labels pixel_range groups resize memory_gib workers shuffle_buffer strict "
    "long_tail holdout limit image_size encoder chunk checkpoint_activations shard_weights "
    "stem init epochs batch_size optimizer lr lr_end warmup_epochs weight_decay decay schedule adversary penalty seed "
    "precision compile devices accelerator threads checkpoint_steps keep_checkpoints signals_every crop_min crop_max "
    "ratio_min ratio_max interpolation flip jitter brightness contrast saturation hue grey colours blur solarize "
    "head_layers head_dim temperature temperature_schedule per_view_norm whiten view_size view_grow view_count "
    "strength_schedule memory_augment harmonize sharpness weight_average forget equivariance soft_equivariance",
}
"""Options that have an effect in every mode. A new one is named here, or gets its rule in cli/options/idle.py."""
KINDS = {
    **{"audit": AuditOptions, "memorization": MemorizationOptions, "embed": EmbedOptions, "inspect": InspectOptions},
    **{"export": ExportOptions, "report": ReportOptions, "compare": CompareOptions, "card": CardOptions},
    **{"demo": DemoOptions, "train": TrainOptions},
}


@pytest.fixture
def modes(trained):
    """MODES with a real run's folder."""

    def of(command):
        for options in MODES.get(command, {}).values():
            for name, value in vars(options).items():
                if value in ("RUN", ("RUN",)):
                    object.__setattr__(options, name, (str(trained),) if isinstance(value, tuple) else str(trained))
        return MODES.get(command, {})

    return of


def names_of(command):
    default = full("simclr") if command == "train" else None
    found = {name.replace("-", "_") for name in flags(KINDS[command], default)} - {"parts"}
    return {name for name in found if not (name.startswith("no_") and name[3:] in found)}


def test_every_command_with_options_has_its_rules():
    assert set(IDLE) == set(KINDS)


@pytest.mark.parametrize("command", KINDS)
def test_every_option_is_obeyed_always_or_refused_somewhere(command, modes):
    idle = {name for options in modes(command).values() for name in IDLE[command](options)}
    unplaced = names_of(command) - set(OBEYED[command].split()) - idle
    assert not unplaced, f"say in cli/options/idle.py where these change nothing, or name them in OBEYED: {unplaced}"
    assert not idle & set(OBEYED[command].split())


@pytest.mark.parametrize("command", MODES)
def test_an_option_without_effect_is_refused_in_one_sentence(command, modes):
    for mode, options in modes(command).items():
        for name in IDLE[command](options):
            flag = name.replace("_", "-")
            with pytest.raises(UserError, match=rf"expected --{flag} only .*, got it otherwise.*; leave it out"):
                refuse_idle(command, [f"--{flag}", "1"], options)
            with pytest.raises(UserError, match=f"--{flag} only"):
                refuse_idle(command, [f"--{name}=1"], options)
        assert refuse_idle(command, [], options) is None, mode


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ("embed RUN --image-size 16", "image-size"),
        ("embed RUN --resize pad", "resize"),
        ("embed RUN --labels none", "labels"),
        ("memorization RUN --data digits", "data"),
        ("memorization RUN --partition parts.json", "partition"),
        ("memorization RUN --image-size 16", "image-size"),
        ("memorization RUN --test digits", "test"),
        ("memorization --two-encoders RUN RUN --pairs 3", "pairs"),
        ("memorization --two-encoders RUN RUN --external 0.2", "external"),
        ("memorization --two-encoders RUN RUN --remove top:3", "remove"),
        ("memorization --two-encoders RUN RUN --planted 3", "planted"),
        ("audit RUN --out elsewhere", "out"),
        ("audit RUN --image-size 16", "image-size"),
        ("audit RUN --axes quality --attack-steps 3", "attack-steps"),
        ("audit RUN --axes quality --budget fast", "budget"),
        ("audit RUN --axes quality --minutes 3", "minutes"),
        ("inspect digits --method none --epochs 3", "epochs"),
        ("train simclr --lars-clip --data digits", "lars-clip"),
        ("train simclr --data digits --adversary-eps 0.1", "adversary-eps"),
    ],
)
def test_the_commands_refuse_them_before_they_do_anything(words, flag, trained, refused):
    before = sorted(path.name for path in trained.iterdir())
    assert f"expected --{flag} only " in refused(words.replace("RUN", str(trained)))
    assert sorted(path.name for path in trained.iterdir()) == before


def test_what_has_an_effect_is_taken(trained, tmp_path):
    assert main(f"embed {trained} --limit 5 --seed 3 --out {tmp_path / 'a.npz'}".split()) == 0
    words = f"embed {trained} --data digits --labels none --image-size 8 --limit 5 --out {tmp_path / 'b.npz'}"
    assert main(words.split()) == 0


@pytest.mark.parametrize("config", ['{"model_type": "siglip_vision_model"}', '{"architectures": ["ViTModel"]}'])
def test_a_folder_of_another_library_is_no_run_whose_folder_findings_go_into(config, tmp_path):
    (tmp_path / "config.json").write_text(config)
    refuse_idle("audit", ["--out", "a"], AuditOptions(encoders=(str(tmp_path),)))
    (tmp_path / "config.json").write_text('{"schema": 1}')
    with pytest.raises(UserError, match="--out only for an encoder that is no run folder"):
        refuse_idle("audit", ["--out", "a"], AuditOptions(encoders=(str(tmp_path),)))
