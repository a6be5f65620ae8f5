"""
The size of HEIC and AVIF images: files of an encoder, and files built here from ISO/IEC 14496-12 and ISO/IEC 23008-12.

No encoder here writes HEIC, crops or large item numbers.
"""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_seedance.gptproto.media.sniff import image_size
from tests.unit.gptproto.media.making_boxes import box, file_type, full_box, items
from tests.unit.gptproto.samples import picture

#: Brands of each kind of image whose size is in an item.
BRANDS = [
    ["heic"],
    ["avif"],
    ["mif1"],
    ["mif1", "heic"],
    ["hevc", "heic"],
    ["msf1", "heic"],
    ["msf1"],
    ["avci"],
    ["avis"],
]
CODING = box(b"hvcC", bytes(23))


def extent(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def rotation(quarters: int) -> bytes:
    return box(b"irot", bytes([quarters]))


def aperture(*numbers: int) -> bytes:
    """Return a crop: width, height and two offsets, each as a fraction (ISO/IEC 14496-12, section 12.1.4)."""
    return box(b"clap", struct.pack(">8I", *numbers, 0, 1, 0, 1))


def primary(item: int, version: int = 0) -> bytes:
    return full_box(b"pitm", struct.pack(">I" if version else ">H", item), version=version)


def associations(entries: dict[int, list[int]], *, version: int = 0, flags: int = 0) -> bytes:
    """Return the numbers of the properties of each item; the highest bit of a number marks an essential property."""
    form, essential = (">H", 0x8000) if flags else (">B", 0x80)
    content = struct.pack(">I", len(entries))
    for item, numbers in entries.items():
        content += struct.pack(">IB" if version else ">HB", item, len(numbers))
        content += b"".join(struct.pack(form, number | essential * (number % 2)) for number in numbers)
    return full_box(b"ipma", content, version=version, flags=flags)


def image(properties: list[bytes], numbers: list[int], *brands: str) -> bytes:
    """Return a file whose primary item has some of the properties."""
    listed = box(b"iprp", box(b"ipco", *properties), associations({1: numbers}))
    return file_type(*(brands or ("heic", "mif1"))) + items(primary(1), listed) + box(b"mdat", bytes(100))


class TestFilesOfAnEncoder:
    @pytest.mark.parametrize(("width", "height"), [(400, 300), (317, 1), (4099, 513)])
    def test_size_of_an_avif_is_read(self, width: int, height: int) -> None:
        assert image_size(picture("AVIF", width, height)) == (width, height)

    def test_size_of_an_avif_with_transparency_is_read(self) -> None:
        # The alpha plane is an item of its own.
        assert image_size(picture("AVIF", 400, 300, mode="RGBA")) == (400, 300)

    # Exif orientation, which the encoder writes as a rotation in the file.
    @pytest.mark.parametrize(
        ("orientation", "size"), [(1, (400, 300)), (3, (400, 300)), (6, (300, 400)), (8, (300, 400))]
    )
    def test_size_is_that_of_the_image_as_it_is_shown(self, orientation: int, size: tuple[int, int]) -> None:
        exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)

        assert image_size(picture("AVIF", 400, 300, exif=exif)) == size

    def test_cut_file_has_its_size_or_none(self) -> None:
        content = picture("AVIF")
        sizes = [image_size(content[:length]) for length in range(len(content))]

        assert set(sizes) == {None, (400, 300)}
        assert sizes[-1] == (400, 300)


class TestPrimaryItem:
    @pytest.mark.parametrize("brands", BRANDS, ids=" ".join)
    def test_size_is_read_for_every_brand(self, brands: list[str]) -> None:
        assert image_size(image([CODING, extent(640, 480)], [1, 2], *brands)) == (640, 480)

    @pytest.mark.parametrize("item", [1, 2, 3])
    @pytest.mark.parametrize("version", [0, 1])
    @pytest.mark.parametrize("flags", [0, 1])
    def test_size_is_that_of_the_primary_item(self, item: int, version: int, flags: int) -> None:
        sizes = {1: (512, 512), 2: (4032, 3024), 3: (320, 240)}
        entries = associations({1: [1, 4], 2: [2], 3: [3]}, version=version, flags=flags)
        listed = box(b"iprp", box(b"ipco", *(extent(*size) for size in sizes.values()), CODING), entries)

        assert image_size(file_type("heic") + items(primary(item, version), listed)) == sizes[item]

    def test_large_numbers_are_read(self) -> None:
        properties = [CODING] * 299 + [extent(640, 480)]
        entries = associations({70_000: [300]}, version=1, flags=1)
        listed = box(b"iprp", box(b"ipco", *properties), entries)

        assert image_size(file_type("heic") + items(primary(70_000, version=1), listed)) == (640, 480)

    @pytest.mark.parametrize(
        ("item", "version", "version_of_list"),
        [(40_000, 0, 1), (40_000, 1, 0), (3_000_000_000, 1, 1)],
    )
    def test_numbers_are_unsigned(self, item: int, version: int, version_of_list: int) -> None:
        # Another item has more properties than a signed byte can count.
        entries = associations({1: [2] * 200, item: [1]}, version=version_of_list)
        listed = box(b"iprp", box(b"ipco", extent(640, 480), extent(1, 1)), entries)

        assert image_size(file_type("heic") + items(primary(item, version), listed)) == (640, 480)

    def test_associations_may_be_in_several_boxes(self) -> None:
        entries = [associations({2: [1]}), associations({1: [2]}, flags=1)]
        listed = box(b"iprp", box(b"ipco", extent(1, 1), extent(640, 480)), *entries)

        assert image_size(file_type("heic") + items(primary(1), listed)) == (640, 480)

    def test_first_entry_of_the_item_counts(self) -> None:
        entries = [associations({1: [1]}), associations({1: [2]}, flags=1)]
        listed = box(b"iprp", box(b"ipco", extent(640, 480), rotation(1)), *entries)

        assert image_size(file_type("heic") + items(primary(1), listed)) == (640, 480)

    def test_sides_have_32_bits(self) -> None:
        assert image_size(image([extent(2**32 - 1, 2**31)], [1])) == (2**32 - 1, 2**31)


class TestTransformations:
    @pytest.mark.parametrize("quarters", range(4))
    @pytest.mark.parametrize("numbers", [[1, 2], [2, 1]], ids=["size first", "rotation first"])
    def test_odd_quarter_turns_exchange_the_sides(self, quarters: int, numbers: list[int]) -> None:
        size = (480, 640) if quarters % 2 else (640, 480)

        assert image_size(image([extent(640, 480), rotation(quarters)], numbers)) == size

    def test_crop_is_applied(self) -> None:
        assert image_size(image([extent(640, 480), aperture(600, 1, 900, 2)], [1, 2])) == (600, 450)

    def test_crop_and_rotation_are_applied_in_their_order(self) -> None:
        properties = [extent(640, 480), aperture(600, 1, 400, 1), rotation(1)]

        assert image_size(image(properties, [1, 2, 3])) == (400, 600)
        assert image_size(image(properties, [1, 3, 2])) == (600, 400)

    @pytest.mark.parametrize("numbers", [(600, 0, 400, 1), (600, 1, 400, 0), (0, 1, 400, 1), (600, 1, 0, 1)])
    def test_crop_without_a_size_is_ignored(self, numbers: tuple[int, ...]) -> None:
        assert image_size(image([extent(640, 480), aperture(*numbers)], [1, 2])) == (640, 480)

    def test_properties_of_other_items_are_ignored(self) -> None:
        assert image_size(image([extent(640, 480), rotation(1), extent(1, 1)], [1])) == (640, 480)


class TestDamage:
    @pytest.mark.parametrize(
        "content",
        [
            file_type("heic"),
            file_type("heic") + items(),
            file_type("heic") + items(primary(1)),
            file_type("heic") + items(primary(1), box(b"iprp")),
            file_type("heic") + items(primary(1), box(b"iprp", box(b"ipco", extent(1, 1)))),
            file_type("heic") + items(box(b"iprp", box(b"ipco", extent(1, 1)), associations({1: [1]}))),
            image([extent(640, 480)], []),
            image([extent(640, 480)], [0, 2, 127]),
            image([CODING], [1]),
            image([full_box(b"ispe", bytes(7))], [1]),
            image([extent(640, 480), box(b"irot")], [1, 2]),
            image([extent(640, 480), box(b"clap", bytes(15))], [1, 2]),
            image([extent(640, 480), b"\0\0\0\1free"], [1]),
            file_type("heic") + items(box(b"pitm"), box(b"iprp", box(b"ipco", extent(1, 1)), box(b"ipma"))),
        ],
    )
    def test_size_is_unknown_without_what_leads_to_it(self, content: bytes) -> None:
        assert image_size(content) is None

    def test_number_of_items_is_limited(self) -> None:
        def listed(count: int) -> bytes:
            entries = struct.pack(">I", count + 1) + struct.pack(">HB", 2, 0) * count + struct.pack(">HBB", 1, 1, 1)
            return box(b"iprp", box(b"ipco", extent(640, 480)), full_box(b"ipma", entries))

        assert image_size(file_type("heic") + items(primary(1), listed(99_999))) == (640, 480)
        assert image_size(file_type("heic") + items(primary(1), listed(100_000))) is None

    @pytest.mark.parametrize("kind", [b"free", b"ispe", b"clap", b"irot"])
    def test_memory_does_not_grow_with_repeated_properties(self, kind: bytes) -> None:
        # 255 times a property of 100 kB, in each of 100 entries, are 2.5 GB.
        entry = struct.pack(">HB", 1, 255) + b"\1" * 255
        entries = full_box(b"ipma", struct.pack(">I", 100), entry * 100)
        properties = box(b"ipco", box(kind, bytes(100_000)), extent(640, 480))
        content = file_type("heic") + items(primary(1), box(b"iprp", properties, entries))
        tracemalloc.start()
        try:
            image_size(content)
            assert tracemalloc.get_traced_memory()[1] < len(content)
        finally:
            tracemalloc.stop()

    @given(st.binary(max_size=100), st.sampled_from([b"pitm", b"ipco", b"ipma", b"iprp", b"ispe", b"irot", b"clap"]))
    def test_any_bytes_raise_no_error(self, content: bytes, kind: bytes) -> None:
        whole = image([extent(640, 480), rotation(1), aperture(1, 1, 1, 1)], [1, 2, 3])
        offset = whole.index(kind)

        image_size(whole[: offset + 4] + content + whole[offset + 4 + len(content) :])
        image_size(whole[: offset - 4] + content + whole[offset:])
