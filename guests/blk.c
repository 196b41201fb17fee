/*
 * Reads and writes a virtio block device: the one of disk=NUMBER by queue=NUMBER, from 0. It is
 * polled; with interrupts=1 it interrupts when all that the guest has seen so far is not enough to go
 * on.
 *
 * ops=measure (default) times n=COUNT requests of size=BYTES with depth=COUNT in flight:
 *   rw=read|write, pattern=random|sequential, seed=NUMBER, flush=EVERY so many writes; before them,
 *   warm=COUNT requests that are not counted.
 *   Prints "@hist read" or "@hist write" of the ticks of each request, "@ticks" of all of them, and
 *   "@count" of kicks, interrupts, bytes and flushes.
 *   With verify=1 it writes n blocks instead, some of them twice, reads them back and compares.
 * ops=sum prints the SHA-256 of the first n blocks.
 */
#include "lib/virtio_blk.h"

#define POOL_BYTES (16 << 20)

/* Blocks whose number this divides are written a second time. */
#define REWRITTEN 3

static struct virtio_blk disk;
static struct virtio_blk_request requests[VIRTIO_BLK_DEPTH];
static u8 pool[POOL_BYTES] __attribute__((aligned(4096)));

static u64 n, size, depth, seed, blocks;
static bool sequential;

/* One pass over blocks of the disk, `depth` of them in flight. */
struct pass {
  const char *name; /* NULL: of no interest */
  bool write;
  u64 n;
  u64 flush_every; /* 0: never */
  u64 (*block)(u64 turn);
  void (*fill)(u64 block, u8 *data);  /* before a write; may be NULL */
  void (*check)(u64 block, u8 *data); /* after a read; may be NULL */
};

static void check_status(const struct virtio_blk_request *request) {
  if (request->status == 0) return;
  print("request of type ");
  print_number(request->header.type);
  print(" failed with status ");
  print_number(request->status);
  print(" at sector ");
  print_number(request->header.sector);
  print("\n");
  power_off(1);
}

static void submit(struct virtio_blk_request *request, u32 type, u64 block) {
  bool flush = type == VIRTIO_BLK_FLUSH;
  request->block = block;
  request->asked = ticks();
  if (!virtio_blk_submit(&disk, request, type, flush ? 0 : block * (size / SECTOR_BYTES),
                         flush ? NULL : request->data, flush ? 0 : (u32)size)) {
    give_up("the queue is too small for this depth");
  }
}

static void run(const struct pass *pass) {
  static struct virtio_blk_request *idle[VIRTIO_BLK_DEPTH];
  u32 idle_count = 0;
  for (u64 i = depth; i > 0; i--) idle[idle_count++] = &requests[i - 1];
  u64 submitted = 0, done = 0, flushes = 0, flushes_done = 0;
  u64 kicks = disk.queue.kicks, interrupts = interrupts_taken();
  u64 flush_every = pass->write && disk.can_flush ? pass->flush_every : 0;
  histogram_reset();
  u64 started = ticks();
  while (done < pass->n || (flush_every && flushes_done < done / flush_every)) {
    while (idle_count) {
      bool flush = flush_every && flushes < done / flush_every;
      if (!flush && submitted == pass->n) break;
      struct virtio_blk_request *request = idle[--idle_count];
      if (flush) {
        flushes++;
        submit(request, VIRTIO_BLK_FLUSH, 0);
        continue;
      }
      u64 block = pass->block(submitted++);
      if (pass->fill) pass->fill(block, request->data);
      submit(request, pass->write ? VIRTIO_BLK_WRITE : VIRTIO_BLK_READ, block);
    }
    virtio_blk_kick(&disk);
    struct virtio_blk_request *request = virtio_blk_next(&disk);
    u64 now = ticks();
    do {
      check_status(request);
      idle[idle_count++] = request;
      if (request->header.type == VIRTIO_BLK_FLUSH) {
        flushes_done++;
        continue;
      }
      histogram_add(now - request->asked);
      done++;
      if (pass->check) pass->check(request->block, request->data);
    } while ((request = virtio_blk_poll(&disk)));
  }
  u64 spent = ticks() - started;
  if (!pass->name) return;
  histogram_print(pass->name);
  print_ticks(pass->name, done, spent);
  print_count("kicks", disk.queue.kicks - kicks);
  print_count("interrupts", interrupts_taken() - interrupts);
  print_count("bytes", done * size);
  print_count("flushes", flushes_done);
}

static u64 next_block(u64 turn) {
  if (sequential) return turn % blocks;
  return (u64)((unsigned __int128)random_next(&seed) * blocks >> 64);
}

static void measure(u64 warm_up, u64 flush_every) {
  bool write = option_has("rw", "write");
  if (write) {
    for (u64 i = 0; i < depth * size; i += sizeof(u64)) *(u64 *)(pool + i) = random_next(&seed);
  } else {
    memset(pool, 0, depth * size); /* its pages are there before the clock runs */
  }
  struct pass pass = {.write = write, .n = warm_up, .flush_every = flush_every, .block = next_block};
  run(&pass);
  pass.name = write ? "write" : "read";
  pass.n = n;
  run(&pass);
}

/* ---- verify=1 ---- */

static u32 verify_seed;
static u64 verified, stride;

static u64 divisor(u64 a, u64 b) {
  return b ? divisor(b, a % b) : a;
}

/* Each of the blocks once; `stride` has no divisor in common with their number. */
static u64 each_block(u64 turn) {
  return sequential ? turn : turn * stride % verified;
}

static u64 rewritten_block(u64 turn) {
  return turn * REWRITTEN;
}

/* 32-bit words: the block's number, its generation, then xorshift from a mixture of both. */
static u32 contents_start(u64 block, u32 generation) {
  return (verify_seed + (u32)block * 0x9e3779b1 + generation * 0x85ebca6b) | 1;
}

static u32 contents_next(u32 state) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^ state << 5;
}

static void fill_block(u64 block, u32 generation, u8 *data) {
  u32 *words = (u32 *)data, state = contents_start(block, generation);
  words[0] = (u32)block;
  words[1] = generation;
  for (u64 i = 2; i < size / 4; i++) words[i] = state = contents_next(state);
}

static void fill_first(u64 block, u8 *data) {
  fill_block(block, 1, data);
}

static void fill_second(u64 block, u8 *data) {
  fill_block(block, 2, data);
}

static void check_block(u64 block, u8 *data) {
  u32 *words = (u32 *)data, generation = block % REWRITTEN ? 1 : 2;
  u32 state = contents_start(block, generation);
  bool same = words[0] == (u32)block && words[1] == generation;
  for (u64 i = 2; same && i < size / 4; i++) same = words[i] == (state = contents_next(state));
  memset(data, 0, size); /* what stands here later came from the device */
  if (same) return;
  print("verify FAILED block ");
  print_number(block);
  print("\n");
  power_off(1);
}

static void verify(u64 flush_every) {
  verified = n < blocks ? n : blocks;
  verify_seed = (u32)seed;
  stride = verified / 2 + seed % 1000 + 1;
  while (divisor(stride, verified) != 1) stride++;
  struct pass pass = {.name = "verify_write",
                      .write = true,
                      .n = verified,
                      .flush_every = flush_every,
                      .block = each_block,
                      .fill = fill_first};
  run(&pass);
  pass.name = "verify_rewrite";
  pass.n = (verified + REWRITTEN - 1) / REWRITTEN;
  pass.block = rewritten_block;
  pass.fill = fill_second;
  run(&pass);
  memset(pool, 0, depth * size);
  run(&(struct pass){
      .name = "verify_read", .n = verified, .block = each_block, .check = check_block});
  print("verified ");
  print_number(verified);
  print(" blocks\n");
}

/* ---- ops=sum ---- */

static void sum(void) {
  struct sha256 sha;
  sha256_start(&sha);
  u64 sectors = n * (size / SECTOR_BYTES), step = size / SECTOR_BYTES;
  if (sectors > disk.sectors) sectors = disk.sectors;
  for (u64 at = 0; at < sectors; at += step) {
    u32 bytes = (u32)(at + step > sectors ? (sectors - at) * SECTOR_BYTES : size);
    if (virtio_blk_wait(&disk, VIRTIO_BLK_READ, at, pool, bytes)) give_up("a read failed");
    sha256_add(&sha, pool, bytes);
  }
  u8 digest[32];
  sha256_end(&sha, digest);
  print_digest(digest);
}

void guest_main(void) {
  n = option_number("n", 1000);
  size = option_number("size", 4096);
  depth = option_number("depth", 1);
  seed = option_number("seed", 1);
  sequential = option_has("pattern", "sequential");
  if (seed == 0) seed = 1;
  if (size == 0 || size % SECTOR_BYTES) give_up("size is not a multiple of 512");
  if (depth == 0 || depth > VIRTIO_BLK_DEPTH) give_up("depth is not from 1 to 64");
  if (size > POOL_BYTES / depth) give_up("depth times size is more than 16 MiB");
  struct interrupt_message message;
  bool interrupts = option_number("interrupts", 0);
  if (interrupts && !interrupts_start(&message)) give_up("no interrupt controllers");
  u32 number = (u32)option_number("disk", 0);
  u16 queue = (u16)option_number("queue", 0);
  if (!virtio_blk_open_at(&disk, number, queue, (u32)depth, interrupts ? &message : NULL)) {
    give_up("no virtio block device");
  }
  blocks = disk.sectors / (size / SECTOR_BYTES);
  if (blocks == 0) give_up("the disk is smaller than a block");
  bool verifies = option_number("verify", 0);
  if (disk.read_only && (verifies || option_has("rw", "write"))) give_up("the disk is read-only");
  for (u64 i = 0; i < depth; i++) requests[i].data = pool + i * size;

  u64 flush_every = option_number("flush", 0);
  bool sums = option_has("ops", "sum");
  if (verifies) {
    verify(flush_every);
  } else if (!sums || option_has("ops", "measure")) {
    measure(option_number("warm", 0), flush_every);
  }
  if (sums) sum();
  virtio_reset(&disk.device);
}
