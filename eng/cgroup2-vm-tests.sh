#!/usr/bin/env bash
# Runs inside of the virtual machine of eng/cgroup2-vm.sh: the tests that say so, with their results to the shared folder.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export SANDBOXHOST_TEST_MACHINE=cgroup2-vm DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# Code that measures itself does not pay off in a program that runs this slowly and this briefly.
export DOTNET_TieredPGO=0
tests=artifacts/bin/SandboxHost.Isolation.Tests/release/SandboxHost.Isolation.Tests.dll
# One at a time: two would take from each other what each is given.
exec dotnet "$tests" -noColor -noLogo -parallelMode none -trait cgroup2=also -trait cgroup2=only -result-trx /mnt/results.trx
