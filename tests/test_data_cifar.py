"""CIFAR-10 from copies in every form, and the TensorFlow Datasets folder made of them."""

import io
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_course import data
from keras_course.data import cache, cifar_files, import_cifar, prepared, unpickle
from keras_course.errors import UserError

BATCHES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), "uint8")
LABELS = np.arange(60) % 10  # ten images a batch: one of each class
TINY = import_cifar.Expected(
    train_per_class=5,
    test_per_class=1,
    mean=tuple(IMAGES[:50].mean(axis=(0, 1, 2)) / 255),
    std=tuple(IMAGES[:50].std(axis=(0, 1, 2)) / 255),
)


@pytest.fixture(autouse=True)
def places(request, tmp_path, tmp_path_factory, monkeypatch):
    """Folders of our own; tests about the real CIFAR-10 read the real one and share a cache."""
    if "data" in request.keywords:
        monkeypatch.setenv("KERAS_COURSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    else:
        monkeypatch.setenv("KERAS_COURSE_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


def rows(batch):
    """Return the ten rows of 1,024 red, green and blue values."""
    return IMAGES[10 * batch : 10 * batch + 10].transpose(0, 3, 1, 2).reshape(10, 3072)


def python2(batch):
    """Return a batch as Python 2 and NumPy 1 pickled the official archive: protocol 2, bytes."""

    def text(value):
        return b"T" + struct.pack("<i", len(value)) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        b"(K\x01K\x0aM" + struct.pack("<H", 3072) + b"\x86"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + text(rows(batch).tobytes())
    ) + b"tb"
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in range(10)) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + labels + b"u."


def python3(batch):
    return pickle.dumps({"data": rows(batch), "labels": list(range(10))})


def binary(batch):
    return np.hstack([np.arange(10, dtype="uint8")[:, None], rows(batch)]).tobytes()


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def sprite(batch):
    return png(IMAGES[10 * batch : 10 * batch + 10].reshape(10, 1024, 3))


def files_of(form):
    make, suffix, folder = {
        "python2": (python2, "", "cifar-10-batches-py"),
        "python3": (python3, "", "cifar-10-batches-py"),
        "binary": (binary, ".bin", "cifar-10-batches-bin"),
        "npm": (sprite, ".png", "package"),
    }[form]
    files = {f"{folder}/{name}{suffix}": make(i) for i, name in enumerate(BATCHES)}
    if form == "npm":
        files["package/train_lables.json"] = json.dumps(LABELS[:50].tolist()).encode()
        files["package/test_lables.json"] = json.dumps(LABELS[50:].tolist()).encode()
    return files


def as_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_archive(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def as_npz(path, **changed):
    arrays = {"x_train": IMAGES[:50], "y_train": LABELS[:50, None]}
    arrays |= {"x_test": IMAGES[50:], "y_test": LABELS[50:, None]}
    np.savez(path, **(arrays | changed))
    return path


def as_classes(path):
    names = cifar_files.CLASS_NAMES
    for i, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        part = "train" if i < 50 else "test"
        as_folder(path, {f"{part}/{names[label]}/{i}.png": png(image)})
    return path


def assert_same(train, test):
    assert np.array_equal(train.images, IMAGES[:50]) and np.array_equal(test.images, IMAGES[50:])
    assert np.array_equal(train.labels, LABELS[:50]) and np.array_equal(test.labels, LABELS[50:])


def in_order(images, labels):
    """Return pairs that can be compared whatever their order."""
    return sorted(
        (image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )


@pytest.mark.parametrize("form", ["python2", "python3", "binary", "npm"])
def test_the_archive_its_folder_and_the_folder_around_it_are_read(form, tmp_path):
    files = files_of(form)
    assert_same(*cifar_files.read(as_archive(tmp_path / "archive.tar.gz", files)))
    around = as_folder(tmp_path / "around", files)
    assert_same(*cifar_files.read(around))
    assert_same(*cifar_files.read(around / next(iter(files)).split("/")[0]))


def test_an_npz_is_read(tmp_path):
    assert_same(*cifar_files.read(as_npz(tmp_path / "cifar.npz")))


def test_pngs_by_class_are_read(tmp_path):
    train, test = cifar_files.read(as_classes(tmp_path))
    assert in_order(*train) == in_order(IMAGES[:50], LABELS[:50])
    assert in_order(*test) == in_order(IMAGES[50:], LABELS[50:])


class Attack:
    """Unpickled without care, it makes a file."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "function", ["system", "eval", "load", "object array", "pointers", "a type of objects"]
)
def test_a_malicious_pickle_is_refused_and_does_nothing(function, tmp_path):
    mark = tmp_path / "mark"
    attack = {
        "system": Attack(os.system, f"touch {mark}"),
        "eval": Attack(eval, f"open({str(mark)!r}, 'w')"),
        "load": Attack(np.load, str(mark)),
        "object array": np.array([Attack(os.system, f"touch {mark}")], object),
        "pointers": Attack(np.ndarray, (3072,), "O", b"A" * 8 * 3072),
        "a type of objects": Attack(np.frombuffer, b"A" * 8 * 3072, "O"),
    }[function]
    files = files_of("python3")
    files["cifar-10-batches-py/data_batch_3"] = pickle.dumps({"data": attack, "labels": [0]})
    with pytest.raises(UserError, match=r"data_batch_3 in .* (calls .*do not use|is damaged)"):
        cifar_files.read(as_archive(tmp_path / "archive.tar.gz", files))
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_whole_numbers_come_as_they_were_whatever_the_protocol(protocol):
    for values in (rows(0), rows(0).T, np.arange(6, dtype=">i4").reshape(2, 3)):
        found = unpickle.loads(pickle.dumps({"data": values}, protocol))
        (found,) = map(np.asarray, found.values())
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("kind", ["float32", "M8[s]", "O", "V3", "U2", [("a", "u1")]])
def test_other_arrays_are_refused(kind):
    with pytest.raises(UserError):
        unpickle.loads(pickle.dumps(np.zeros(4, kind)))


@pytest.mark.parametrize("content", [b"", b"\x80", python2(0)[:-500], b"garbage", b"."])
def test_a_damaged_pickle_is_a_mistake_of_the_user(content):
    with pytest.raises(UserError, match="damaged"):
        unpickle.loads(content)


def test_an_archive_writes_nothing_to_the_disk(tmp_path, monkeypatch):
    files = files_of("binary") | {"../../escaped": b"x", "/tmp/../escaped": b"x"}
    archive = as_archive(tmp_path / "archive.tar.gz", files)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    for name in ("extract", "extractall"):
        monkeypatch.setattr(tarfile.TarFile, name, lambda *_, **__: pytest.fail("it was unpacked"))
    before = sorted(tmp_path.rglob("*"))
    assert_same(*cifar_files.read(archive))
    assert sorted(tmp_path.rglob("*")) == before


def truncated(path, files):
    as_archive(path, files)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no .*nowhere"):
        cifar_files.read(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no CIFAR-10. Expected the python"):
        cifar_files.read(tmp_path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UserError, match="not an archive that can be read"):
        cifar_files.read(tmp_path / "text")
    with pytest.raises(UserError, match=r"cut\.tar\.gz cannot be read"):
        cifar_files.read(truncated(tmp_path / "cut.tar.gz", files_of("binary")))
    files = files_of("python3")
    del files["cifar-10-batches-py/data_batch_4"]
    with pytest.raises(UserError, match="lacks data_batch_4"):
        cifar_files.read(as_archive(tmp_path / "less.tar.gz", files))
    files = files_of("binary")
    files["cifar-10-batches-bin/data_batch_2.bin"] += b"x"
    with pytest.raises(UserError, match=r"data_batch_2\.bin in .* cannot be read"):
        cifar_files.read(as_archive(tmp_path / "longer.tar.gz", files))
    files = files_of("npm")
    files["package/data_batch_2.png"] = files["package/data_batch_2.png"][:300]
    with pytest.raises(UserError, match=r"data_batch_2\.png in .* cannot be read"):
        cifar_files.read(as_archive(tmp_path / "broken.tgz", files))
    files = files_of("npm")
    files["package/test_lables.json"] = b"[1, 2"
    with pytest.raises(UserError, match=r"test_lables\.json in .* cannot be read"):
        cifar_files.read(as_archive(tmp_path / "labels.tgz", files))


def test_an_npz_with_pickles_or_without_an_array_is_refused(tmp_path):
    objects = np.array([Attack(os.system, "true")], object)
    with pytest.raises(UserError, match="cannot be read"):
        cifar_files.read(as_npz(tmp_path / "objects.npz", y_test=objects))
    np.savez(tmp_path / "less.npz", x_train=IMAGES)
    with pytest.raises(UserError, match=r"lacks an array.*y_train"):
        cifar_files.read(tmp_path / "less.npz")


def test_an_npz_larger_than_the_data_set_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar_files, "LARGEST_ARRAY", 1000)
    with pytest.raises(UserError, match=r"x_train.npy has [\d,]+ bytes: too many"):
        cifar_files.read(as_npz(tmp_path / "cifar.npz"))


@pytest.mark.parametrize(
    "batch", [{"data": [[1]], "labels": [0]}, {"data": rows(0), "labels": 3}, [], {"labels": []}]
)
def test_a_batch_of_another_form_is_named(batch, tmp_path):
    files = files_of("python3")
    files["cifar-10-batches-py/data_batch_3"] = pickle.dumps(batch)
    path = as_archive(tmp_path / "archive.tar.gz", files)
    with pytest.raises(UserError):
        import_cifar.import_cifar10(path, TINY)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"x_train": IMAGES[:50, ..., ::-1]}, r"not CIFAR-10's: channel mean"),
        ({"x_train": IMAGES[:50] // 2}, r"not CIFAR-10's: channel mean"),
        ({"x_train": IMAGES[:40], "y_train": LABELS[:40]}, "per class .*0: 4.*expected 5"),
        ({"y_train": LABELS[:50] + 1}, "per class .*10: 5.*expected 5 of each of the classes 0 to"),
        ({"y_test": LABELS[:9]}, r"10 test images and int64 labels of shape \(9,\)"),
        ({"y_test": LABELS[50:] + 0.5}, "float64 labels"),
        ({"x_test": IMAGES[50:] / 255}, "test images of .* are float64"),
        ({"x_train": IMAGES[:50].reshape(50, 3072)}, r"shape \(50, 3072\)"),
    ],
)
def test_what_is_not_cifar_is_refused_with_what_was_found(changed, words, tmp_path):
    with pytest.raises(UserError, match=words):
        import_cifar.import_cifar10(as_npz(tmp_path / "cifar.npz", **changed), TINY)
    assert not (tmp_path / "tfds").exists()


def test_random_images_are_not_taken_for_the_real_cifar(tmp_path):
    real = import_cifar.CIFAR10._replace(train_per_class=5, test_per_class=1)
    with pytest.raises(UserError, match=r"expected \[0.4914, 0.4822, 0.4465\]"):
        import_cifar.import_cifar10(as_npz(tmp_path / "cifar.npz"), real)


def test_the_real_cifar_has_5000_and_1000_images_of_each_class(tmp_path):
    with pytest.raises(UserError, match="expected 5000 of each"):
        data.import_cifar10(as_npz(tmp_path / "cifar.npz"))
    assert import_cifar.CIFAR10.test_per_class == 1000


def test_an_import_is_read_by_tfds_load_and_by_us_without_the_network(tmp_path, monkeypatch, capfd):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it used the network"))
    folder = import_cifar.import_cifar10(as_npz(tmp_path / "cifar.npz"), TINY)
    assert folder == tmp_path / "tfds" / "cifar10" / "3.0.2"
    assert [path.name for path in (tmp_path / "tfds").rglob("*") if path.is_dir()] == [
        "cifar10",
        "3.0.2",
    ]
    assert capfd.readouterr().out == ""

    builder = tfds.builder("cifar10", data_dir=tmp_path / "tfds")
    assert tuple(builder.info.features["label"].names) == cifar_files.CLASS_NAMES
    for part, expected in (("train", slice(50)), ("test", slice(50, 60))):
        examples = tfds.as_numpy(
            tfds.load("cifar10", split=part, download=False, data_dir=tmp_path / "tfds")
        )
        images, labels = zip(*((e["image"], e["label"]) for e in examples), strict=True)
        assert in_order(images, labels) == in_order(IMAGES[expected], LABELS[expected])

    train, validation, test, names = data.load("cifar10")
    assert names == cifar_files.CLASS_NAMES
    assert [len(part.labels) for part in (train, validation, test)] == [40, 10, 10]
    ours = in_order([*train.images, *validation.images], [*train.labels, *validation.labels])
    assert ours == in_order(IMAGES[:50], LABELS[:50])
    assert in_order(*test) == in_order(IMAGES[50:], LABELS[50:])

    with pytest.raises(UserError, match="prepared already"):
        import_cifar.import_cifar10(tmp_path / "cifar.npz", TINY)

    records = next(folder.glob("*train*"))
    records.write_bytes(records.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"damaged: .*Remove that folder"):
        data.load("cifar10")


def test_an_import_that_is_interrupted_leaves_no_prepared_set(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    tfds = prepared.tensorflow_datasets()
    monkeypatch.setattr(tfds.core.DatasetInfo, "write_to_directory", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_cifar.import_cifar10(as_npz(tmp_path / "cifar.npz"), TINY)
    assert prepared.find("cifar10") is None
    assert [path for path in (tmp_path / "tfds").rglob("*") if path.is_file()] == []


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "file" / "inside"))
    with pytest.raises(UserError, match=r"cannot be written.*TFDS_DATA_DIR"):
        import_cifar.import_cifar10(as_npz(tmp_path / "cifar.npz"), TINY)


def store(tmp_path, name, images, labels, features=None, splits=("train", "test")):
    """Let TensorFlow Datasets write a small set."""
    import tensorflow_datasets as tfds

    features = features or {
        "image": tfds.features.Image(shape=(None, None, images[0].shape[-1])),
        "label": tfds.features.ClassLabel(names=["a", "b"]),
    }

    class Small(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            keys = tuple(features)
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), supervised_keys=keys
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples() for split in splits}

        def _generate_examples(self):
            for i, values in enumerate(zip(images, labels, strict=True)):
                yield i, dict(zip(features, values, strict=True))

    Small.name = name
    Small.pkg_dir_path = tmp_path
    prepared.tensorflow_datasets()
    Small(data_dir=tmp_path / "tfds").download_and_prepare(download_dir=tmp_path / "downloads")


def test_any_prepared_classification_set_is_loaded_and_grey_stays_grey(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (20, 5, 4, 1), "uint8")
    store(tmp_path, "grey", images, np.arange(20) % 2)
    train, validation, test, names = data.load("tfds:grey", validation_fraction=0.2)
    assert names == ("a", "b")
    assert train.images.shape == (16, 5, 4, 1) and test.images.shape == (20, 5, 4, 1)
    assert np.bincount(validation.labels).tolist() == [2, 2]
    assert in_order(*test) == in_order(images, np.arange(20) % 2)


def test_validation_images_serve_as_test_where_there_is_no_test(tmp_path):
    images = np.zeros((20, 5, 4, 3), "uint8")
    store(tmp_path, "two", images, np.arange(20) % 2, splits=("train", "validation"))
    store(tmp_path, "one", images, np.arange(20) % 2, splits=("train",))
    assert [len(part.labels) for part in data.load("tfds:two")[:3]] == [18, 2, 20]
    assert [len(part.labels) for part in data.load("tfds:one")[:3]] == [14, 2, 4]


def test_classes_without_an_image_are_left_out(tmp_path):
    import tensorflow_datasets as tfds

    features = {
        "image": tfds.features.Image(shape=(5, 4, 3)),
        "label": tfds.features.ClassLabel(names=["0", "a", "b", "c"]),
    }
    images = np.zeros((20, 5, 4, 3), "uint8")
    store(tmp_path, "letters", images, 1 + 2 * (np.arange(20) % 2), features)
    splits = data.load("tfds:letters")
    assert splits.class_names == ("a", "c")
    assert np.bincount(splits.test.labels).tolist() == [10, 10]


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
def test_damaged_metadata_of_a_prepared_set_are_named(name, tmp_path):
    store(tmp_path, "two", np.zeros((20, 5, 4, 3), "uint8"), np.arange(20) % 2)
    (path,) = (tmp_path / "tfds" / "two").rglob(name)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(UserError, match="prepared files of two in .* are damaged"):
        data.load("tfds:two")


def test_a_prepared_set_with_several_sizes_is_refused(tmp_path):
    images = [np.zeros((5, 4 + (i == 3), 3), "uint8") for i in range(6)]
    store(tmp_path, "sizes", images, np.arange(6) % 2)
    with pytest.raises(UserError, match=r"several sizes: number 0 is .*(5x4x3|5x5x3)"):
        data.load("tfds:sizes")
    assert {path.name for path in cache.location().rglob("*") if path.is_file()} <= {".lock"}


def test_a_prepared_set_that_is_not_classification_is_refused(tmp_path):
    import tensorflow_datasets as tfds

    features = {
        "image": tfds.features.Image(shape=(5, 4, 3)),
        "mask": tfds.features.Image(shape=(5, 4, 1)),
    }
    images = np.zeros((4, 5, 4, 3), "uint8")
    store(tmp_path, "masks", images, images[..., :1], features)
    with pytest.raises(UserError, match=r"tfds:masks is not image classification.*image, mask"):
        data.load("tfds:masks")


def test_the_newest_version_is_found_and_a_configuration_must_be_named(tmp_path):
    for folder in ("a/3.0.2", "a/3.0.10", "a/incomplete.1_4.0.0", "b/one/1.0.0", "b/two/1.0.0"):
        (tmp_path / "tfds" / folder).mkdir(parents=True)
        (tmp_path / "tfds" / folder / "dataset_info.json").write_text("{}")
    assert prepared.find("a") == tmp_path / "tfds" / "a" / "3.0.10"
    assert prepared.find("b/two") == tmp_path / "tfds" / "b" / "two" / "1.0.0"
    with pytest.raises(UserError, match=r"name one. Prepared: tfds:b/one, tfds:b/two"):
        prepared.find("b")


@pytest.mark.data
def test_the_real_cifar_is_what_import_expects():
    train, test, names = prepared.read("cifar10")
    assert names == cifar_files.CLASS_NAMES
    import_cifar.check("TFDS_DATA_DIR", train, test, import_cifar.CIFAR10)
    pixels = train.images[:10_000].reshape(-1, 3) / 255  # a fifth, by NumPy's own way
    mean, std = import_cifar.statistics(train.images[:10_000])
    assert np.allclose(mean, pixels.mean(axis=0)) and np.allclose(std, pixels.std(axis=0))


@pytest.mark.data
def test_the_second_load_of_cifar_needs_no_tensorflow():
    data.load("cifar10")
    program = (
        "import sys; from keras_course import data; splits = data.load('cifar10');"
        "print(len(splits.train.labels), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["45000", "False"]


@pytest.mark.data
@pytest.mark.slow
def test_the_real_cifar_survives_export_and_import(tmp_path, monkeypatch):
    train, test, _ = prepared.read("cifar10")
    path = tmp_path / "cifar.npz"
    np.savez(path, x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    data.import_cifar10(path)
    again, test_again, _ = prepared.read("cifar10")
    assert in_order(*again) == in_order(*train)
    assert in_order(*test_again) == in_order(*test)
