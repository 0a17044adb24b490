#!/usr/bin/env bash
# Sets up what is missing and runs every test. The last line is `N passed, N failed, N skipped`.
#
#   ./test.sh                 everything
#   ./test.sh Conformance     only the test projects whose name holds this word ("runner" for the Node runner's)
#   ./test.sh --cgroup2       only what runs in a virtual machine, for cgroup v2 without v1 (a part of everything, too)
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/eng/setup.sh"
. "$SANDBOXHOST_HOME/eng/cgroup2-vm.sh"
setup_host
only=${1:-}
results=$SANDBOXHOST_HOME/artifacts/test-results
export SANDBOXHOST_NODE=$NODE
rm -rf "$results"
mkdir -p "$results"
passed=0 failed=0 skipped=0

count() { # count PASSED FAILED SKIPPED
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# count_trx NAME FILE: adds up a result file; a missing one is a failure.
count_trx() {
  local counters
  if [ ! -f "$2" ]; then
    say "$1 left no result"
    count 0 1 0
    return
  fi
  counters=$(grep -o '<Counters [^>]*' "$2" | head -1)
  number() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$counters"; }
  count "$(number passed)" "$(($(number failed) + $(number error) + $(number timeout)))" "$(number notExecuted)"
}

install_packages() { # install_packages FOLDER: what its lock file names
  local folder=$SANDBOXHOST_HOME/$1
  if newer_than "$folder/node_modules/.current" "$folder/package-lock.json"; then
    run "$SANDBOXHOST_HOME/artifacts/log/npm-${1//\//-}.log" npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts
    touch "$folder/node_modules/.current"
  fi
}

install_packages examples/typescript
install_packages tests/functions/forms
install_packages tests/functions/databases
# Netlify's own code, to compare our readers with.
install_packages tests/oracles
[[ "SandboxHost.Sites.Tests" != *"$only"* ]] || install_packages tests/oracles/zip-it-and-ship-it

# Servers for functions to talk to. The tests start their own; nothing is started by installing them (RUNLEVEL).
if [[ "SandboxHost.Conformance" == *"$only"* ]]; then
  export RUNLEVEL=1
  [ -d /usr/lib/postgresql ] || apt_install "functions talk to a real PostgreSQL in the tests" postgresql
  command -v redis-check-rdb >/dev/null || apt_install "functions talk to a real Redis in the tests" redis-tools
  unset RUNLEVEL
fi
[[ "SandboxHost.Chaos" != *"$only"* ]] || setup_stepped_clock
[[ "SandboxHost.Conformance" != *"$only"* ]] || setup_strace

say "Building the tests"
run "$SANDBOXHOST_HOME/artifacts/log/tests.log" dotnet build "$SANDBOXHOST_HOME/SandboxHost.sln" -c Release -v quiet
say "Checking the format"
if ! dotnet format "$SANDBOXHOST_HOME/SandboxHost.sln" whitespace --verify-no-changes --no-restore >"$SANDBOXHOST_HOME/artifacts/log/format.log" 2>&1; then
  tail -n 20 "$SANDBOXHOST_HOME/artifacts/log/format.log"
  say "The format is off: run dotnet format whitespace"
  count 0 1 0
else
  count 1 0 0
fi

# One project after the other: each has the machine to itself, and real sandboxes with it.
for project in "$SANDBOXHOST_HOME"/tests/SandboxHost.*/; do
  name=$(basename "$project")
  [[ "$name" == *"$only"* ]] || continue
  [ -f "$project/$name.csproj" ] || continue
  # A program that a test starts, not a test.
  [[ "$name" == *.Host ]] && continue
  printf '\n== %s\n' "$name"
  assembly=$SANDBOXHOST_HOME/artifacts/bin/$name/release/$name.dll
  # What only the virtual machine can run is counted there.
  timeout 900 dotnet "$assembly" -noColor -noLogo -trait- cgroup2=only -result-trx "$results/$name.trx" 2>&1 | tail -n 60
  count_trx "$name" "$results/$name.trx"
done

if [[ "--cgroup2" == *"$only"* ]]; then
  printf '\n== cgroup v2, in a virtual machine\n'
  reason=$(cgroup2_vm_reason)
  if [ -z "$reason" ] && ! (setup_cgroup2_vm); then
    reason="the virtual machine could not be set up, as said above"
  fi
  if [ -n "$reason" ]; then
    say "Skipped: $reason"
    count 0 0 1
  else
    shared=$(mktemp -d)
    trap 'rm -rf "$shared"' EXIT
    printf 'exec bash %q/eng/cgroup2-vm-tests.sh\n' "$SANDBOXHOST_HOME" >"$shared/run"
    cgroup2_vm_run "$shared" 600
    tail -n 60 "$shared/output" 2>/dev/null || tail -n 20 "$shared/console"
    [ ! -f "$shared/results.trx" ] || cp "$shared/results.trx" "$results/cgroup2-vm.trx"
    count_trx "The virtual machine" "$results/cgroup2-vm.trx"
  fi
fi

if [[ "runner" == *"$only"* ]]; then
  printf '\n== runners/node\n'
  install_packages runners/node
  output=$results/runner.txt
  (cd "$SANDBOXHOST_HOME/runners/node" && timeout 300 "$NODE" --test --test-reporter=spec "test/*.test.mjs") >"$output" 2>&1
  tail -n 40 "$output" | sed 's/^ℹ /# /'
  total() { sed -n "s/^[ℹ#] $1 \([0-9]*\)$/\1/p" "$output" | tail -1; }
  if [ -n "$(total pass)" ]; then
    count "$(total pass)" "$(($(total fail) + $(total cancelled)))" "$(($(total skipped) + $(total todo)))"
  else
    count 0 1 0
  fi
fi

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
