"""The portal's colours, computed from the municipality's one brand colour.

The style sheets speak of *roles* (surface, border, text, base) in the custom properties of the
vendored design system. Here every role gets a colour for light and for dark, in the OKLCH space, where
equal steps look equal and a hue stays itself when it gets darker. Lightness is then moved until the
contrast that WCAG 2.2 asks for is there, so a municipality may write any colour at all:

* ``text-default`` at least 7:1 and ``text-subtle`` at least 4.5:1 on every surface of its own and of the
  neutral scale (1.4.6, 1.4.3);
* ``border-default`` at least 3:1 on the background and the resting surfaces, ``border-strong`` at least 3:1 on
  every surface (1.4.11);
* ``base-*`` (buttons, ticked boxes) at least 3:1 on the background and the resting surfaces, and
  ``base-contrast-*`` at least 4.5:1 on ``base-default``, ``base-hover`` and ``base-active``;
* the outer focus ring at least 3:1 on every neutral surface, and 7:1 on its own inner ring (2.4.11), so one
  of the two is seen on anything.

Pure functions; nothing here knows Django.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

TEXT_CONTRAST: Final = 4.5
STRONG_TEXT_CONTRAST: Final = 7.0
CONTROL_CONTRAST: Final = 3.0

STEPS: Final = (
    "background-default",
    "background-tinted",
    "surface-default",
    "surface-tinted",
    "surface-hover",
    "surface-active",
    "border-subtle",
    "border-default",
    "border-strong",
    "text-subtle",
    "text-default",
    "base-default",
    "base-hover",
    "base-active",
    "base-contrast-subtle",
    "base-contrast-default",
)
RESTING_SURFACES: Final = ("background-default", "background-tinted", "surface-default", "surface-tinted")
SURFACES: Final = (*RESTING_SURFACES, "surface-hover", "surface-active")

#: Hex colour per step of the scale.
Scale = Mapping[str, str]


class Scheme(StrEnum):
    LIGHT = "light"
    DARK = "dark"


class Seed(NamedTuple):
    """What a scale grows from: lightness 0–1, chroma 0–0.4, hue in degrees."""

    lightness: float
    chroma: float
    hue: float


# The paper the portal is printed on: sand, hardly coloured, never grey.
NEUTRAL: Final = Seed(0.35, 0.012, 84.0)
# The colours with a fixed meaning keep their hue in every municipality.
MEANINGS: Final[Mapping[str, Seed]] = {
    "info": Seed(0.50, 0.115, 245.0),
    "success": Seed(0.50, 0.115, 152.0),
    "warning": Seed(0.62, 0.130, 80.0),
    "danger": Seed(0.51, 0.180, 27.0),
}
# The warm companion of the brand colour: baked clay, for a band or a picture, never for a meaning.
COMPANION: Final = Seed(0.60, 0.105, 48.0)
SCALES: Final = ("accent", "neutral", "brand1", *MEANINGS)

# Per scheme and surface: lightness, and the share of the seed's (capped) chroma.
_SURFACE_LADDER: Final[Mapping[Scheme, Mapping[str, tuple[float, float]]]] = {
    Scheme.LIGHT: {
        "background-default": (0.988, 0.05),
        "background-tinted": (0.968, 0.14),
        "surface-default": (0.997, 0.02),
        "surface-tinted": (0.950, 0.22),
        "surface-hover": (0.922, 0.34),
        "surface-active": (0.895, 0.46),
        "border-subtle": (0.860, 0.48),
    },
    Scheme.DARK: {
        "background-default": (0.190, 0.12),
        "background-tinted": (0.215, 0.20),
        "surface-default": (0.235, 0.18),
        "surface-tinted": (0.268, 0.32),
        "surface-hover": (0.305, 0.42),
        "surface-active": (0.345, 0.50),
        "border-subtle": (0.410, 0.50),
    },
}
# Sand carries so little colour that the shares above would leave grey: it is used whole.
_NEUTRAL_SHARE: Final[Mapping[str, float]] = {
    "background-default": 0.5,
    "background-tinted": 0.9,
    "surface-default": 0.25,
    "surface-tinted": 1.1,
    "surface-hover": 1.4,
    "surface-active": 1.6,
    "border-subtle": 1.8,
}
_CHROMA_CAP: Final = 0.15


def is_brand_colour(text: str) -> bool:
    """Say whether this is a colour as a municipality writes it: ``#rrggbb``."""
    return re.fullmatch(r"#[0-9a-fA-F]{6}", text) is not None


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the WCAG relative luminance of a ``#rrggbb`` colour, 0 to 1."""
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def seed_of(colour: str) -> Seed:
    """Return a ``#rrggbb`` colour in OKLCH (Björn Ottosson's Oklab, 2020, in polar form)."""
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return Seed(lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360)


def colour_of(lightness: float, chroma: float, hue: float) -> str:
    """Return the ``#rrggbb`` nearest to an OKLCH colour, giving up chroma (never hue) to fit the screen."""
    lightness = min(max(lightness, 0.0), 1.0)
    if _fits(found := _rgb(lightness, chroma, hue)):
        return _hex(found)
    low, high = 0.0, chroma
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if _fits(_rgb(lightness, middle, hue)) else (low, middle)
    return _hex(_rgb(lightness, low, hue))


def scale(seed: Seed, scheme: Scheme) -> Scale:
    """Return the sixteen steps that grow from one seed, in one scheme."""
    return _scale(seed, scheme, neutral=False)


def brand_scale(brand: str, scheme: Scheme) -> Scale:
    """Return the steps of the municipality's own colour; a brand that already has the contrast is kept exactly."""
    return _scale(seed_of(brand), scheme, neutral=False, exactly=brand.lower())


def neutral_scale(scheme: Scheme) -> Scale:
    """Return the steps of the paper and the ink."""
    return _scale(NEUTRAL, scheme, neutral=True)


def focus_rings(scheme: Scheme) -> tuple[str, str]:
    """Return the inner and the outer colour of the focus ring."""
    steps = neutral_scale(scheme)
    return steps["surface-default"], steps["text-default"]


def admin_ramp(brand: str) -> dict[str, str]:
    """Return the eleven steps ``50`` to ``950`` that the admin's theme asks for; white stands on ``600`` and darker."""
    base = brand_scale(brand, Scheme.LIGHT)["base-default"]
    lightness, chroma, hue = seed_of(base)
    lighter = {"50": 0.97, "100": 0.93, "200": 0.84, "300": 0.68, "400": 0.48, "500": 0.24}
    darker = {"700": 0.87, "800": 0.74, "900": 0.61, "950": 0.42}
    cap = min(chroma, _CHROMA_CAP)
    return {
        **{
            step: colour_of(lightness + (1 - lightness) * share, cap * (1 - share * 0.9), hue)
            for step, share in lighter.items()
        },
        "600": base,
        **{step: colour_of(lightness * share, cap * share, hue) for step, share in darker.items()},
    }


@lru_cache(maxsize=8)
def theme_css(brand: str) -> str:
    """Return the whole style sheet of colours for this brand colour.

    Light is the default and what paper gets; dark follows the reader's system where the page says
    ``data-color-scheme="auto"``, or stands fixed where it says ``dark``.
    Raises ValueError unless the brand is written ``#rrggbb``.
    """
    light, dark = (_declarations(brand, scheme) for scheme in (Scheme.LIGHT, Scheme.DARK))
    current = "".join(
        f"{selector}{{{''.join(f'--ds-color-{step}:var(--ds-color-{name}-{step});' for step in STEPS)}}}\n"
        for name, selector in _SELECTORS.items()
    )
    return (
        "@layer ds.theme, ds.base, ds.components;\n"
        "@layer ds.theme{\n"
        f":root,[data-color-scheme]{{{light}}}\n"
        f"@media screen{{[data-color-scheme=dark]{{{dark}}}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{[data-color-scheme=auto]{{{dark}}}}}\n"
        f"{current}"
        "}\n"
    )


_SELECTORS: Final[Mapping[str, str]] = {
    "accent": ":root,[data-color-scheme],[data-color=accent]",
    **{name: f"[data-color-scheme][data-color={name}],[data-color={name}]" for name in SCALES if name != "accent"},
}


def _declarations(brand: str, scheme: Scheme) -> str:
    scales: dict[str, Scale] = {
        "accent": brand_scale(brand, scheme),
        "neutral": neutral_scale(scheme),
        "brand1": scale(COMPANION, scheme),
        **{name: scale(seed, scheme) for name, seed in MEANINGS.items()},
    }
    inner, outer = focus_rings(scheme)
    properties = [f"--ds-color-{name}-{step}:{scales[name][step]};" for name, step in product(scales, STEPS)]
    return (
        "".join(properties)
        + f"--ds-color-focus-inner:{inner};--ds-color-focus-outer:{outer};"
        + f"--ds-link-color-visited:{scales['accent']['text-subtle']};color-scheme:{scheme.value};"
    )


@lru_cache(maxsize=128)
def _scale(seed: Seed, scheme: Scheme, *, neutral: bool, exactly: str | None = None) -> Scale:
    _, full_chroma, hue = seed
    tint = min(full_chroma, _CHROMA_CAP)
    steps = {
        step: colour_of(lightness, tint * (_NEUTRAL_SHARE[step] if neutral else share), hue)
        for step, (lightness, share) in _SURFACE_LADDER[scheme].items()
    }
    if not neutral:
        # Every page lies on the same paper, whatever colour speaks on it.
        paper = neutral_scale(scheme)
        steps["background-default"], steps["surface-default"] = (
            paper["background-default"],
            paper["surface-default"],
        )
    grounds = [steps[step] for step in SURFACES]
    resting = [steps[step] for step in RESTING_SURFACES]
    if not neutral:
        grounds += [paper[step] for step in SURFACES]
        resting += [paper[step] for step in RESTING_SURFACES]

    dark = scheme is Scheme.DARK
    away = 1.0 if dark else -1.0  # away from the paper: lighter in the dark, darker in the light

    def shade(start: float, share: float, against: Iterable[str], ratio: float, direction: float = away) -> str:
        return _first_with(
            lambda lightness: colour_of(lightness, tint * share, hue), start, direction, tuple(against), ratio
        )

    steps["border-default"] = shade(0.54 if dark else 0.66, 0.85, resting, CONTROL_CONTRAST)
    steps["border-strong"] = shade(0.68 if dark else 0.52, 0.9, grounds, TEXT_CONTRAST)
    steps["text-subtle"] = shade(0.78 if dark else 0.48, 0.8 if dark else 1.0, grounds, TEXT_CONTRAST)
    steps["text-default"] = shade(0.945 if dark else 0.29, 0.2 if dark else 0.55, grounds, STRONG_TEXT_CONTRAST)

    # On a filled control stands white in the light, near-black in the dark.
    ink = colour_of(0.17, min(tint, 0.03), hue) if dark else "#ffffff"
    enough = (*((ground, CONTROL_CONTRAST) for ground in resting), (ink, TEXT_CONTRAST))
    base = _base(seed, scheme, enough, exactly)
    steps["base-default"] = base
    start = seed_of(base)
    room = start.lightness < 0.88 if dark else start.lightness > 0.24
    moves = (0.05, 0.10) if room else (-0.12, -0.18)
    for step, move in zip(("base-hover", "base-active"), moves, strict=True):
        moved = colour_of(start.lightness + away * move, start.chroma, hue)
        steps[step] = moved if _enough(moved, enough) else base
    filled = [steps[step] for step in ("base-default", "base-hover", "base-active")]
    steps["base-contrast-default"] = ink
    subtle = colour_of(0.27 if dark else 0.94, min(tint, 0.04), hue)
    steps["base-contrast-subtle"] = (
        subtle if all(contrast(subtle, ground) >= TEXT_CONTRAST for ground in filled) else ink
    )
    return {step: steps[step] for step in STEPS}


def _base(seed: Seed, scheme: Scheme, enough: tuple[tuple[str, float], ...], exactly: str | None) -> str:
    """Return the seed itself where it has the contrast, else the nearest lightness that has it."""
    if exactly is not None and _enough(exactly, enough):
        return exactly
    if scheme is Scheme.LIGHT:
        candidates = [seed.lightness - step / 200 for step in range(200)]
    else:
        candidates = [max(seed.lightness, 0.66) + step / 200 for step in range(200)]
    chroma = seed.chroma if scheme is Scheme.LIGHT else min(seed.chroma, _CHROMA_CAP)
    for lightness in candidates:
        if _enough(found := colour_of(lightness, chroma, seed.hue), enough):
            return found
    raise AssertionError("Black on light paper and white on dark paper always have the contrast.")


def _first_with(
    at: Callable[[float], str], start: float, direction: float, against: tuple[str, ...], ratio: float
) -> str:
    """Walk from a lightness in one direction until the colour there has the ratio to all the others."""
    lightness = start
    while 0.0 <= lightness <= 1.0:
        if _enough(found := at(lightness), tuple((ground, ratio) for ground in against)):
            return found
        lightness += direction * 0.005
    return "#ffffff" if direction > 0 else "#000000"


def _enough(colour: str, demands: tuple[tuple[str, float], ...]) -> bool:
    return all(contrast(colour, ground) >= ratio for ground, ratio in demands)


@lru_cache(maxsize=4096)
def _linear(colour: str) -> tuple[float, float, float]:
    if not is_brand_colour(colour):
        raise ValueError(f"A colour is written #rrggbb, not {colour!r}.")
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def _rgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _fits(channels: tuple[float, float, float]) -> bool:
    return all(-1e-4 <= channel <= 1 + 1e-4 for channel in channels)


def _hex(channels: tuple[float, float, float]) -> str:
    encoded = (
        12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055
        for c in (min(max(channel, 0.0), 1.0) for channel in channels)
    )
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in encoded)
