# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The packages that the commands need, and how they are installed.

# boost_packages PART...: Boost must be 1.81 or newer. On Debian 12 that is not
# the default version.
boost_packages() {
  local id='' version=''
  if [[ -r /etc/os-release ]]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && echo "${ID:-}")
    # shellcheck source=/dev/null
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  local boost=''
  [[ $id == debian && $version == 12 ]] && boost=1.81
  local part packages=("libboost$boost-dev")
  for part; do packages+=("libboost-$part$boost-dev"); done
  echo "${packages[@]}"
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need PACKAGE...: installs those that are missing.
need() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    # Not like Debian. Look for the tools; Meson names what else is missing.
    local tool
    for tool in meson ninja python3; do
      command -v "$tool" >/dev/null ||
        die "no '$tool'; install it and try again (there is no apt-get to do it)"
    done
    return 0
  fi

  local package missing=() unwanted=()
  for package; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  # Where a package accepts one of several others, apt-get may choose one that
  # needs Debian's default Boost. Its headers and ours exclude each other.
  if [[ $(boost_packages) != libboost-dev ]] && ! is_installed libboost-dev; then
    unwanted=(libboost-dev-)
  fi

  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing ${missing[*]}; run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi

  local log
  log=$(mktemp "${TMPDIR:-/tmp}/weir-setup.XXXXXX") ||
    die "cannot write to ${TMPDIR:-/tmp}; set TMPDIR to a folder you can write to"
  printf 'dev: installing %s\n' "${missing[*]}"
  # --no-remove: stop rather than remove a package that other work on this
  # machine needs (one version of Boost's headers excludes the others).
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install \
      --yes --no-install-recommends --no-remove \
      -o DPkg::Lock::Timeout=120 "${missing[@]}" \
      "${unwanted[@]}"; } </dev/null >"$log" 2>&1; then
    if grep -q 'remove is disabled' "$log"; then
      die "another version of a package is in the way; if you can do without" \
        "it, run as root: apt-get install ${missing[*]}"
    fi
    die "could not install ${missing[*]}:" \
      "$(sed -n 's/^E: //p' "$log" | head -n 1);" \
      "check the network and try again (all that apt-get said: $log)"
  fi
  rm -f "$log"
}

setup() {
  local boost
  read -ra boost <<<"$(boost_packages test program-options)"
  # curl, gdb and openssl are for tests, which are skipped without them.
  need meson ninja-build g++ pkg-config libssl-dev curl gdb openssl \
    "${boost[@]}"
}

cmd_setup() {
  setup
  echo "dev: all there"
}
