"""Numbers of README and docs that look measured and come from no run of ours, each with the reason."""

import re
from collections.abc import Iterator, Mapping, Sequence

LOOKS_MEASURED = re.compile(
    r"±|\[−?[\d.]*\.[\d.]*, ?−?[\d.]+\]|\d ?%|\d (?:×|s|ms|MB|GB|MiB|GiB|min|minutes|hours)\b|\d ×"
)
"""A spread, an interval, a percentage, a time, a size or a ratio."""
SECTIONS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "numbers of papers and third parties, cited in the part": {
        "docs/methods/simclr.md": ["## Recipes"],
        "docs/methods/sdclr.md": ["## Recipes"],
        "docs/methods/invclr.md": ["## Recipes"],
        "docs/methods/cf_amc_ssl.md": ["## Recipes"],
        "docs/methods/emp_ssl.md": ["## Recipes"],
        "docs/methods/byol.md": ["## Recipes"],
        "docs/methods/dcl.md": ["## Recipes"],
        "docs/methods/renyicl.md": ["## Recipes"],
        "docs/methods/vicreg.md": ["## Recipes"],
        "docs/methods/rocl.md": ["## Recipes"],
        "docs/methods/acl.md": ["## Recipes"],
        "docs/methods/deacl.md": ["## Recipes"],
        "docs/methods/dynacl_tuning.md": ["## Recipes"],
        "docs/methods/profeat.md": ["## Recipes"],
        "docs/methods/harmonization.md": ["## Recipes"],
        "docs/methods/memory_augmentation.md": ["## Recipes"],
        "docs/methods/temperature_schedule.md": ["## Recipes"],
        "docs/methods/transformation_coding.md": ["## Recipes"],
    },
}
"""Whole parts of pages: from a heading to the next of its level."""
SNIPPETS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "a level, a rate or a setting, chosen and not measured": {
        "docs/audits/balance.md": ["95 %", "(5 % of all by default)"],
        "docs/audits/equivariance.md": ["95 %"],
        "docs/audits/invariance.md": ["1 ± this", "wheel ± this", "degrees ± this", "95 %"],
        "docs/audits/membership.md": ["8 to 20 % of an image", "30 % of a", "5, 20 and 100 %"],
        "docs/audits/memorization.md": ["`--external`, 10 %", "95 %", "under 5 % of cases"],
        "docs/audits/privacy.md": ["at most 1 % of", "the same at 0.1 %", "the rate at 1 %", "95 %", "0 to 100 %"],
        "docs/audits/quality.md": ["95 %"],
        "docs/audits/robustness.md": ["95 %", "watched above 5 %"],
        "docs/audits/tail.md": ["95 %"],
        "docs/compare.md": ["97.5 %"],
        "docs/data.md": [
            "within 4 MiB of a tar file",
            "images × 3 × height",
            "Default: 5 %",
            "the usual 1 % and 10 % of every class",
        ],
        "docs/getting-started.md": ["20 × 200", "100 × 5,000"],
        "docs/inspect.md": ["1 % of the images repeat", "what 8 hours buy", "over 4 GiB decoded"],
        "docs/methods/cf_amc_ssl.md": ["hold out 5 %", "95 %"],
        "docs/methods/emp_ssl.md": ["8 to 100 % of it", "hold out 5 %", "16 × 100 × 1024"],
        "docs/methods/invclr.md": ["random ±1"],
        "docs/holdfast-recipe.md": ["95 %"],
        "docs/methods/sdclr.md": ["mean ± population", "95 %"],
        "docs/methods/simclr.md": ["mean ± population", "95 %", "32 × 32", "Without `--holdout`, 5 %"],
        "docs/methods/deacl.md": ["crops of 60 % of the area"],
        "docs/performance.md": ["under 16 MB", "85 % in 60 s of one H100, first in 180 s"],
        "docs/reading-the-page.md": ["95 %"],
        "docs/reliability.md": ["20 on one of 3 MB"],
        "docs/report.md": ["95 %", "at least 20 %", "under 8 MB", "as up to 9 %", "at most 5 % |", "from 1 % on"],
        "docs/results.md": ["95 %"],
        "docs/audits/duplicates.md": ["from 1 % on"],
        "docs/statistics.md": ["95 %", "92 %", "errs in 5 %", "1 or 0.1 %"],
        "docs/views.md": ["1 ± the setting", "in ± the setting", "900 × 700", "32 × 32 pixels"],
        "docs/your-own-images.md": ["signals (5 %"],
    },
    "how a number is written, an example": {
        "docs/audits/balance.md": ["behind the ±"],
        "docs/methods/invclr.md": ["mean ± population"],
        "docs/results.md": ["Numbers with ± are"],
        "docs/report.md": ["`82.0 ± 0.7`", "runs ± *population*", "`[81.1, 82.9]`"],
    },
    "arithmetic: of counts, sizes or probabilities that the sentence names": {
        "docs/attacks.md": ["in under 1 % of their"],
        "docs/audits/balance.md": ["ten classes at 60 %", "test images each at 80 %, it is about 74 %"],
        "docs/audits/privacy.md": ["[0.48, 1]"],
        "docs/audits/robustness.md": ["so 43 %", "40 minutes of one core", "17 minutes at 77 a second"],
        "docs/methods/invclr.md": ["about 20 % are gated off"],
        "docs/methods/sdclr.md": ["11 MB for ResNet-18", "45 MB each"],
        "docs/performance.md": ["22 MB in half precision"],
        "docs/statistics.md": ["under 89.2 % of 1,000 draws, 85.5 % of 200"],
    },
    "numbers of papers and third parties, cited beside them": {
        "docs/inspect.md": ["3.3 % of the test images"],
        "docs/audits/duplicates.md": ["3.3 % repeat training images"],
        "docs/results.md": ["the paper: 33 % under its own attack"],
        "docs/report.md": ["23 to 44 % on CIFAR-10"],
        "docs/which-method.md": ["75.6 to 82.0 %"],
    },
}
"""By reason and page: words with such a number in them."""


def excused(page: str, text: str) -> Iterator[tuple[int, int]]:
    """Spans of a page in which numbers come from no run of ours."""
    for pages in SECTIONS.values():
        for heading in pages.get(page, ()):
            yield _section(page, text, heading)
    for pages in SNIPPETS.values():
        for snippet in pages.get(page, ()):
            found = list(re.finditer(r"\s+".join(map(re.escape, snippet.split())), text))
            if not found:
                raise ValueError(f"expected '{snippet}' in {page}, got it nowhere; take it off the list")
            yield from (match.span() for match in found)


def _section(page: str, text: str, heading: str) -> tuple[int, int]:
    start = text.find(f"\n{heading}\n")
    if start < 0:
        raise ValueError(f"expected a part '{heading}' in {page}, got none; take it off the list")
    end = text.find(f"\n{heading.split()[0]} ", start + 1)
    return start, len(text) if end < 0 else end


def elsewhere(text: str) -> Iterator[tuple[int, int]]:
    """Code, and tables that another script writes and another test compares."""
    for pattern in (r"^```.*?^```", r"<!-- gpu: written.*?<!-- gpu: end -->"):
        yield from (match.span() for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL))
