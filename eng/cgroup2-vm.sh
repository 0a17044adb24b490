#!/usr/bin/env bash
# A virtual machine whose only cgroup hierarchy is v2, for what cannot be tried on a machine that has v1. It is emulated
# (QEMU's TCG), so it needs no hardware and no rights, and is 15 to 40 times slower. It sees this machine's files, read-only,
# so what was built here runs there. Sourced by ./test.sh.
#
#   cgroup2_vm_reason               prints why there can be no such machine here; nothing when there can
#   setup_cgroup2_vm                gets QEMU, a kernel and an initramfs, where they are missing; ends the shell when it can't
#   cgroup2_vm_run SHARED SECONDS   runs the bash script SHARED/run as root; it has the folder SHARED at /mnt, writable.
#                                   Leaves SHARED/output and SHARED/code, its exit code; no code, no end within the seconds
#
# Kernel and initramfs are kept in artifacts/cgroup2-vm. All else goes with the machine, and the machine with this shell.

CGROUP2_VM=$SANDBOXHOST_HOME/artifacts/cgroup2-vm

cgroup2_vm_reason() {
  [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || { echo "emulated on x86-64 Linux only"; return; }
  if ! cgroup2_vm_complete; then
    if ! command -v apt-get >/dev/null; then
      echo "QEMU and a kernel are fetched with apt-get, which this system does not have"
    elif [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null && ! cgroup2_vm_programs; then
      echo "wants root, or sudo without a password, to install qemu-system-x86 busybox-static cpio kmod"
    fi
  fi
}

cgroup2_vm_programs() {
  local program PATH=$PATH:/usr/sbin:/sbin
  for program in qemu-system-x86_64 busybox cpio depmod modprobe; do
    command -v "$program" >/dev/null || return 1
  done
  # Alone in the initramfs, it must not want a library.
  ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

cgroup2_vm_complete() {
  command -v qemu-system-x86_64 >/dev/null &&
    ! newer_than "$CGROUP2_VM/initramfs.gz" "$SANDBOXHOST_HOME/eng/cgroup2-vm-init.sh" "$SANDBOXHOST_HOME/eng/cgroup2-vm.sh"
}

setup_cgroup2_vm() {
  cgroup2_vm_complete && return
  cgroup2_vm_programs || apt_install "a virtual machine with cgroup v2" qemu-system-x86 busybox-static cpio kmod
  say "Fetching a kernel for the virtual machine"
  local scratch
  scratch=$(mktemp -d)
  # In a shell of its own, so that the scratch folder goes whichever step fails.
  (trap 'rm -rf "$scratch"' EXIT && run "$SANDBOXHOST_HOME/artifacts/log/cgroup2-vm.log" cgroup2_vm_build "$scratch") || exit 1
}

# Of the usual flavour: the one for clouds has no 9p.
cgroup2_vm_kernel_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -1
}

# The kernel's package is unpacked, never installed; a dozen of its modules and a static busybox are the initramfs.
cgroup2_vm_build() {
  local scratch=$1 package version module file PATH=$PATH:/usr/sbin:/sbin
  (
    set -euo pipefail
    cd "$scratch"
    package=$(cgroup2_vm_kernel_package)
    if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
      apt-get update
      package=$(cgroup2_vm_kernel_package)
    fi
    [ -n "$package" ] || { echo "no kernel package: linux-image-amd64 names none"; exit 1; }
    apt-get download "$package"
    dpkg -x "$package"_*.deb kernel
    version=$(basename kernel/lib/modules/*)
    depmod -b kernel "$version"
    mkdir -p tree/modules
    for module in virtio_pci 9pnet_virtio 9p overlay; do
      modprobe -d kernel -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*$/\1/p'
    done | awk '!seen[$0]++' | while read -r file; do
      cp "$file" tree/modules/
      basename "$file" >>tree/modules/order
    done
    cp "$(command -v busybox)" tree/busybox
    install -m 755 "$SANDBOXHOST_HOME/eng/cgroup2-vm-init.sh" tree/init
    mkdir -p "$CGROUP2_VM"
    cp kernel/boot/vmlinuz-* "$CGROUP2_VM/vmlinuz"
    (cd tree && find . | cpio -o -H newc --quiet | gzip -1) >initramfs.gz
    # Last, as its age says that all is there.
    mv initramfs.gz "$CGROUP2_VM/initramfs.gz"
  )
}

cgroup2_vm_run() {
  local shared=$1 seconds=$2
  rm -f "$shared/code"
  printf '%s' "$SANDBOXHOST_HOME" >"$shared/repository"
  # A killed shell takes the time limit along, and the time limit the machine.
  setpriv --pdeathsig TERM timeout --kill-after 5 "$seconds" setpriv --pdeathsig KILL \
    qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 \
    -nodefaults -no-user-config -display none -no-reboot -net none -serial "file:$shared/console" \
    -kernel "$CGROUP2_VM/vmlinuz" -initrd "$CGROUP2_VM/initramfs.gz" \
    -append "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable" \
    -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=host,mount_tag=host \
    -fsdev "local,id=shared,path=$shared,security_model=none" -device virtio-9p-pci,fsdev=shared,mount_tag=shared
}
