"""A line is whole in the file also where the file gets a second output, or the output a second file, in its middle."""

import pytest

from circus.stream import FileSink


@pytest.mark.parametrize("time_format", [None, "T"])
async def test_a_second_output_comes_in_the_middle_of_a_line(bench, tmp_path, until, time_format):
    path = tmp_path / "l"
    sink = bench.sink(FileSink(str(path), time_format=time_format))
    first = bench.wire(sink, 1, pid=1)
    first.write(b"whole\nfirst ha")
    await until(lambda: first.attachment.bytes >= 6)
    if time_format is None:
        await until(lambda: path.read_bytes().endswith(b"first ha"))  # alone, it is seen at once
    second = bench.wire(sink, 2, pid=2)
    second.write(b"second\n")
    await until(lambda: second.attachment.bytes == 7)
    first.write(b"lf\n")
    first.close()
    second.close()
    report = await first.attachment.drained()
    await second.attachment.drained()
    prefixes = ("", "") if time_format is None else ("T [1] | ", "T [2] | ")
    assert path.read_text() == "{0}whole\n{1}second\n{0}first half\n".format(*prefixes)
    assert (report.bytes, report.dropped) == (len(b"whole\nfirst half\n"), 0)


async def test_an_output_that_ends_in_the_middle_of_a_line_loses_nothing(bench, tmp_path, until):
    path = tmp_path / "l"
    sink = bench.sink(FileSink(str(path)))
    first, second = bench.wire(sink, 1), bench.wire(sink, 2)
    second.close()
    await second.attachment.drained()
    first.write(b"no end")
    await until(lambda: first.attachment.bytes == 6)
    third = bench.wire(sink, 3)
    third.write(b"third\n")
    await until(lambda: third.attachment.bytes == 6)
    first.close()
    assert (await first.attachment.drained()).bytes == 6
    third.write(b"and more\n")
    third.close()
    await third.attachment.drained()
    assert path.read_bytes() == b"third\nno end\nand more\n"


async def test_a_line_goes_to_the_new_file_whole(bench, tmp_path, until):
    old, new = (bench.sink(FileSink(str(tmp_path / name))) for name in ("old", "new"))
    wire = bench.wire(old)
    wire.write(b"whole\nhal")
    await until(lambda: wire.attachment.bytes == 9)
    await wire.attachment.redirect(new)
    wire.write(b"f\n")
    wire.close()
    report = await wire.attachment.drained()
    assert (tmp_path / "old").read_bytes() == b"whole\n"
    assert (tmp_path / "new").read_bytes() == b"half\n"
    assert (report.bytes, report.dropped) == (11, 0)


async def test_a_line_that_was_taken_out_and_cannot_be_written_is_counted(bench, tmp_path, until):
    folder = tmp_path / "d"
    folder.mkdir()
    sink = bench.sink(FileSink(str(folder / "l")))
    first = bench.wire(sink, 1)
    first.write(b"first ha")
    await until(lambda: first.attachment.bytes == 8)
    second = bench.wire(sink, 2)
    second.write(b"second\n")
    await until(lambda: second.attachment.bytes == 7)
    (folder / "l").unlink()
    folder.rmdir()
    first.write(b"lf\n")
    first.close()
    second.close()
    report = await first.attachment.drained()
    await second.attachment.drained()
    assert (report.bytes, report.dropped, report.pending) == (0, 11, 0)
