"""Whatever colour a municipality writes, the portal can be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.domain.theme import (
    MEANINGS,
    RESTING_SURFACES,
    SCALES,
    STEPS,
    SURFACES,
    Scale,
    Scheme,
    admin_ramp,
    brand_scale,
    colour_of,
    contrast,
    focus_rings,
    is_brand_colour,
    luminance,
    neutral_scale,
    scale,
    seed_of,
    theme_css,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
schemes = st.sampled_from(list(Scheme))
FILLED = ("base-default", "base-hover", "base-active")


def _too_weak(steps: Scale, scheme: Scheme) -> list[tuple[str, str, float]]:
    """Every pair of this scale, or of it and the paper, that has less contrast than promised."""
    paper = neutral_scale(scheme)
    promised = [
        *(("text-default", ground, 7.0) for ground in SURFACES),
        *(("text-subtle", ground, 4.5) for ground in SURFACES),
        *(("border-strong", ground, 3.0) for ground in SURFACES),
        *(("border-default", ground, 3.0) for ground in RESTING_SURFACES),
        *((filled, ground, 3.0) for filled in FILLED for ground in RESTING_SURFACES),
    ]
    weak = [
        (step, ground, ratio)
        for step, ground, ratio in promised
        if min(contrast(steps[step], steps[ground]), contrast(steps[step], paper[ground])) < ratio
    ]
    weak += [
        (ink, filled, 4.5)
        for ink in ("base-contrast-default", "base-contrast-subtle")
        for filled in FILLED
        if contrast(steps[ink], steps[filled]) < 4.5
    ]
    return weak


@settings(max_examples=150, deadline=None)
@given(brand=colours, scheme=schemes)
@example(brand="#000000", scheme=Scheme.LIGHT)
@example(brand="#000000", scheme=Scheme.DARK)
@example(brand="#ffffff", scheme=Scheme.LIGHT)
@example(brand="#ffffff", scheme=Scheme.DARK)
@example(brand="#ffff00", scheme=Scheme.LIGHT)
@example(brand="#0000ff", scheme=Scheme.DARK)
def test_any_brand_colour_gives_a_scale_with_the_promised_contrast(brand: str, scheme: Scheme) -> None:
    assert _too_weak(brand_scale(brand, scheme), scheme) == []


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_colours_with_a_meaning_keep_the_promised_contrast(meaning: str, scheme: Scheme) -> None:
    assert _too_weak(scale(MEANINGS[meaning], scheme), scheme) == []


@pytest.mark.parametrize("scheme", Scheme)
def test_ink_on_sand_keeps_the_promised_contrast(scheme: Scheme) -> None:
    assert _too_weak(neutral_scale(scheme), scheme) == []


@pytest.mark.parametrize("scheme", Scheme)
def test_the_paper_is_warm_and_not_grey(scheme: Scheme) -> None:
    hues = {step: seed_of(neutral_scale(scheme)[step]) for step in ("background-tinted", "surface-tinted")}
    assert [step for step, seed in hues.items() if not (45 < seed.hue < 110 and seed.chroma > 0.004)] == []


@settings(max_examples=60, deadline=None)
@given(brand=colours, scheme=schemes)
def test_focus_is_seen_on_every_surface_and_on_every_button(brand: str, scheme: Scheme) -> None:
    inner, outer = focus_rings(scheme)
    paper, accent = neutral_scale(scheme), brand_scale(brand, scheme)
    unseen = [ground for ground in SURFACES if contrast(outer, paper[ground]) < 3.0]
    unseen += [
        filled for filled in FILLED if max(contrast(inner, accent[filled]), contrast(outer, accent[filled])) < 3.0
    ]
    assert (unseen, contrast(inner, outer) >= 7.0) == ([], True)


def test_a_brand_colour_that_can_carry_white_is_used_exactly() -> None:
    assert brand_scale("#0B5C7A", Scheme.LIGHT)["base-default"] == "#0b5c7a"


def test_a_brand_colour_that_cannot_carry_white_is_darkened_but_keeps_its_hue() -> None:
    base = brand_scale("#ffcc00", Scheme.LIGHT)["base-default"]
    assert (
        contrast(base, "#ffffff") >= 4.5,
        round(abs(seed_of(base).hue - seed_of("#ffcc00").hue)) <= 3,
    ) == (True, True)


# Ratios worked out by hand from WCAG 2.2's definition of relative luminance.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_the_ratio_of_wcag(one: str, other: str, ratio: float) -> None:
    assert (round(contrast(one, other), 2), round(contrast(other, one), 2)) == (ratio, ratio)


@given(one=colours, other=colours)
def test_contrast_lies_between_one_and_twenty_one(one: str, other: str) -> None:
    assert 1.0 <= contrast(one, other) <= 21.0


@given(colour=colours)
def test_a_colour_survives_the_journey_to_oklch_and_back(colour: str) -> None:
    there = seed_of(colour)
    back = colour_of(*there)
    assert max(abs(int(colour[i : i + 2], 16) - int(back[i : i + 2], 16)) for i in (1, 3, 5)) <= 1


@given(lightness=st.floats(0, 1), chroma=st.floats(0, 0.5), hue=st.floats(0, 360))
def test_a_colour_outside_the_screen_is_brought_inside(lightness: float, chroma: float, hue: float) -> None:
    assert is_brand_colour(colour_of(lightness, chroma, hue))


def test_white_is_brighter_than_black() -> None:
    assert [luminance("#ffffff"), luminance("#000000")] == pytest.approx([1.0, 0.0])


def test_the_sheet_sets_every_step_of_every_scale_for_light_and_for_dark() -> None:
    sheet = theme_css("#1d5a74")
    set_times = {
        name: len(re.findall(rf"--ds-color-{name}:#[0-9a-f]{{6}};", sheet))
        for name in (f"{scale_name}-{step}" for scale_name in SCALES for step in STEPS)
    }
    # light; dark where the page says so; dark where the reader's system says so
    assert set(set_times.values()) == {3}


def test_the_sheet_is_light_on_paper() -> None:
    sheet = theme_css("#1d5a74")
    dark_blocks = re.findall(r"^(.*)\{\[data-color-scheme=(?:dark|auto)\]", sheet, flags=re.MULTILINE)
    assert dark_blocks == ["@media screen", "@media screen and (prefers-color-scheme:dark)"]


def test_each_named_colour_can_be_worn_by_a_part_of_a_page() -> None:
    worn = re.findall(r"\[data-color=([a-z0-9]+)\]\{--ds-color-background-default:", theme_css("#1d5a74"))
    assert sorted(worn) == sorted(SCALES)


@pytest.mark.parametrize("wrong", ["", "red", "#fff", "1d5a74", "#1d5a7g", "#1d5a74;}", "#1d5a74\n"])
def test_what_is_not_a_colour_never_reaches_the_sheet(wrong: str) -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        theme_css(wrong)


@pytest.mark.parametrize("brand", ["#1d5a74", "#ffcc00", "#000000", "#8a1538"])
def test_the_admin_gets_eleven_steps_from_light_to_dark(brand: str) -> None:
    ramp = admin_ramp(brand)
    brightness = [luminance(colour) for colour in ramp.values()]
    assert (list(ramp), brightness, contrast(ramp["600"], "#ffffff") >= 4.5) == (
        ["50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950"],
        sorted(brightness, reverse=True),
        True,
    )
