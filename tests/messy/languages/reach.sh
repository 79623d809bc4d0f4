# The tarballs and wheels by which npm, pipx and pip installed, in a registry and a folder; no index is asked.
made=/var/tmp/sources
mkdir $made
chmod 0755 $made
. /root/messy/languages/sources.sh
python3 - $made << 'END' &
import functools, http.server, json, os, pathlib, sys, tarfile

made = pathlib.Path(sys.argv[1])
serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=made)
with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
    url = f"http://127.0.0.1:{server.server_port}"
    for tarball in made.glob("*.tgz"):
        manifest = json.load(tarfile.open(tarball).extractfile("package/package.json"))
        version = {**manifest, "dist": {"tarball": f"{url}/{tarball.name}"}}
        told = {"name": manifest["name"], "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        place = made / manifest["name"]
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(told))
    (made / "pid").write_text(str(os.getpid()))
    pathlib.Path("/etc/npmrc").write_text(f"registry={url}/\n")
    server.serve_forever()
END
until test -s /etc/npmrc; do sleep 0.1; done
printf '[global]\nno-index = true\nfind-links =\n    %s\n    /usr/share/python-wheels\n' $made > /etc/pip.conf
cat > /usr/local/sbin/pip << 'END'
#!/bin/sh
exec python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" "$@"
END
chmod 0755 /usr/local/sbin/pip
for name in pnpm yarn bun uv cargo rustup go gem conda volta asdf; do fake $name; done
