/*
 * Upsets a virtio disk while it works: rounds=COUNT times (default 100) it has depth=COUNT reads in
 * flight and then, at some moment, resets the device, moves its BAR, takes its memory access away for
 * a while, or lets it be. What the device must not write stays as it is, and what it reads is right:
 * each 32-bit word of a 64 KiB block holds the block's number. Prints "upset COUNT times", and how
 * often requests were in flight then as "@count caught".
 */
#include "lib/mmio.h"
#include "lib/virtio_blk.h"

#define BLOCK_BYTES 65536
#define BLOCK_SECTORS (BLOCK_BYTES / SECTOR_BYTES)
#define UNTOUCHED 0xa5
#define MOMENT_TICKS 500000 /* the longest wait before something happens */
#define QUIET_TICKS 200000  /* for so long nothing may be written */

/* Places for BAR 0 that nothing else has. */
#define PLACES 0xd0000000
#define PLACE_BYTES 0x10000
#define PLACE_COUNT 256

#define COMMAND_MASTER 4 /* PCI Local Bus 3.0, 6.2.2 */

static struct virtio_blk disk;
static struct virtio_blk_request requests[VIRTIO_BLK_DEPTH];
static u8 pool[VIRTIO_BLK_DEPTH][BLOCK_BYTES] __attribute__((aligned(4096)));
static u64 depth, seed, caught;

static void pause_for(u64 most) {
  u64 end = ticks() + random_next(&seed) % most;
  while (ticks() < end) relax();
}

static void submit_all(void) {
  u64 blocks = disk.sectors / BLOCK_SECTORS;
  for (u64 i = 0; i < depth; i++) {
    requests[i].block = random_next(&seed) % blocks;
    requests[i].data = pool[i];
    virtio_blk_submit(&disk, &requests[i], VIRTIO_BLK_READ, requests[i].block * BLOCK_SECTORS,
                      pool[i], BLOCK_BYTES);
  }
  virtio_blk_kick(&disk);
}

/* Requests that the device has given back. */
static u64 finished(void) {
  return (u16)(*(volatile u16 *)&disk.queue.used.index - disk.queue.seen);
}

static void collect(u64 count) {
  while (count) {
    struct virtio_blk_request *request = virtio_blk_poll(&disk);
    if (!request) {
      relax();
      continue;
    }
    if (request->status) give_up("a read failed");
    const u32 *words = (const u32 *)request->data;
    for (u32 i = 0; i < BLOCK_BYTES / 4; i++) {
      if (words[i] != (u32)request->block) give_up("a read gave something else");
    }
    count--;
  }
}

static void expect_quiet(void) {
  memset(pool, UNTOUCHED, sizeof pool);
  u16 used = disk.queue.used.index;
  u64 end = ticks() + QUIET_TICKS;
  while (ticks() < end) relax();
  const u64 *words = (const u64 *)pool;
  for (u64 i = 0; i < sizeof pool / 8; i++) {
    if (words[i] != UNTOUCHED * 0x0101010101010101) give_up("the device wrote where it may not");
  }
  if (*(volatile u16 *)&disk.queue.used.index != used) give_up("the device went on");
}

static void open(void) {
  if (!virtio_blk_open(&disk)) give_up("no virtio block device");
}

/* BAR 0, in which all its parts lie, answers elsewhere from now on. */
static void move(void) {
  struct virtio_device *device = &disk.device;
  u32 before = pci_read32(device->function, PCI_BAR) & 0xfffffff0;
  u32 after = PLACES + (u32)(random_next(&seed) % PLACE_COUNT) * PLACE_BYTES;
  pci_write32(device->function, PCI_BAR, after);
  int64_t by = (int64_t)after - before;
  volatile u8 **parts[] = {&device->common, &device->notify, &device->isr, &device->config,
                           &disk.queue.notify};
  for (u32 i = 0; i < sizeof parts / sizeof *parts; i++) *parts[i] += by;
}

static void set_master(bool master) {
  pci_function function = disk.device.function;
  u16 command = pci_read16(function, PCI_COMMAND) & (u16)~COMMAND_MASTER;
  pci_write16(function, PCI_COMMAND, master ? command | COMMAND_MASTER : command);
}

void guest_main(void) {
  u64 rounds = option_number("rounds", 100);
  depth = option_number("depth", 32);
  seed = option_number("seed", 1) | 1;
  if (depth == 0 || depth > VIRTIO_BLK_DEPTH) give_up("depth is not from 1 to 64");
  open();
  for (u64 i = 0; i < rounds; i++) {
    submit_all();
    pause_for(MOMENT_TICKS);
    switch (random_next(&seed) >> 32 & 3) {
      case 0:
        virtio_reset(&disk.device);
        caught += finished() < depth;
        expect_quiet();
        open();
        break;
      case 1:
        move();
        caught += finished() < depth;
        collect(depth);
        break;
      case 2: {
        set_master(false);
        u64 done = finished();
        caught += done < depth;
        collect(done);
        expect_quiet();
        set_master(true);
        /* What was asked for meanwhile may have been missed. */
        mmio_write16(disk.queue.notify, 0);
        collect(depth - done);
        break;
      }
      default:
        collect(depth);
    }
  }
  virtio_reset(&disk.device);
  print("upset ");
  print_number(rounds);
  print(" times\n");
  print_count("caught", caught);
}
