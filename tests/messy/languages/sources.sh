# What packages were installed from: tarballs as a registry of npm has them, and wheels; all in the folder $made.

# npm: one with a package of its own inside, one that no registry may have, a folder
npm_package() { # name, more of its package.json
    folder=$made/npm/$(echo "$1" | tr / -)
    mkdir -p "$folder"
    printf '{"name": "%s", "version": "1.0.0", "bin": {"%s": "run.js"}%s}' "$1" "${1##*/}" "${2-}" > "$folder/package.json"
    printf '#!/usr/bin/env node\n' > "$folder/run.js"
}
npm_package inner
npm_package kiln-cli ', "dependencies": {"inner": "1.0.0"}, "bundleDependencies": ["inner"]'
mkdir "$made/npm/kiln-cli/node_modules"
mv "$made/npm/inner" "$made/npm/kiln-cli/node_modules/"
npm_package @ada/tools
npm_package never-published ', "private": true'
npm_package shared-cli
npm_package mine
for name in kiln-cli @ada-tools never-published shared-cli; do
    tar -C "$made/npm/$name" --transform 's,^\.,package,' -czf "$made/${name#@}-1.0.0.tgz" .
done

# Wheels: name, version, what it needs, its program. The module that makes them is the backend of projects, too.
cat > "$made/wheels.py" << 'END'
import base64, hashlib, pathlib, sys, zipfile


def make(folder, name, version, needs="", program=""):
    plain = name.replace("-", "_")
    info = f"{plain}-{version}.dist-info"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{plain}.py": "def main():\n    print('hello')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: ada\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{program} = {plain}:main\n" if program else "",
    }
    hashed = [(path, hashlib.sha256(text.encode()).digest(), len(text)) for path, text in files.items()]
    digests = [(path, base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), size) for path, raw, size in hashed]
    files[f"{info}/RECORD"] = "".join(f"{path},sha256={digest},{size}\n" for path, digest, size in digests) + f"{info}/RECORD,,\n"
    wheel = f"{plain}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{wheel}", "w") as made:
        for path, text in files.items():
            made.writestr(path, text)
    return wheel


def build_wheel(folder, settings=None, metadata=None):
    return make(folder, pathlib.Path("NAME").read_text(), "1.0", program=pathlib.Path("NAME").read_text())


build_editable = build_wheel
if __name__ == "__main__":
    make(*sys.argv[1:])
END
wheel() { python3 "$made/wheels.py" "$made" "$@"; }
wheel kiln-tool 1.0 kiln-lib kiln-tool
wheel kiln-tool 2.0 kiln-lib kiln-tool
wheel kiln-lib 1.0
wheel kiln-plugin 1.0
wheel kiln-extra 1.0 '' kiln-extra
wheel Kiln.Own 1.0 kiln-lib kiln-own
wheel kiln-shared 1.0 '' kiln-shared
wheel by-mail 1.0
wheel from-git 1.0
