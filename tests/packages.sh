#!/bin/bash
# tests/packages.sh [CARGO-OPTION...]: installs each thing of a release in a clean place and runs a program with it. For
# scripts/release, which gives cargo's settings and options with which it built. $DIST is where the things are; with
# $QUICK they are around a program that is not static, and crates are checked instead of installed.
#
# Prints how large things are, how long it takes from `pip install` to the first green test, and what the plugin adds to a test.
# With root also the Debian package and the container image; without, they are said to be left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prepare.sh
need python
dist=${DIST:-$PWD/dist} quick=${QUICK:-}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
place=$(mktemp -d /var/tmp/ugpio-packages.XXXXXX)
chmod 755 "$place"
trap 'rm -rf "$place"' EXIT
passed=0 failed=0 skipped=0

check() {
	local name=$1
	shift
	if ("$@") >"$place/said" 2>&1; then
		passed=$((passed + 1))
		printf 'ok   %s\n' "$name"
		sed -n 's/^figure: /     /p' "$place/said"
	else
		failed=$((failed + 1))
		printf 'FAIL %s\n' "$name"
		tail -n 40 "$place/said" | sed 's/^/    /'
	fi
}

# The program that everything is tried with: it sees a chip, drives a line, and is seen.
sees_a_chip() {
	local ugpio=$1
	[ "$(scripts/unprivileged "$ugpio" run --chip demo:8 -- "$ugpio" detect)" = 'gpiochip0 [demo] (8 lines)' ]
}

checksums() { cd "$dist" && sha256sum -c SHA256SUMS && echo "figure: $(stat -c '%n %s bytes' -- *.gz *.whl *.deb | paste -sd ';')"; }

# Whether the program needs a loader or a library.
needs_libraries() { readelf -ld "$place/archive/bin/ugpio" | grep -qE 'INTERP|NEEDED'; }

# `set -e` does not act in a function that is tried: hence &&.
archive() {
	UGPIO_ADDRESS=$dist packaging/install.sh "$version" "$place/archive" &&
		sees_a_chip "$place/archive/bin/ugpio" &&
		[ -s "$place/archive/share/man/man1/ugpio-run.1" ] && [ -s "$place/archive/share/bash-completion/completions/ugpio" ] &&
		{ [ -n "$quick" ] || ! needs_libraries; } &&
		echo "figure: the program has $(stat -c %s "$place/archive/bin/ugpio") bytes"
}

# A changed archive must not be installed.
damaged() {
	mkdir "$place/bad" && cp "$dist"/*.tar.gz "$dist/SHA256SUMS" "$place/bad/" &&
		echo x >>"$(ls "$place"/bad/*x86_64.tar.gz)" &&
		! UGPIO_ADDRESS=$place/bad packaging/install.sh "$version" "$place/bad/to" && [ ! -e "$place/bad/to/bin" ]
}

wheel() {
	local venv=$place/venv start now
	"$PYTHON" -m venv "$venv" && "$venv/bin/pip" download -q -d "$place/wheels" --only-binary :all: pytest==9.2.0 gpiod==2.5.0 || return
	start=$(date +%s%N)
	"$venv/bin/pip" install -q --no-index --find-links "$place/wheels" pytest gpiod "$dist"/*manylinux_2_17_x86_64*.whl || return
	mkdir "$place/project" && cp tests/packages/test_led.py "$place/project/" || return
	(cd "$place/project" && env -i PATH=/usr/bin:/bin "$OLDPWD/scripts/unprivileged" "$venv/bin/python" -m pytest -q -p no:cacheprovider) || return
	now=$(date +%s%N)
	echo "figure: $(((now - start) / 1000000)) ms from pip install to the first green test"
	(cd "$place/project" && env -i PATH=/usr/bin:/bin "$OLDPWD/scripts/unprivileged" "$venv/bin/python" "$OLDPWD/tests/packages/overhead.py") &&
		"$venv/bin/ugpio" --version
}

debian() {
	local root=$place/root
	mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/tmp" "$root/proc" "$root/dev" && touch "$root/var/lib/dpkg/status" &&
		dpkg --root="$root" --force-depends -i "$dist"/ugpio_*_amd64.deb && [ -s "$root/usr/share/man/man1/ugpio-run.1.gz" ] &&
		[ -z "$(find "$root/etc" "$root/lib/systemd" -type f 2>/dev/null)" ] && sees_a_chip "$root/usr/bin/ugpio"
}

# Nothing is in the image but the program: it runs itself.
image() {
	local context=$place/context
	mkdir "$context" && cp "$place/archive/bin/ugpio" packaging/Containerfile "$context/" &&
		podman build -q -t localhost/ugpio-test "$context" &&
		podman --runtime=runc run --rm --network=none --cap-drop=all --ulimit=nofile=1024:1024 --ulimit=nproc=4096:4096 localhost/ugpio-test \
			run --chip demo:8 -- /bin/ugpio detect | grep -x 'gpiochip0 \[demo\] (8 lines)'
	local status=$?
	podman rmi -f localhost/ugpio-test >/dev/null 2>&1
	return $status
}

# The shell parts of the action and of the template, as they stand there.
action() {
	mkdir "$place/action" && "$PYTHON" tests/packages/shell_of.py action.yml run >"$place/action/step" &&
		env HOME="$place/action" UGPIO_ADDRESS="$dist" INSTALL="$PWD/packaging/install.sh" VERSION="$version" BOARD=boards/demo.toml \
			GITHUB_PATH="$place/action/path" GITHUB_ENV="$place/action/env" bash --noprofile --norc -eo pipefail "$place/action/step" &&
		sees_a_chip "$(cat "$place/action/path")/ugpio" && grep -x "UGPIO_BOARD=$PWD/boards/demo.toml" "$place/action/env"
}

gitlab() {
	mkdir "$place/gitlab" && "$PYTHON" tests/packages/shell_of.py packaging/gitlab.yml - >"$place/gitlab/step" &&
		echo 'ugpio run --chip demo:8 -- ugpio detect' >>"$place/gitlab/step" && (cd "$place/gitlab" &&
			UGPIO_ADDRESS=$dist UGPIO_VERSION=$version UGPIO_BOARD=$OLDPWD/boards/demo.toml sh -e step | grep -x 'gpiochip0 \[demo\] (8 lines)')
}

# The crates as a registry would have them, with each other instead of a registry.
crates() {
	local folder=$place/crates name
	mkdir "$folder" && for name in "$dist"/*.crate; do tar xzf "$name" -C "$folder" || return; done
	cp "$folder/ugpio-$version/Cargo.lock" "$folder/" || return
	{
		printf '[workspace]\nresolver = "3"\nmembers = ["*-%s"]\n\n[patch.crates-io]\n' "$version"
		for name in "$folder"/*-"$version"; do
			name=${name##*/}
			echo "${name%-"$version"} = { path = \"$name\" }"
		done
		# As here, so that what is built for the rest serves again.
		printf '\n[profile.release]\nstrip = "symbols"\n'
	} >"$folder/Cargo.toml"
	# All are checked; what a library says of itself is in its own package.
	(cd "$folder" && cargo check --workspace "$@") && [ "$(grep -c path "$folder/Cargo.toml")" -ge 8 ] || return
	[ -z "$quick" ] || return 0
	cargo install --locked --path "$folder/ugpio-$version" --root "$place/cargo" --target-dir "$CARGO_TARGET_DIR" "$@" && sees_a_chip "$place/cargo/bin/ugpio"
}

check 'checksums' checksums
check 'the archive, by install.sh' archive
check 'a damaged archive is refused' damaged
check 'the wheel, in a clean environment' wheel
check 'the GitHub action' action
check 'the GitLab template' gitlab
check 'the packaged crates' crates "$@"
if [ "$(id -u)" -eq 0 ]; then
	check 'the Debian package' debian
	if [ -z "$quick" ]; then
		check 'the container image' image
	else
		skipped=1
		echo 'none the container image: it needs the static program'
	fi
else
	skipped=2
	echo 'none the Debian package and the container image: they need root'
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
