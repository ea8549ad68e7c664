"""Puts houses on plots: chains and shop brands come back in several places, as in real towns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from whence.types import DoubleArray
from whence.worlds import sprites
from whence.worlds.buildings import GROUND_M, Building, faces
from whence.worlds.canvas import Colour, Texture
from whence.worlds.facades import ground_floor, storeys
from whence.worlds.ground import PAVEMENT_M
from whence.worlds.layout import Layout, Plot
from whence.worlds.materials import MATERIALS, roof_tiles
from whence.worlds.mesh import Face, Key, Textures, panel
from whence.worlds.noise import Rng, rng_of
from whence.worlds.style import FAMILIES, Family, House, draw_brand, draw_house, draw_word

CHAINS = 7
"""Designs that were built again and again."""
BRANDS = 9
"""Shops with several branches."""


@dataclass(frozen=True)
class Prop:
    """A thing that looks the same from all sides, drawn facing the camera.

    Attributes:
        x: Metres east.
        y: Metres north.
        size_m: Width and height.
        texture: Its name.
        reach_m: Not drawn from farther away.
    """

    x: float
    y: float
    size_m: tuple[float, float]
    texture: Key
    reach_m: float = 1e9


class Builder:
    """Builds one town: names the textures, and lists buildings, faces and props.

    Args:
        seed: Of the town.
        family: Taste of its builders, a name in `FAMILIES`.
        layout: Its street plan.
        textures: Where to name the textures.
    """

    def __init__(self, seed: int, family: str, layout: Layout, textures: Textures) -> None:
        self._seed, self._name, self._layout, self._textures = seed, family, layout, textures
        self._family: Family = FAMILIES[family]
        rng = rng_of(seed, family, "style")
        self._chains = [draw_house(self._family, rng) for _ in range(CHAINS)]
        self._brands = [draw_brand(self._family, rng) for _ in range(BRANDS)]
        self._adverts = [self._key("poster", i) for i in range(6)]
        self.buildings = list(self._buildings())
        self.faces = self._all_faces()
        self.props = list(self._props())

    def _key(self, *parts: int | str) -> Key:
        """Names a texture; small things are drawn here, fronts in `_front_keys`."""
        word = draw_word(self._family, self._rng("word", *parts))
        makers = {
            "poster": lambda rng: sprites.poster(rng, word),
            "plaque": lambda rng: sprites.plaque(rng, word),
            "scrawl": sprites.scrawl,
            "tree": sprites.tree,
            "lamp": lambda _: sprites.lamp(self._family.accents[0]),
            "statue": sprites.statue,
        }
        maker = makers[str(parts[0])]
        return self._textures.add((*parts, self._name, self._seed), lambda: maker(self._rng(*parts)))

    def _rng(self, *parts: int | str) -> Rng:
        """A fresh generator: textures that are dropped and drawn again come out the same."""
        return rng_of(self._seed, self._name, *parts)

    def _buildings(self) -> Iterator[Building]:
        before: tuple[str, House] | None = None
        for number, row in enumerate(self._layout.rows):
            for index, plot in enumerate(row):
                rng = self._rng("house", number, index)
                chance = rng.random()
                if before is not None and index > 0 and chance < 0.22:
                    name, house = before
                elif chance < 0.6:
                    chain = int(rng.integers(CHAINS))
                    name, house = f"chain {chain}", self._chains[chain]
                else:
                    name, house = f"own {number} {index}", draw_house(self._family, rng)
                before = (name, house)
                yield self._building(plot, name, house, rng, f"{number} {index}")

    def _building(self, plot: Plot, name: str, house: House, rng: Rng, where: str) -> Building:
        width = round(plot.width_m, 1)
        brand = self._brands[int(rng.integers(BRANDS))] if rng.random() < 0.36 and plot.width_m > 5 else None
        if brand is not None and rng.random() < 0.3:
            brand = draw_brand(self._family, rng)  # a shop of its own
        textures, label = self._textures, f"{brand.name} {brand.trade}" if brand else ""
        upper: Key = ("storeys", name, width, self._name, self._seed)
        lower: Key = ("ground", name, label, width, self._name, self._seed)
        textures.add(upper, lambda: storeys(house, plot.width_m, self._rng("storeys", name)))
        textures.add(
            lower, lambda: ground_floor(house, brand, plot.width_m, GROUND_M, self._rng("ground", name, label))
        )
        textures.add(("balcony", *upper), lambda: sprites.balcony(house.wall, house.trim))
        sign = awning = None
        if brand is not None:
            sign = textures.add(
                ("sign", label, self._name, self._seed), lambda: sprites.hanging_sign(brand, self._rng(label))
            )
            if brand.awning:
                awning = textures.add(("awning", label, self._name, self._seed), lambda: sprites.awning(brand))
        decals = [self._key("plaque", where)]
        if rng.random() < 0.3:
            decals.append(self._adverts[int(rng.integers(len(self._adverts)))])
        if brand is None and rng.random() < 0.22:
            decals.append(self._key("scrawl", where))
        if rng.random() < 0.25:
            decals.append(self._key("poster", where))
        return Building(
            plot, house, upper, lower, self._side(house), self._roof(house.roof), sign, awning, tuple(decals)
        )

    def _side(self, house: House) -> Key:
        material = "brick" if house.material in ("brick", "stone") else "plaster"

        def make() -> Texture:
            return self._surface(material, house.wall, 8.0, 32.0)

        return self._textures.add(("side", material, house.wall, self._name, self._seed), make)

    def _roof(self, colour: Colour) -> Key:
        def make() -> Texture:
            return self._surface("roof", colour, 6.0, 40.0)

        return self._textures.add(("roof", colour, self._name, self._seed), make)

    def _surface(self, material: str, colour: Colour, size_m: float, ppm: float) -> Texture:
        rng, pixels = self._rng("surface", material, *colour), round(size_m * ppm)
        maker = roof_tiles if material == "roof" else MATERIALS[material]
        image = maker(rng, pixels, pixels, ppm, colour)
        texture = np.concatenate([image, np.zeros_like(image[..., :1])], axis=2)
        return sprites.plain(texture, rng)

    def _all_faces(self) -> list[Face]:
        found = [face for i, building in enumerate(self.buildings) for face in faces(building, self._rng("faces", i))]
        if self.church is not None:
            found += self._church_faces(self.church)
        return found

    @property
    def church(self) -> DoubleArray | None:
        """``(4, 2)`` footprint of the tower on the square, if the town has a square."""
        if self._layout.square < 0:
            return None
        block = self._layout.blocks[self._layout.square]
        return np.asarray(block.mean(axis=0) + np.array([[-12.5, 6], [-6.5, 6], [-6.5, 12], [-12.5, 12]]), np.float64)

    def _church_faces(self, base: DoubleArray) -> list[Face]:
        """A tower with a spire, to be seen above the roofs."""
        rng = self._rng("church")
        house = replace(
            draw_house(self._family, rng),
            material="stone",
            floors=6,
            floor_m=4.2,
            bay_m=2.6,
            top="flat",
            quoins=True,
            balconies=False,
        )
        key: Key = ("storeys", "church", 6.0, self._name, self._seed)
        self._textures.add(key, lambda: storeys(house, 6.0, self._rng("church", 1)))
        foot = self._textures.add(
            ("ground", "church", self._name, self._seed),
            lambda: ground_floor(house, None, 6.0, GROUND_M, self._rng("church", 2)),
        )
        roof, walls = self._roof((84, 110, 100)), []
        top = GROUND_M + 6 * 4.2 + 0.7
        tip = np.array([*base.mean(axis=0), top + 11.0])
        for a, b in zip(base, np.roll(base, -1, axis=0), strict=True):
            low, high = ([np.array([*p, z]) for p in (a, b)] for z in (GROUND_M, top))
            ground = [np.array([*p, 0.0]) for p in (a, b)]
            walls.append(panel([*ground, low[1], low[0]], foot))
            walls.append(panel([*low, high[1], high[0]], key))
            walls.append(panel([*high, tip], roof, (6, 6), repeats=True))
        return walls

    def _props(self) -> Iterator[Prop]:
        trees = [self._key("tree", i) for i in range(5)]
        lamp = self._key("lamp")
        for number, street in enumerate(self._layout.streets):
            rng = self._rng("props", number)
            avenue = rng.random() < 0.3 and street.width_m > 11
            for step, along in enumerate(np.arange(9.0, street.length_m - 8, 8.0)):
                point, direction = street.at(float(along))
                side = 1 if step % 2 else -1
                across = np.array([-direction[1], direction[0]]) * side * (street.width_m / 2 - PAVEMENT_M + 0.4)
                x, y = point + across
                if step % 3 == 0:
                    yield Prop(float(x), float(y), (0.9, 4.6), lamp, 140)
                elif avenue:
                    scale = float(rng.uniform(0.75, 1.0))
                    yield Prop(float(x), float(y), (5 * scale, 8 * scale), trees[int(rng.integers(5))])
        if self._layout.square >= 0:
            block, rng = self._layout.blocks[self._layout.square], self._rng("square")
            middle = block.mean(axis=0)
            yield Prop(float(middle[0]), float(middle[1]), (3.0, 6.0), self._key("statue", 0))
            for a, b in zip(block, np.roll(block, -1, axis=0), strict=True):
                for t in np.arange(0.1, 1.0, 0.3):
                    x, y = middle + 0.8 * (a + t * (b - a) - middle) + rng.uniform(-2, 2, 2)
                    scale = float(rng.uniform(0.8, 1.25))
                    yield Prop(float(x), float(y), (5 * scale, 8 * scale), trees[int(rng.integers(5))])
