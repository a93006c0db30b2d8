"""What a person who labels has: inputs and a table of labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from iale.data.unlabeled import load_labels_csv, load_unlabeled
from iale.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
NAMES = ["a.png", "b, c.png", "d/e.png", "f.png"]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = path / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "one.npz", whatever=X)
    np.savez(tmp_path / "two.npz", x=X, more=X)
    for name in ("x.npy", "one.npz", "two.npz"):
        samples, names = load_unlabeled(tmp_path / name)
        assert names == ["0", "1", "2", "3", "4", "5"]
        np.testing.assert_array_equal(samples.batch(torch.arange(6))[:, 0].numpy(), X)


def test_folders(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.png", "a/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(X[0]).save(tmp_path / name)
    samples, names = load_unlabeled(tmp_path)
    assert names == ["a/1.png", "a/2.png", "b.png"]
    assert samples.shape == (1, 4, 4)
    assert load_unlabeled(str(tmp_path), size=(3, 2))[0].shape == (1, 3, 2)


def test_what_holds_no_samples(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", a=X, b=X)
    np.save(tmp_path / "none.npy", np.zeros((0, 3)))
    np.save(tmp_path / "flat.npy", np.zeros(3))
    (tmp_path / "x.txt").touch()
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    for name in ("many.npz", "flat.npy", "none.npy", "x.txt", "cut.npy", "absent", "absent.npy"):
        with pytest.raises(DataError, match=name):
            load_unlabeled(tmp_path / name)


def test_class_names(tmp_path: Path) -> None:
    path = write(tmp_path, 'label,note,sample\ndog,,f.png\n\ncat,"x, y","b, c.png"\ndog,,a.png\n', "utf-8-sig")
    indices, labels, classes = load_labels_csv(path, NAMES)
    assert indices.tolist() == [3, 1, 0]
    assert labels.tolist() == [1, 0, 1]
    assert classes == ("cat", "dog")
    assert indices.dtype == labels.dtype == torch.int64


def test_class_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, "sample,label\na.png,3\nf.png, 0\n")
    indices, labels, classes = load_labels_csv(path, NAMES)
    assert (indices.tolist(), labels.tolist(), classes) == ([0, 3], [3, 0], ("0", "1", "2", "3"))


def test_numbers_among_names_are_names(tmp_path: Path) -> None:
    path = write(tmp_path, "sample,label\na.png,10\nf.png,two\n")
    assert load_labels_csv(path, NAMES)[2] == ("10", "two")


@pytest.mark.parametrize("label", ["1", "1.0", "1.00"])
def test_whole_floats_are_numbers(label: str, tmp_path: Path) -> None:
    """Pandas writes a column of integers with a gap as floats."""
    path = write(tmp_path, f"sample,label\na.png,{label}\nf.png,0.0\nd/e.png,\n")
    _, labels, classes = load_labels_csv(path, NAMES)
    assert (labels.tolist(), classes) == ([1, 0], ("0", "1"))
    assert load_labels_csv(path, NAMES, ["x", "y"])[1].tolist() == [1, 0]
    assert load_labels_csv(path, NAMES, ["1", "0"])[1].tolist() == [0, 1]
    path = write(tmp_path, f"sample,label\na.png,{label}\nf.png,0.5\n")
    assert load_labels_csv(path, NAMES)[2] == tuple(sorted((label, "0.5")))


def test_whole_floats_that_are_classes_are_their_names(tmp_path: Path) -> None:
    path = write(tmp_path, "sample,label\na.png,1.0\nf.png,2.0\n")
    assert load_labels_csv(path, NAMES, ["1.0", "2.0"])[1].tolist() == [0, 1]


@pytest.mark.parametrize("label", ["-1", "-1.0"])
def test_a_negative_number_is_no_class_number(label: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"sample,label\na.png,0\nf.png,1\nd/e.png,{label}\n")
    for classes in (None, ["cat", "dog"]):
        with pytest.raises(DataError, match=f"line 4: the label {label} is negative: leave the cell blank"):
            load_labels_csv(path, NAMES, classes)
    assert load_labels_csv(path, NAMES, ["0", "1", label])[1].tolist() == [0, 1, 2]
    path = write(tmp_path, f"sample,label\na.png,{label}\nf.png,cold\n")
    assert load_labels_csv(path, NAMES)[2] == (label, "cold")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_of_a_name_may_be_signs_of_their_own(form: str, tmp_path: Path) -> None:
    spelled = {"NFC": "f\u00fcr.png", "NFD": "fu\u0308r.png"}
    for other in spelled.values():
        path = write(tmp_path, f"sample,label\n{other},cat\nb.png,dog\n")
        assert load_labels_csv(path, [spelled[form], "b.png"])[0].tolist() == [0, 1]


@pytest.mark.parametrize("label", ["nan", "NaN", "<NA>", "NaT", "#N/A"])
def test_what_programs_write_for_no_label_is_no_class(label: str, tmp_path: Path) -> None:
    for others in (("0", "1"), ("cat", "None")):
        path = write(tmp_path, f"sample,label\na.png,{others[0]}\nf.png,{others[1]}\nd/e.png,{label}\n")
        for classes in (None, others):
            with pytest.raises(DataError, match=f"line 4: the label '{label}' says that there is none: leave the cell"):
                load_labels_csv(path, NAMES, classes)
        assert load_labels_csv(path, NAMES, [*others, label])[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize("other", ["cat", "CAT", "C\u00adat", "Cat\u200b"])
def test_names_that_people_cannot_tell_apart_are_refused(other: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"sample,label\na.png,Cat\nf.png,dog\nd/e.png,{other}\n")
    with pytest.raises(DataError) as caught:
        load_labels_csv(path, NAMES)
    assert f"line 4: people cannot tell {other!r} from 'Cat' in line 2" in str(caught.value)
    classes = ("Cat", other, "dog")
    assert load_labels_csv(path, NAMES, classes)[1].tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("photos/a.png", "'a.png'"),
        ("/home/ann/photos/a.png", "'a.png'"),
        ("C:\\photos\\a.png", "'a.png'"),
        ("d\\e.png", "'d/e.png'"),
        ("./d/e.png", "'d/e.png'"),
        ("e.png", None),
        ("aa.png", None),
        ("d/", None),
    ],
)
def test_a_name_that_ends_in_a_known_one_is_recognized(cell: str, hint: str | None, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="iale data DATA --names") as caught:
        load_labels_csv(write(tmp_path, f"sample,label\na.png,x\n{cell},y\n"), [*NAMES, "e.png/e"])
    assert (f"did you mean {hint}?" in str(caught.value)) if hint else ("did you mean" not in str(caught.value))


def test_given_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "sample,label\na.png,dog\n")
    assert load_labels_csv(path, NAMES, ["cat", "dog", "owl"])[1:] == (torch.tensor([1]), ("cat", "dog", "owl"))
    with pytest.raises(DataError, match="line 2: 'dog' is not a class; one of cat, owl"):
        load_labels_csv(path, NAMES, ["cat", "owl"])
    path = write(tmp_path, "sample,label\na.png,1\nf.png,3\n")
    with pytest.raises(DataError, match="line 3: '3' is not a class"):
        load_labels_csv(path, NAMES, ["cat", "dog", "owl"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "line 1: the columns sample and label"),
        ("a.png,1\n", "line 1: the columns sample and label .* sample and label are missing .found: a.png, 1.;"),
        ("id,class\na.png,1\n", "and label is missing .found: id, class.;"),
        ("file,label\na.png,1\n", "and sample is missing .found: file, label.;"),
        ("sample,label\na.png,x\nz.png,y\n", "line 3: there is no sample 'z.png'"),
        ("sample,label\na.png,x\nf.png,y\na.png,y\n", "line 4: sample 'a.png' was labeled before"),
        ("sample,label\n,x\n", "line 2: label 'x' has no sample"),
        ("sample,label\na.png\n", "line 2: 1 of 2 cells"),
        ("sample,label\nb, c.png,1\n", "line 2: 3 of 2 cells"),
        ("sample,label\na.png,0\nf.png,123456\n", "line 3: label 123456 is too large"),
        ("sample,label\na.png,x\nf.png,x\n", "one class only.*--classes cat,dog"),
        ("sample,label\na.png,0\n", "one class only"),
        ('sample,label\n"a.png,0\n', "line 2: the row holds a quoted cell that does not end"),
    ],
)
def test_bad_tables(text: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=match) as caught:
        load_labels_csv(write(tmp_path, text), NAMES)
    assert "labels.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["sample,label\n", "sample,label\n\n\n"])
def test_a_table_without_rows_has_no_labels(text: str, tmp_path: Path) -> None:
    indices, labels, classes = load_labels_csv(write(tmp_path, text), NAMES)
    assert (len(indices), len(labels), classes) == (0, 0, ())
    assert indices.dtype == labels.dtype == torch.int64
    assert load_labels_csv(write(tmp_path, text), NAMES, ["cat", "dog"])[2] == ("cat", "dog")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*absent\.csv"):
        load_labels_csv(tmp_path / "absent.csv", NAMES)
    with pytest.raises(DataError, match="is a folder"):
        load_labels_csv(tmp_path, NAMES)
    with pytest.raises(DataError, match="no sample 'ü'"):
        load_labels_csv(write(tmp_path, "sample,label\nü,1\n", "latin-1"), NAMES)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: b"sample,label\n" + text.encode()))
def test_any_bytes_end_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        assert not len(load_labels_csv(path, NAMES)[0])
    except DataError as error:
        assert "any.csv" in str(error)  # noqa: PT017
