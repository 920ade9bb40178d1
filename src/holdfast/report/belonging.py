"""Which findings of a folder belong together: to one encoder, and to one set of test images or of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.findings import Finding
from holdfast.report.wording import joined, printable

Identity = tuple[str, ...]


@dataclass(frozen=True)
class SetAside:
    """A finding that is not shown, and why."""

    audit: str
    reason: str
    """With both identities."""

    def said(self, name: str) -> str:
        """A sentence for the screen and the page; name: of the encoder."""
        return f"Set aside, {printable(self.audit)} of {name}: {self.reason}; measure it again."


def of_one_encoder(
    findings: Mapping[str, Finding], times: Mapping[str, float], encoder: str | None
) -> tuple[dict[str, Finding], list[SetAside]]:
    """The findings that belong together, and those that do not.

    times: when each was written, by audit. encoder: checksum of the run's encoder as it is now; None where there is no
    run: then the encoder that most findings are of. Test images, and pairs of encoders with the images that they
    scored, are those of most findings; among equally many the ones measured last.
    """
    sums = {name: (str(finding.settings.get("encoder_checksum")),) for name, finding in findings.items()}
    found, aside = _kept(findings, sums, times, "encoder", None if encoder is None else (encoder,))
    for kind, of in (("test images", _test), ("pairs and scored images", _pairs)):
        mine = {name: identity for name, finding in found.items() if (identity := of(finding)) is not None}
        kept, odd = _kept({name: found[name] for name in mine}, mine, times, kind, None)
        found = {name: finding for name, finding in found.items() if name in kept or name not in mine}
        aside += odd
    return found, aside


def _test(finding: Finding) -> Identity | None:
    """The test images of a finding; those of encoder pairs are about other images."""
    return None if "pair_checksums" in finding.settings else (str(finding.settings.get("test_checksum")),)


def _pairs(finding: Finding) -> Identity | None:
    if "pair_checksums" not in finding.settings:
        return None
    sums = [" and ".join(pair) for pair in finding.settings["pair_checksums"]]
    return (joined(sums), str(finding.settings.get("scored_checksum")))


def _kept(
    findings: Mapping[str, Finding],
    identities: Mapping[str, Identity],
    times: Mapping[str, float],
    kind: str,
    wanted: Identity | None,
) -> tuple[dict[str, Finding], list[SetAside]]:
    if not findings:
        return {}, []
    chosen = _of_most(identities, times) if wanted is None else wanted
    aside = [
        SetAside(name, f"it is of {kind} {_words(own)}, the others of {_words(chosen)}")
        if wanted is None
        else SetAside(name, f"it is of {kind} {_words(own)}, the run's is now {_words(chosen)}")
        for name, own in identities.items()
        if own != chosen
    ]
    return {name: finding for name, finding in findings.items() if identities[name] == chosen}, aside


def _of_most(identities: Mapping[str, Identity], times: Mapping[str, float]) -> Identity:
    def weight(identity: Identity) -> tuple[int, float]:
        members = [name for name, own in identities.items() if own == identity]
        return len(members), max(times.get(name, 0.0) for name in members)

    return max(dict.fromkeys(identities.values()), key=weight)


def _words(identity: Sequence[str]) -> str:
    return " on ".join(map(printable, identity))
