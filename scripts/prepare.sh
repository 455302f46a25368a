# Sourced by ./demo, ./test and .ci/run, from the top of the checkout: what building and running take.
# As root, Debian packages that are missing are installed; otherwise they are named, and that is all.
# Sets PYTHON. Functions: need_rust, need_compiler, need_python, need_node, python_with.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }

# Installs Debian packages, or says which are missing.
install_packages() {
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		say "error: missing here: $*. Install them (Debian, Ubuntu: sudo apt-get install $*) and try again."
		exit 1
	fi
	say "installing: $*"
	{
		apt-get update -qq &&
			DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
	} >&2 || {
		say "error: could not install $*"
		exit 1
	}
}

need_rust() {
	command -v cargo >/dev/null || [ ! -x "$HOME/.cargo/bin/cargo" ] || PATH=$HOME/.cargo/bin:$PATH
	version=$(cargo --version 2>/dev/null | cut -d' ' -f2)
	case $version in
	1.9[5-9].* | 1.[1-9][0-9][0-9].* | [2-9].*) ;;
	*)
		say "error: cargo 1.95 or newer is needed, here is: ${version:-none}. Get it with rustup (https://rustup.rs) and try again."
		exit 1
		;;
	esac
}

# A C compiler: Rust links with it, and some clients are C programs, static ones.
need_compiler() {
	echo 'int main(void){return 0;}' | cc -static -x c -o /dev/null - 2>/dev/null ||
		install_packages gcc libc6-dev
}

# Python 3.9 or newer that can make virtual environments; the system's if it will do, since an
# unprivileged user may not be able to read another.
need_python() {
	for PYTHON in /usr/bin/python3 "$(command -v python3)"; do
		"$PYTHON" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))' 2>/dev/null &&
			return
	done
	install_packages python3 python3-venv
	PYTHON=/usr/bin/python3
}

# The Node.js of the system with its headers and npm, and a C++ compiler for addons.
need_node() {
	if [ ! -x /usr/bin/node ] || [ ! -x /usr/bin/npm ] || [ ! -e /usr/include/node/node.h ]; then
		install_packages nodejs npm libnode-dev
	fi
	if ! command -v make >/dev/null || ! command -v c++ >/dev/null; then
		install_packages make g++
	fi
}

# A Python with the packages of the requirements file $2 from PyPI, in the virtual environment $1.
python_with() {
	if ! cmp -s "$2" "$1/requirements.txt"; then
		need_python
		rm -rf "$1"
		"$PYTHON" -m venv "$1" &&
			"$1/bin/pip" install -q --only-binary :all: -r "$2" >&2 &&
			cp "$2" "$1/requirements.txt"
	fi
}
