"""An XMP file beside a photo with an estimated position: a new one, or one more description in that which is there.

Properties by the XMP specification, part 2 (Exif schema for XMP).
"""

from __future__ import annotations

import re
from datetime import UTC
from xml.sax.saxutils import quoteattr

from whence.photos.gps import NO_POSITION
from whence.photos.writing.estimate import MAP_DATUM, Estimate, UnwritableError
from whence.photos.writing.splices import Splice
from whence.photos.xmp import read_xmp

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXIF = "http://ns.adobe.com/exif/1.0/"
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
    description = _description(estimate, "rdf")
    text = _EMPTY.format(program=quoteattr(estimate.program), rdf=_RDF, description=description)
    return text.encode()


def splices(data: bytes, estimate: Estimate) -> list[Splice]:
    """What adds the position to a packet that is there.

    Raises:
        UnwritableError: The packet is broken, or says something of a position already.
    """
    _, problem = read_xmp(data)
    if problem != NO_POSITION:
        raise UnwritableError(f"its sidecar says: {problem or 'a position'}")
    ends = list(_END.finditer(data))
    if len(ends) != 1:
        raise UnwritableError("its sidecar is not written in a way that can be added to")
    end = ends[0]
    return [Splice(end.start(), b"", _description(estimate, end[1].decode("ascii")).encode())]


def _description(estimate: Estimate, rdf: str) -> str:
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
    lines = "".join(f"\n   exif:{name}={quoteattr(value)}" for name, value in said.items())
    made = f"{estimate.made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return (
        f'  <{rdf}:Description {rdf}:about="" xmlns:exif="{_EXIF}" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f'{lines}\n   xmp:MetadataDate="{made}"/>\n'
    )


def _angle(angle: float, letters: str) -> str:
    """Degrees and decimal minutes, to a tenth of a millimetre."""
    total = round(abs(angle) * 60 * 10**8)
    degrees, minutes = divmod(total, 60 * 10**8)
    return f"{degrees},{minutes // 10**8}.{minutes % 10**8:08d}{letters[angle < 0]}"
