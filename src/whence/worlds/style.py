"""What the builders of a town had at hand: colours, materials, windows, words. Two families share no texture."""

from __future__ import annotations

from dataclasses import dataclass

from whence.worlds.canvas import Colour, shade
from whence.worlds.noise import Rng


@dataclass(frozen=True)
class Family:
    """The taste of a region."""

    walls: dict[str, tuple[Colour, ...]]
    trims: tuple[Colour, ...]
    roofs: tuple[Colour, ...]
    accents: tuple[Colour, ...]
    windows: tuple[str, ...]
    tops: tuple[str, ...]
    syllables: tuple[str, ...]
    trades: tuple[str, ...]


FAMILIES: dict[str, Family] = {
    "north": Family(
        walls={
            "brick": ((158, 84, 64), (132, 70, 58), (181, 116, 84), (120, 88, 78), (196, 170, 128)),
            "plaster": (
                (226, 200, 150),
                (206, 126, 96),
                (150, 176, 176),
                (232, 222, 200),
                (186, 198, 152),
                (214, 160, 130),
            ),
            "boards": ((128, 152, 168), (170, 64, 54), (222, 214, 190)),
            "stone": ((186, 176, 158), (164, 158, 150)),
        },
        trims=((238, 232, 218), (216, 204, 180), (92, 84, 78), (200, 190, 176)),
        roofs=((170, 78, 58), (104, 92, 90), (140, 70, 56), (88, 96, 108)),
        accents=((30, 92, 84), (150, 36, 40), (28, 56, 104), (204, 150, 40), (70, 46, 90), (40, 40, 44), (20, 110, 60)),
        windows=("cross", "sash", "arched", "grid"),
        tops=("eaves", "stepped", "flat", "eaves", "bell"),
        syllables=("mol", "va", "ker", "in", "tas", "bro", "lund", "fi", "sta", "hol", "ny", "dre", "gard", "el"),
        trades=(
            "BAKERY",
            "BOOKS",
            "CAFE",
            "FLOWERS",
            "TEA",
            "SHOES",
            "OPTIK",
            "RADIO",
            "TOYS",
            "CYCLES",
            "FISH",
            "HATS",
        ),
    ),
    "south": Family(
        walls={
            "stone": ((222, 196, 150), (206, 176, 140), (196, 186, 160)),
            "plaster": ((240, 190, 96), (226, 120, 84), (244, 226, 196), (150, 196, 214), (236, 168, 160)),
            "checks": ((120, 160, 196), (110, 168, 130), (226, 200, 110)),
        },
        trims=((250, 244, 230), (120, 92, 70), (180, 150, 116)),
        roofs=((196, 112, 72), (206, 136, 92), (176, 104, 80)),
        accents=((0, 110, 140), (180, 70, 30), (60, 100, 50), (120, 30, 70), (230, 180, 60)),
        windows=("shutter", "round", "balcony"),
        tops=("flat", "eaves", "flat"),
        syllables=("ca", "ro", "li", "mez", "zo", "pia", "tre", "san", "ta", "vi", "gno", "sol"),
        trades=("BAR", "PANE", "MODA", "VINO", "FRUTTA", "LIBRI", "GELATO", "SETA"),
    ),
}


@dataclass(frozen=True)
class House:
    """A design of a front, without its width: what all houses of one type have in common."""

    material: str
    wall: Colour
    trim: Colour
    frame: Colour
    accent: Colour
    roof: Colour
    window: str
    top: str
    floors: int
    floor_m: float
    bay_m: float
    quoins: bool
    courses: bool
    ornament: int
    balconies: bool
    attic: bool


@dataclass(frozen=True)
class Brand:
    """A shop sign: the same in every branch."""

    name: str
    trade: str
    board: Colour
    letters: Colour
    awning: bool


def _pick(rng: Rng, options: tuple[Colour, ...]) -> Colour:
    return options[int(rng.integers(len(options)))]


def draw_house(family: Family, rng: Rng) -> House:
    """A design of this region."""
    materials = tuple(family.walls)
    weights = [len(family.walls[name]) for name in materials]
    material = materials[int(rng.choice(len(materials), p=[w / sum(weights) for w in weights]))]
    wall = shade(_pick(rng, family.walls[material]), float(rng.uniform(0.9, 1.08)))
    trim = _pick(rng, family.trims)
    return House(
        material=material,
        wall=wall,
        trim=trim,
        frame=(238, 236, 230) if rng.random() < 0.65 else shade(_pick(rng, family.accents), 0.8),
        accent=_pick(rng, family.accents),
        roof=shade(_pick(rng, family.roofs), float(rng.uniform(0.9, 1.1))),
        window=family.windows[int(rng.integers(len(family.windows)))],
        top=family.tops[int(rng.integers(len(family.tops)))],
        floors=int(rng.choice([1, 2, 3, 4], p=[0.12, 0.42, 0.34, 0.12])),
        floor_m=round(float(rng.uniform(2.9, 3.5)), 2),
        bay_m=round(float(rng.uniform(1.8, 2.6)), 2),
        quoins=bool(rng.random() < 0.4),
        courses=bool(rng.random() < 0.6),
        ornament=int(rng.integers(0, 5)),
        balconies=bool(rng.random() < 0.3),
        attic=bool(rng.random() < 0.5),
    )


def draw_word(family: Family, rng: Rng) -> str:
    """A name that sounds as if it came from here."""
    return "".join(str(part) for part in rng.choice(family.syllables, int(rng.integers(2, 4)), replace=False))


def draw_brand(family: Family, rng: Rng) -> Brand:
    """A shop."""
    board = _pick(rng, family.accents)
    return Brand(
        name=draw_word(family, rng).upper(),
        trade=str(rng.choice(family.trades)),
        board=board,
        letters=(246, 236, 206) if sum(board) < 420 else (40, 34, 30),
        awning=bool(rng.random() < 0.5),
    )
