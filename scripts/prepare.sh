# Sourced by ./demo, ./test, .ci/run and scripts, from the top of the checkout: what building and running take.
#
# `need THING...` looks for everything at once: rust, or rust_for_tests, compiler, python, clients, or any PROGRAM=PACKAGE. As root,
# Debian packages that are missing are installed; otherwise one message names all of them, with the command
# that installs them, before anything is built. Sets PYTHON. Also: install_packages, python_with, readable.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }

need() {
	before=''
	while wanted='' rust_wanted='' && look_for "$@" && [ -n "$wanted$rust_wanted" ]; do
		# What is missing can depend on what was: the headers of a Python, on its version.
		if [ "$wanted$rust_wanted" = "$before" ]; then
			say "error: installed, but still not found:${rust_wanted:+ cargo $(lowest_rust) or newer}$wanted"
			exit 1
		fi
		before=$wanted$rust_wanted
		install_packages "$wanted"
	done
}

look_for() {
	for thing in "$@"; do
		case $thing in
		*=*) command -v "${thing%%=*}" >/dev/null || want "${thing#*=}" ;;
		*) "find_$thing" ;;
		esac
	done
	return 0
}

want() {
	for package in "$@"; do
		case " $wanted " in *" $package "*) ;; *) wanted="$wanted $package" ;; esac
	done
}

# Installs Debian packages, and Rust if it is wanted; or says what is missing.
install_packages() {
	packages=$*
	rust=''
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		[ -z "${rust_wanted:-}" ] || rust=$(rust_packages)
		say_missing $packages
		exit 1
	fi
	apt-get update -qq >&2 || say "warning: the lists of packages could not be renewed"
	sources=''
	if [ -n "${rust_wanted:-}" ]; then
		rust=$(rust_packages)
		[ -n "$rust" ] || { with_security_updates && rust=$(rust_packages); }
		[ -n "$rust" ] || {
			say_missing $packages
			exit 1
		}
	fi
	say "installing:" $rust $packages
	# Nothing that is there may be removed for it, as another Rust would be.
	# shellcheck disable=SC2086 # words
	DEBIAN_FRONTEND=noninteractive apt-get $sources install -qq -y --no-install-recommends --no-remove $rust $packages >&2 || {
		say "error: could not install:" $rust $packages
		exit 1
	}
	[ -z "$sources" ] || rm -rf "$lists"
}

# The one message about everything that is missing. Commands are indented, and can be copied.
say_missing() {
	say "error: missing here:${rust_wanted:+ cargo $(lowest_rust) or newer (here: $rust_wanted)}${rust_wanted:+${*:+,}} $*"
	security=''
	if [ -n "${rust_wanted:-}" ] && [ -z "$rust" ]; then
		security=$(security_updates) && rust='cargo-web rustc-web'
	fi
	if [ -z "$rust$*" ] || ! command -v apt-get >/dev/null; then
		[ -z "$*" ] || say "Install them; the names are those of Debian's packages."
	else
		say "Install them with:"
		if [ -n "$security" ]; then
			say "  echo '$security' | sudo tee /etc/apt/sources.list.d/security.list"
			say "  sudo apt-get update"
		fi
		say "  sudo apt-get install --no-install-recommends $rust${rust:+ }$*"
	fi
	[ -z "${rust_wanted:-}" ] || [ -n "$rust" ] || say "Get Rust with rustup (https://rustup.rs)."
	say "Then try again."
}

# The lowest Rust that builds the program, or everything that its tests use too, as Cargo.toml has it.
rust_key=rust-version
lowest_rust() { sed -n "s/^$rust_key = \"\(.*\)\"\$/\1/p" Cargo.toml; }

# new_enough VERSION: is this Rust the lowest, or newer?
new_enough() {
	[ -n "$1" ] && [ "$(printf '%s\n' "$(lowest_rust)" "$1" | sort -V | head -n 1)" = "$(lowest_rust)" ]
}

# The packages of a Rust that is new enough, if the package lists have one. Debian's cargo-web is the
# Rust that browsers are built with, and the newest there.
rust_packages() {
	for package in cargo-web cargo; do
		if new_enough "$(candidate "$package")"; then
			echo "$package rustc${package#cargo}"
			return
		fi
	done
}

# The version that the package lists have of a package.
candidate() {
	# shellcheck disable=SC2086 # words
	apt-cache ${sources:-} policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9.]*\).*/\1/p'
}

# The source of Debian's security updates, on a Debian that does not ask for them, as one made by debootstrap: they have
# the newest Rust of Debian 12 and 13. They lie beside the archive that the machine uses.
security_updates() {
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)
	case $codename in bookworm | trixie) ;; *) return 1 ;; esac
	used=$(sed -n 's/^deb //p; s/^URIs: //p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || :)
	archive=$(printf '%s\n' "$used" | sed -nE 's,^(\[[^]]*\] )?([^ ]*/debian)/?( .*)?$,\2,p' | head -n 1)
	case $used in *-security*) return 1 ;; esac
	[ -n "$archive" ] && echo "deb $archive-security $codename-security main"
}

# Asks for them this once.
with_security_updates() {
	line=$(security_updates) && lists=$(mktemp -d) && chmod 755 "$lists" || return 1
	{ cat /etc/apt/sources.list 2>/dev/null; echo "$line"; } >"$lists/all.list"
	mkdir -m 755 "$lists/lists"
	sources="-o Dir::Etc::SourceList=$lists/all.list -o Dir::State::Lists=$lists/lists"
	# shellcheck disable=SC2086 # words
	apt-get $sources update -qq >&2
}

# Sets PATH so that the first cargo in it is new enough, if there is such a one; also where rustup or Debian puts it.
find_rust() {
	rust_wanted=''
	for folder in "$(dirname "$(command -v cargo || echo none/cargo)")" "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/bin; do
		[ -x "$folder/cargo" ] || continue
		version=$("$folder/cargo" --version 2>/dev/null | cut -d' ' -f2)
		if new_enough "$version"; then
			[ "$(command -v cargo)" = "$folder/cargo" ] || PATH=$folder:$PATH
			rust_wanted=''
			return
		fi
		rust_wanted=${rust_wanted:-${version:-one that does not start}}
	done
	rust_wanted=${rust_wanted:-none}
}

find_rust_for_tests() {
	rust_key=rust-for-tests
	find_rust
}

# A C compiler: Rust links with it, and some clients are C programs, static ones.
find_compiler() {
	echo 'int main(void){return 0;}' | cc -static -x c -o /dev/null - 2>/dev/null || want gcc libc6-dev
}

# Python 3.9 or newer that can make virtual environments; the system's if it will do, since an
# unprivileged user may not be able to read another.
find_python() {
	for PYTHON in /usr/bin/python3 "$(command -v python3)"; do
		"$PYTHON" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && return
	done
	want python3 python3-venv
}

# What tests/clients/building.py builds the clients with: the Node.js of the system with its headers and npm, Go, a C++
# compiler for addons, libgpiod and its tools, avrdude, udev and GUdev; for packages of PyPI that have no wheel for this Python, its headers and SWIG.
find_clients() {
	if [ ! -x /usr/bin/node ] || [ ! -x /usr/bin/npm ] || [ ! -e /usr/include/node/node.h ]; then
		want nodejs npm libnode-dev
	fi
	command -v go >/dev/null || want golang-go
	command -v make >/dev/null || want make
	command -v c++ >/dev/null || want g++
	command -v gpiodetect >/dev/null || want gpiod
	[ -e /usr/include/gpiod.h ] || want libgpiod-dev
	[ -x /usr/bin/udevadm ] || want udev
	command -v avrdude >/dev/null || want avrdude
	/usr/bin/python3 -c "import gi; gi.require_version('GUdev', '1.0')" 2>/dev/null || want python3-gi gir1.2-gudev-1.0
	version=$(/usr/bin/python3 --version 2>/dev/null | cut -d' ' -f2)
	[ -n "$version" ] || version=$(candidate python3)
	case $version in 3.9.* | 3.1[0-2].*) return ;; esac
	ls /usr/include/python3.*/Python.h >/dev/null 2>&1 || want python3-dev
	command -v swig >/dev/null || want swig
}

# A Python with the packages of the requirements file $2 from PyPI, in the virtual environment $1.
python_with() {
	if ! cmp -s "$2" "$1/requirements.txt"; then
		rm -rf "$1"
		"$PYTHON" -m venv "$1" &&
			"$1/bin/pip" install -q --only-binary :all: -r "$2" >&2 &&
			cp "$2" "$1/requirements.txt"
	fi
}

# readable COMMAND...: if tests, which run as an unprivileged user, cannot read this checkout, as below a home of mode
# 0700, runs the command in a copy that they can read, and exits with its status. Otherwise does nothing.
readable() {
	scripts/unprivileged test -r "$PWD/Cargo.toml" && return
	copy=$(mktemp -d /var/tmp/ugpio-checkout.XXXXXX) && chmod 755 "$copy" || exit 1
	trap 'rm -rf "$copy"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	say "An unprivileged user cannot read $PWD: working in a copy below $copy. A checkout elsewhere is built once only."
	mkdir "$copy/ugpio"
	tar cf - --exclude=./target . | tar xf - -C "$copy/ugpio"
	chmod -R a+rX "$copy"
	[ ! -d ../shared ] || ln -s "$(realpath ../shared)" "$copy/shared"
	unset CARGO_TARGET_DIR
	(cd "$copy/ugpio" && "$@")
	exit
}
