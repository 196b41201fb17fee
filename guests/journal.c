/*
 * A log on the first virtio block device, for tests that cut the power.
 *
 * Appends n=COUNT records (default: until the disk is full) of 1 to 16 sectors with depth=COUNT
 * writes in flight, and asks for a flush every flush=COUNT records while writes go on. After each
 * flush it prints "durable N": record N and all before it had been written when the flush was asked
 * for. The last line is "appended N".
 * With check=1 it reads the log instead and prints "last N": the records 1 to N are whole and in
 * order, and no such record N + 1 follows.
 * log=NUMBER tells one log from another on the same disk.
 */
#include "lib/virtio_blk.h"

#define RECORD_SECTORS 16
#define RECORD_BYTES (RECORD_SECTORS * SECTOR_BYTES)
#define LOG_NAME 0x6c616e72756f6a00 /* plus the log's number */

struct record {
  u64 log;
  u64 sequence; /* from 1 */
  u32 sectors;
  u32 checksum; /* of all words of the record, with 0 in this one's place */
};

/* FNV-1a over 32-bit words. */
#define CHECKSUM_START 0x811c9dc5
#define CHECKSUM_FACTOR 0x01000193

static struct virtio_blk disk;
static struct virtio_blk_request requests[VIRTIO_BLK_DEPTH], flush;
static u8 pool[VIRTIO_BLK_DEPTH][RECORD_BYTES] __attribute__((aligned(4096)));

static u64 n, depth, flush_every, log_name;

static u32 checksum_of(const struct record *record) {
  const u32 *words = (const u32 *)record;
  u32 sum = CHECKSUM_START;
  for (u64 i = 0; i < record->sectors * (SECTOR_BYTES / 4); i++) {
    bool own = i == offsetof(struct record, checksum) / 4;
    sum = (sum ^ (own ? 0 : words[i])) * CHECKSUM_FACTOR;
  }
  return sum;
}

static void say(const char *what, u64 number) {
  print(what);
  print_number(number);
  print("\n");
}

/* ---- append ---- */

/* Where the log stands. */
static u64 sector, sequence; /* the next record's place; the last record submitted */
static u64 whole;            /* it and all before it have been written */
static bool written[VIRTIO_BLK_DEPTH]; /* by sequence, of those behind `whole` */
static bool flushing;
static u64 flush_asked, flush_covers; /* `sequence` and `whole` when the last flush was asked for */
static struct virtio_blk_request *idle[VIRTIO_BLK_DEPTH];
static u32 idle_count;

static u32 make_record(struct record *record) {
  u64 state = log_name ^ (sequence + 1) * 0x9e3779b97f4a7c15;
  *record = (struct record){
      .log = log_name,
      .sequence = ++sequence,
      .sectors = (u32)(random_next(&state) % RECORD_SECTORS + 1),
  };
  u64 *payload = (u64 *)(record + 1), *end = (u64 *)((u8 *)record + record->sectors * SECTOR_BYTES);
  while (payload < end) *payload++ = random_next(&state);
  record->checksum = checksum_of(record);
  return record->sectors;
}

static bool has_room(void) {
  return sequence < n && sector + RECORD_SECTORS <= disk.sectors;
}

static void submit_all(void) {
  while (idle_count && has_room() && sequence - whole < VIRTIO_BLK_DEPTH) {
    struct virtio_blk_request *request = idle[--idle_count];
    u32 sectors = make_record((struct record *)request->data);
    request->block = sequence;
    virtio_blk_submit(&disk, request, VIRTIO_BLK_WRITE, sector, request->data,
                      sectors * SECTOR_BYTES);
    sector += sectors;
  }
  bool due = has_room() ? sequence - flush_asked >= flush_every
                        : whole == sequence && flush_covers < sequence;
  if (!flushing && due) {
    flushing = true;
    flush_asked = sequence;
    flush_covers = whole;
    virtio_blk_submit(&disk, &flush, VIRTIO_BLK_FLUSH, 0, NULL, 0);
  }
  virtio_blk_kick(&disk);
}

static void finish(struct virtio_blk_request *request) {
  if (request->status) give_up("a request failed");
  if (request == &flush) {
    flushing = false;
    say("durable ", flush_covers);
    return;
  }
  written[request->block % VIRTIO_BLK_DEPTH] = true;
  idle[idle_count++] = request;
  while (whole < sequence && written[(whole + 1) % VIRTIO_BLK_DEPTH]) {
    written[++whole % VIRTIO_BLK_DEPTH] = false;
  }
}

static void append(void) {
  if (!disk.can_flush) give_up("the disk cannot flush");
  for (u64 i = 0; i < depth; i++) {
    requests[i].data = pool[i];
    idle[idle_count++] = &requests[i];
  }
  while (has_room() || flushing || flush_covers < sequence) {
    submit_all();
    struct virtio_blk_request *request;
    while (!(request = virtio_blk_poll(&disk))) relax();
    do finish(request);
    while ((request = virtio_blk_poll(&disk)));
  }
  say("appended ", sequence);
}

/* ---- check=1 ---- */

/* Whether the record that should follow lies at `sector`. */
static bool read_next(struct record *record) {
  if (sector + RECORD_SECTORS > disk.sectors) return false;
  if (virtio_blk_wait(&disk, VIRTIO_BLK_READ, sector, (u8 *)record, RECORD_BYTES)) {
    give_up("a read failed");
  }
  return record->log == log_name && record->sequence == sequence + 1 && record->sectors > 0 &&
         record->sectors <= RECORD_SECTORS && record->checksum == checksum_of(record);
}

static void check(void) {
  struct record *record = (struct record *)pool[0];
  while (read_next(record)) {
    sequence++;
    sector += record->sectors;
  }
  say("last ", sequence);
}

void guest_main(void) {
  n = option_number("n", ~0ull);
  depth = option_number("depth", 8);
  flush_every = option_number("flush", 16);
  log_name = LOG_NAME + option_number("log", 0);
  if (depth == 0 || depth > VIRTIO_BLK_DEPTH) give_up("depth is not from 1 to 64");
  if (!virtio_blk_open(&disk)) give_up("no virtio block device");
  if (option_number("check", 0)) {
    check();
  } else {
    if (disk.read_only) give_up("the disk is read-only");
    append();
  }
  virtio_reset(&disk.device);
}
