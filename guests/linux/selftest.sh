# What a machine must give its Linux guest: prints `ok NAME` or `FAIL NAME` for each thing that is
# there, and exits with 1 when one failed. splitx.cpus=N and splitx.memory=MIB on the kernel command
# line say what must be found; disks are overwritten.
failures=0

# check NAME COMMAND...: the command decides, and its words follow the name.
check() {
  name=$1
  shift
  if words=$("$@" 2>&1); then
    echo "ok $name" $words
  else
    echo "FAIL $name" $words
    failures=$((failures + 1))
  fi
}

# The value of a word of the kernel command line.
expected() {
  tr ' ' '\n' < /proc/cmdline | sed -n "s/^splitx\.$1=//p"
}

cpus() {
  count=$(grep -c ^processor /proc/cpuinfo)
  echo "$count"
  for cpu in $(seq 0 $((count - 1))); do
    taskset -c "$cpu" true || return 1
  done
  want=$(expected cpus)
  [ -z "$want" ] || [ "$count" -eq "$want" ]
}

# The kernel keeps some of the memory for itself.
memory() {
  mib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
  echo "$mib MiB"
  want=$(expected memory)
  [ -z "$want" ] || { [ "$mib" -le "$want" ] && [ "$mib" -ge $((want * 3 / 4)) ]; }
}

hypervisor_flag() {
  grep -m 1 '^flags' /proc/cpuinfo | grep -qw hypervisor
}

# A sleep of a second, by the clock that counts up.
clock() {
  before=$(sed 's/\..*//' /proc/uptime)
  sleep 1
  spent=$(($(sed 's/\..*//' /proc/uptime) - before))
  echo "$spent s"
  [ "$spent" -ge 1 ] && [ "$spent" -le 5 ]
}

# Completed requests of a disk: reads and writes.
requests() {
  awk '{ print $1 + $5 }' "/sys/block/$1/stat"
}

# 5,000 reads and 5,000 writes of 4 KiB past the page cache, two streams at a time, each checked.
block_mixed() {
  disk=/dev/$1
  before=$(requests "$1")
  dd if=/dev/urandom of=/tmp/a bs=4k count=2500 2> /dev/null
  dd if=/dev/urandom of=/tmp/b bs=4k count=2500 2> /dev/null
  a=$(md5sum < /tmp/a)
  b=$(md5sum < /tmp/b)
  dd if=/tmp/a of="$disk" bs=4k oflag=direct 2> /dev/null || return 1
  # One half is read while the other is written.
  dd if=/tmp/b of="$disk" bs=4k seek=2500 oflag=direct 2> /dev/null &
  read_a=$(dd if="$disk" bs=4k count=2500 iflag=direct 2> /dev/null | md5sum)
  wait "$!" || return 1
  read_b=$(dd if="$disk" bs=4k skip=2500 count=2500 iflag=direct 2> /dev/null | md5sum)
  rm /tmp/a /tmp/b
  done=$(($(requests "$1") - before))
  echo "$done requests"
  [ "$a" = "$read_a" ] && [ "$b" = "$read_b" ] && [ "$done" -ge 10000 ]
}

# 64 MiB in large requests.
block_large() {
  disk=/dev/$1
  dd if=/dev/urandom of=/tmp/large bs=1M count=64 2> /dev/null
  dd if=/tmp/large of="$disk" bs=1M conv=fsync 2> /dev/null || return 1
  echo 3 > /proc/sys/vm/drop_caches
  written=$(md5sum < /tmp/large)
  rm /tmp/large
  [ "$written" = "$(dd if="$disk" bs=1M count=64 2> /dev/null | md5sum)" ]
}

# Not by echoes, which the host of a user network may not be able to answer.
network() {
  arping -q -c 3 -w 10 -I eth0 10.0.2.2
}

random() {
  [ "$(head -c 64 /dev/hwrng | wc -c)" -eq 64 ]
}

# Address, vendor, device, class and driver of every PCI function.
pci() {
  for device in /sys/bus/pci/devices/*; do
    [ -e "$device" ] || continue
    driver=$(readlink "$device/driver")
    echo "pci ${device##*/} $(cat "$device/vendor") $(cat "$device/device")" \
      "$(cat "$device/class") ${driver##*/}"
  done
}

pci
check cpus cpus
check memory memory
check hypervisor-flag hypervisor_flag
check clock clock
for disk in /sys/block/vd*; do
  [ -e "$disk" ] || continue
  check "${disk##*/}-mixed" block_mixed "${disk##*/}"
  check "${disk##*/}-large" block_large "${disk##*/}"
done
[ -e /sys/class/net/eth0 ] && check network network
grep -qs virtio /sys/class/misc/hw_random/rng_current && check random random
[ "$failures" -eq 0 ]
