#!/bin/bash
# The first program of a guest. Stage 1 runs on the read-only base and lays a writable root over
# it; stage 2 runs in that, then obeys its command line, the serial port: a line `NUMBER LIMIT`
# means "run /lab/NUMBER.sh for at most LIMIT seconds, put its output in /lab/NUMBER.out, and
# answer `NUMBER STATUS`".
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
if [ "$1" != stage2 ]; then
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir /mnt/{up,work,root,share,modules}
  of_host() { # an older mount hands its options over as one string, and that is the path
    mount -t hostfs -o "hostfs=$1" none "$2" 2>/dev/null || mount -t hostfs -o "$1" none "$2"
  }
  of_host /guest/share /mnt/share
  of_host /guest/modules /mnt/modules
  insmod /mnt/modules/usr/lib/modules/*/kernel/fs/overlayfs/overlay.ko || exec echo no overlayfs
  mount -t overlay -o lowerdir=/mnt/modules:/,upperdir=/mnt/up,workdir=/mnt/work overlay /mnt/root ||
    exec echo overlay failed
  mkdir -p /mnt/root/lab
  mount --move /mnt/share /mnt/root/lab
  exec chroot /mnt/root /bin/bash /lab/init stage2
fi
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /run/lock /run/pppd /run/xl2tpd /var/log
. /lab/config
hostname "$NAME"
echo "127.0.0.1 localhost $NAME" > /etc/hosts
ip link set lo up
ip addr add "$ADDRESS" dev vec0
ip link set vec0 up
[ -z "$GATEWAY" ] || ip route add default via "$GATEWAY"
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 \
  net.ipv4.conf.default.send_redirects=0
stty -F /dev/ttyS0 raw -echo
exec 3<>/dev/ttyS0
echo "up $(cut -d' ' -f1 /proc/uptime)" >&3
while read -r n limit <&3; do
  [ "$n" = off ] && break
  (
    exec 3>&-
    timeout -k 2 "$limit" bash "/lab/$n.sh" >"/tmp/.$n" 2>&1 </dev/null
    status=$?
    cp "/tmp/.$n" "/lab/$n.out"
    sync -f "/lab/$n.out"
    echo "$n $status" >/dev/ttyS0
  ) &
done
sync
echo o > /proc/sysrq-trigger
sleep 10
