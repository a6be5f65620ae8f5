"""
The size of a HEIC or AVIF image, which is a property of the file's primary item.

The box ``meta`` names the primary item (``pitm``), lists the properties of all items (``ipco`` in ``iprp``), and says
which of them each item has (``ipma`` in ``iprp``): ISO/IEC 14496-12, sections 8.11.4 and 8.11.14. The size is in
``ispe``; ``clap`` crops the image and ``irot`` turns it (ISO/IEC 23008-12, section 6.5).
"""

from __future__ import annotations

import io
import itertools
import struct

from airflow_provider_seedance.gptproto.media.boxes import VERSION_AND_FLAGS, find_boxes, iter_boxes

#: A file with more items is no image; to read their properties would take seconds.
_MAXIMUM_ITEMS = 100_000
#: The number of a property has 15 bits.
_MAXIMUM_PROPERTIES = 0x7FFF
#: The properties that decide on the size, and the length of the longest one, ``clap``, in bytes.
_USED = (b"ispe", b"clap", b"irot")
_LONGEST = 32


def heif_size(content: bytes) -> tuple[int, int] | None:
    """
    Return width and height of an image in pixels, as it is shown, or ``None`` if the file does not say.

    :raises BoxError: When the list of properties is damaged.
    :raises struct.error: When a box is too short.
    """
    properties = _primary_properties(content)
    sizes = [struct.unpack_from(">II", body, VERSION_AND_FLAGS) for kind, body in properties if kind == b"ispe"]
    if not sizes:
        return None
    width, height = sizes[0]
    for kind, body in properties:
        if kind == b"clap":
            numbers = struct.unpack_from(">IIII", body)
            if all(numbers):
                width, height = numbers[0] // numbers[1], numbers[2] // numbers[3]
        # The number of quarter turns; an odd one exchanges the sides.
        elif kind == b"irot" and struct.unpack_from(">B", body)[0] & 1:
            width, height = height, width
    return width, height


def _primary_properties(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return type and content of each property of the primary item, in the order in which they apply."""
    file = io.BytesIO(content)
    meta = next(find_boxes(file, 0, len(content), b"meta"), None)
    if meta is None:
        return []
    inner = meta.body + VERSION_AND_FLAGS, meta.end
    pitm = next(find_boxes(file, *inner, b"pitm"), None)
    ipco = next(find_boxes(file, *inner, b"iprp", b"ipco"), None)
    if pitm is None or ipco is None:
        return []
    item = _primary_item(content[pitm.body : min(pitm.end, pitm.body + _LONGEST)])
    boxes = list(itertools.islice(iter_boxes(file, ipco.body, ipco.end), _MAXIMUM_PROPERTIES))
    # An image may be as large as the memory: the list is not copied.
    view = memoryview(content)
    lists = (_property_numbers(view[box.body : box.end], item) for box in find_boxes(file, *inner, b"iprp", b"ipma"))
    numbers = next((found for found in lists if found is not None), [])
    # Numbers start at 1; 0 is no property.
    listed = [boxes[number - 1] for number in numbers if 0 < number <= len(boxes)]
    return [(box.type, content[box.body : min(box.end, box.body + _LONGEST)]) for box in listed if box.type in _USED]


def _primary_item(pitm: bytes) -> int:
    """Return the number of the primary item: 16 bits in version 0 of the box, 32 bits in later ones."""
    (version,) = struct.unpack_from(">B", pitm)
    (item,) = struct.unpack_from(">I" if version else ">H", pitm, VERSION_AND_FLAGS)
    return int(item)


def _property_numbers(ipma: memoryview, item: int) -> list[int] | None:
    """
    Return the numbers of an item's properties, in order, or ``None`` if the list does not have the item.

    Version and flags say how long the numbers are. An item has one entry, so those behind it are not read.
    """
    version, flags, count = struct.unpack_from(">B2xBI", ipma)
    entry = struct.Struct(">IB" if version else ">HB")
    # The highest bit of a number marks an essential property.
    form, mask = ("H", 0x7FFF) if flags & 1 else ("B", 0x7F)
    offset = VERSION_AND_FLAGS + 4
    for _ in range(min(count, _MAXIMUM_ITEMS)):
        found, length = entry.unpack_from(ipma, offset)
        offset += entry.size
        numbers = struct.Struct(f">{length}{form}")
        if found == item:
            return [number & mask for number in numbers.unpack_from(ipma, offset)]
        offset += numbers.size
    return None
