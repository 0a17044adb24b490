#!/busybox sh
# The first process of the virtual machine that eng/cgroup2-vm.sh starts, out of its initramfs. Puts the host's root file
# system, read-only, below a memory file system that takes the writes; mounts cgroup v2 and nothing of v1; then becomes the
# machine's "init", which runs what the shared folder says.
PATH=/
busybox mkdir -p /proc /dev /host /memory /root
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
while read -r module; do
  busybox insmod "/modules/$module"
done </modules/order

busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
busybox mount -t tmpfs tmpfs /memory
busybox mkdir /memory/upper /memory/work
busybox mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /root

# The host's own are mount points in what 9p shows; none of that may be seen here.
busybox mount -t proc proc /root/proc
busybox mount -t sysfs sysfs /root/sys
busybox mount -t devtmpfs dev /root/dev
busybox mkdir -p /root/dev/shm /root/dev/pts /root/mnt
busybox mount -t tmpfs tmpfs /root/dev/shm
busybox mount -t devpts devpts /root/dev/pts
busybox mount -t tmpfs -o mode=755 tmpfs /root/run
busybox mount -t tmpfs -o mode=1777 tmpfs /root/tmp
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 shared /root/mnt
# What is run may lie below /tmp, which is the machine's own.
repository=$(busybox cat /root/mnt/repository)
busybox mkdir -p "/root$repository"
busybox mount -o bind "/host$repository" "/root$repository"
for link in "fd /proc/self/fd" "stdin fd/0" "stdout fd/1" "stderr fd/2"; do
  busybox ln -sf "${link#* }" "/root/dev/${link% *}"
done

busybox mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
busybox ip link set lo up
busybox cp /busybox /root/tmp/busybox
busybox umount /proc /dev

# Not chroot: in a changed root the kernel forbids user namespaces, and the sandbox is made of them.
exec busybox switch_root /root /tmp/busybox sh -c '
  env -i HOME=/tmp TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash /mnt/run </dev/null >/mnt/output 2>&1
  echo $? >/mnt/code
  sync
  /tmp/busybox poweroff -f'
