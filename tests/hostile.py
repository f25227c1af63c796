"""Files made to do harm: what tests of every way to read weights feed to it."""

from __future__ import annotations

import builtins
import bz2
import collections
import gzip
import importlib
import io
import lzma
import os
import pickle
import struct
import subprocess
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class Run:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def torch_zip(content: bytes, name="archive/data.pkl", compression=zipfile.ZIP_STORED, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(name, content)
        archive.writestr("archive/version", "3\n")
        for key, data in members.items():
            archive.writestr(f"archive/data/{key.strip('_')}", data)
    return buffer.getvalue()


def legacy(content: bytes, tail=b""):
    parts = [pickle.dumps(item, 2) for item in (MAGIC, 1001, {"little_endian": True})]
    return b"".join(parts) + content + tail


FUNCTIONS = {
    "system": (os.system, "touch {proof}"),
    "eval": (eval, "open('{proof}', 'w')"),
    "exec": (exec, "open('{proof}', 'w')"),
    "open": (open, "{proof}", "w"),
    "popen": (subprocess.Popen, ["touch", "{proof}"]),
    "mkdir": (os.mkdir, "{proof}"),
    "import": (importlib.import_module, "antigravity"),
    "getattr": (getattr, os, "system"),
    "builtin import": (builtins.__import__, "antigravity"),
    "ndarray": (np.ndarray, (10**10,)),
    "bytearray": (bytearray, 10**10),
}
WRAPPERS = {
    "plain": lambda trap: trap,
    "in a dict": lambda trap: {"a.weight": np.ones(3), "b": trap},
    "nested": lambda trap: {"state_dict": {"a": [{"b": (trap,)}]}, "meta": [[[trap]]]},
    "as a key": lambda trap: [collections.OrderedDict([("a", trap)])],
    "in a reduce": lambda trap: Run(collections.OrderedDict, [("a", trap)]),
}
CONTAINERS = {
    "pickle": lambda data: data,
    "torch zip": torch_zip,
    "compressed torch zip": lambda data: torch_zip(data, compression=zipfile.ZIP_DEFLATED),
    "bzip2 in a zip": lambda data: torch_zip(data, compression=zipfile.ZIP_BZIP2),
    "torch legacy": legacy,
    "bzip2": bz2.compress,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zip": lambda data: torch_zip(data, name="evil.pkl"),
    "npz": lambda data: torch_zip(data, name="a.npy"),
}


def formatted(arguments, proof):
    return [
        [part.format(proof=proof) for part in a] if isinstance(a, list)
        else a.format(proof=proof) if isinstance(a, str) else a
        for a in arguments
    ]  # fmt: skip


TRICKS = {
    # setting attributes of what is allowed, to change what it does to the next reader
    "build on a function": b"c_codecs\nencode\n}X\x04\0\0\0nameX\x01\0\0\0xsb.",
    "build on a class": b"ccollections\nOrderedDict\nN}X\x05\0\0\0itemsNs\x86b.",
    "build on dtype": b"cnumpy\ndtype\n}X\x04\0\0\0nameNsb.",
    "dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93.",
    "module of an allowed module": b"cnumpy\ncore.multiarray.sys.modules\n.",
    "inst": b"(S'true'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'true'\no.",
    "newobj": b"\x80\x02ccollections\nCounter\n)\x81cos\nsystem\n)\x81.",
    "newobj_ex": b"\x80\x04ccollections\nCounter\n)}\x92.",
    "extension registry": b"\x80\x02\x82\x01.",
    "getattr": b"c__builtin__\ngetattr\n(cos\n\nS'system'\ntR.",
    "call of a dict": b"}(tR.",
    "call of a storage": b"ctorch\nFloatStorage\n(tR.",
    "persistent id of protocol 0": b"Pstorage\n.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "object array": b"cnumpy\ndtype\n(X\x02\0\0\0O8I00\nI01\ntR.",
    "dtype of fields": b"cnumpy\ndtype\n(X\x02\0\0\0V8I00\nI01\ntR.",
    "encode in another codec": b"c_codecs\nencode\n(X\x01\0\0\0aX\x05\0\0\0rot13tR.",
    "unhashable key": b"}]Ns.",
    "deep tuple as a key": b"}" + b"N" + b"\x85" * 200_000 + b"Ns.",
    # the memo
    "memo never written": b"h\x07.",
    "far memo index": b"]r\xff\xff\xff\x7f.",
    "memo of a mark": b"(q\x01h\x01.",
    "memo of nothing": b"q\x00.",
    "self reference": b"]q\x00h\x00a.",
    "pop of nothing": b"0.",
    "marks without end": b"(" * 100_000 + b".",
    "mark without items": b"t.",
    # lengths of 10 GB and more
    "binbytes8": b"\x80\x04\x8e" + struct.pack("<Q", 10**10) + b"x.",
    "bytearray8": b"\x80\x05\x96" + struct.pack("<Q", 10**10) + b"x.",
    "binunicode8": b"\x80\x04\x8d" + struct.pack("<Q", 10**10) + b"x.",
    "more than there is address space": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"x.",
    "binbytes": b"\x80\x03B" + struct.pack("<I", 2**32 - 1) + b"x.",
    "long4": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    "negative long4": b"\x80\x02\x8b" + struct.pack("<i", -5) + b"x.",
    "binstring": b"T" + struct.pack("<i", 2**31 - 1) + b"x.",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 10**10) + b"N.",
    "unknown opcode": b"\xff.",
    "protocol 99": b"\x80\x63N.",
    "many digits": b"I" + b"9" * 5000 + b"\n.",
    "no stop": b"}",
    "nothing": b"",
    "zeros": b"\0" * 64,
    "a web page": b"<!DOCTYPE html>",
    "git lfs": b"version https://git-lfs.github.com/spec/v1\n",
}
