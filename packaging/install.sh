#!/bin/sh
# install.sh VERSION [FOLDER]: puts ugpio from a release into FOLDER (default: ~/.local), for this machine.
#
# Takes the archive from $UGPIO_ADDRESS, a URL or a folder, and refuses it if its checksum is another. Needs sh, tar, sha256sum
# and, for a URL, curl.
set -eu
version=${1:?install.sh VERSION [FOLDER]}
folder=${2:-$HOME/.local}
[ ! -r "$(dirname "$0")/address" ] || . "$(dirname "$0")/address"
[ -n "${UGPIO_ADDRESS:-}" ] || {
	echo "install.sh: \$UGPIO_ADDRESS is not set: the URL or the folder of the release" >&2
	exit 1
}
case $(uname -s)-$(uname -m) in
Linux-x86_64) machine=x86_64 ;;
Linux-aarch64 | Linux-arm64) machine=aarch64 ;;
*)
	echo "install.sh: no ugpio for $(uname -sm): it runs on 64-bit Linux, x86-64 and arm64" >&2
	exit 1
	;;
esac
name=ugpio-$version-linux-$machine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in "$name.tar.gz" SHA256SUMS; do
	case $UGPIO_ADDRESS in
	http://* | https://*) curl -fsSL --retry 3 -o "$work/$file" "$UGPIO_ADDRESS/$file" ;;
	*) cp "$UGPIO_ADDRESS/$file" "$work/$file" ;;
	esac
done
cd "$work"
grep " $name.tar.gz\$" SHA256SUMS | sha256sum -c - >&2
mkdir -p "$folder"
tar xzf "$name.tar.gz" --strip-components=1 -C "$folder"
echo "install.sh: $("$folder/bin/ugpio" --version) is in $folder/bin" >&2
