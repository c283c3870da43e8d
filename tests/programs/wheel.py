"""Makes a wheel: wheel.py DIRECTORY NAME VERSION PACKAGE [PATH=FILE]... puts FILE at PATH, and prints the wheel's path."""
import base64
import hashlib
import pathlib
import sys
import zipfile

directory, name, version, package = sys.argv[1:5]
information = f"{name}-{version}.dist-info"
contents = {path: pathlib.Path(file).read_bytes() for path, file in (pair.split("=", 1) for pair in sys.argv[5:])}
contents[f"{package}/__init__.py"] = f"__version__ = {version!r}\n".encode()
contents[f"{information}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
contents[f"{information}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: rmcp\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"

rows = []
for path, data in contents.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    rows.append(f"{path},sha256={digest},{len(data)}\n")
contents[f"{information}/RECORD"] = ("".join(rows) + f"{information}/RECORD,,\n").encode()

wheel = pathlib.Path(directory) / f"{name}-{version}-py3-none-linux_x86_64.whl"
with zipfile.ZipFile(wheel, "w") as archive:
    for path, data in contents.items():
        archive.writestr(path, data)
print(wheel)
