"""An XMP file beside a photo with an estimated position: a new one, or one more description in that which is there.

Properties by the XMP specification, part 2 (Exif schema for XMP).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from xml.sax.saxutils import quoteattr

from whence.photos.gps import NO_POSITION
from whence.photos.safexml import XmlError
from whence.photos.writing.estimate import MAP_DATUM, Estimate, UnwritableError
from whence.photos.writing.splices import Splice
from whence.photos.xmp import ABOUT, EXIF, read_xmp, walk_properties

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_END = re.compile(rb"</([A-Za-z_][\w.-]*):RDF\s*>")
_EMPTY = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk={program}>
 <rdf:RDF xmlns:rdf="{rdf}">
{description} </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def new(estimate: Estimate) -> bytes:
    """A packet that says where the photo was taken, and nothing else."""
    made = f"{estimate.made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    dated = f'\n   xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:MetadataDate="{made}"'
    description = _description(_properties(estimate), "rdf", more=dated)
    text = _EMPTY.format(program=quoteattr(estimate.program), rdf=_RDF, description=description)
    return text.encode()


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What adds the position to a packet that is there.

    Raises:
        UnwritableError: The packet is broken, or says something of a position already, or of how one was found.
    """
    _, problem = read_xmp(data)
    if problem != NO_POSITION:
        raise UnwritableError(f"its sidecar says: {problem or 'a position'}")
    ends = list(_END.finditer(data))
    if len(ends) != 1:
        raise UnwritableError("its sidecar is not written in a way that can be added to")
    end = ends[0]
    about, there = _said(data)
    own = _properties(estimate)
    if there.get("GPSMapDatum") == own["GPSMapDatum"]:
        del own["GPSMapDatum"]
    if there.keys() & {"GPSImgDirection", "GPSImgDirectionRef"}:  # somebody knows which way it looks
        own = {name: value for name, value in own.items() if not name.startswith("GPSImgDirection")}
    if "GPSVersionID" in there:
        del own["GPSVersionID"]
    if clash := sorted(there.keys() & own.keys()):
        raise UnwritableError(f"its sidecar has {clash[0]} of another position")
    description = _description(own, end[1].decode("ascii"), about)
    return [Splice(end.start(), b"", description.encode("ascii", "xmlcharrefreplace"))]


def _said(data: bytes) -> tuple[str, dict[str, str]]:
    """What the descriptions of a packet are about, and their properties of EXIF by name."""
    about: list[str] = []
    found: dict[str, str] = {}

    def note(name: str, text: str) -> None:
        space, _, local = name.rpartition(" ")
        if name == ABOUT:
            about.append(text)
        elif space == EXIF:
            found.setdefault(local, text)

    try:
        walk_properties(data.strip(b"\0 \t\r\n"), note)
    except XmlError as error:
        raise UnwritableError(f"its sidecar is broken: {error}") from error
    return about[0] if about else "", found


def _properties(estimate: Estimate) -> dict[str, str]:
    position = estimate.position
    said = {
        "GPSVersionID": "2.3.0.0",
        "GPSLatitude": _angle(position.lat, "NS"),
        "GPSLongitude": _angle(position.lon, "EW"),
        "GPSMapDatum": MAP_DATUM,
        "GPSProcessingMethod": estimate.note,
        "GPSHPositioningError": f"{round(estimate.radius_m * 1000)}/1000",
    }
    if estimate.heading_deg is not None:
        said["GPSImgDirectionRef"] = "T"
        said["GPSImgDirection"] = f"{round(estimate.heading_deg % 360 * 100) % 36_000}/100"
    return said


def _description(said: Mapping[str, str], rdf: str, about: str = "", more: str = "") -> str:
    lines = "".join(f"\n   exif:{name}={quoteattr(value)}" for name, value in said.items())
    return f'  <{rdf}:Description {rdf}:about={quoteattr(about)} xmlns:exif="{EXIF}"{lines}{more}/>\n'


def _angle(angle: float, letters: str) -> str:
    """Degrees and decimal minutes, to a tenth of a millimetre."""
    total = round(abs(angle) * 60 * 10**8)
    degrees, minutes = divmod(total, 60 * 10**8)
    return f"{degrees},{minutes // 10**8}.{minutes % 10**8:08d}{letters[angle < 0]}"
