/*
 * What the figures are held against: the floor of two cores that talk through one cache line, the
 * same ring as the runtime's answered by C, and a TAP interface with neither guest nor hypervisor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../stub/abi.h"

#define EXPORT __attribute__((visibility("default")))

static void pin(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static struct {
  _Alignas(128) uint32_t ball;
  _Alignas(128) uint32_t cpu;
  uint32_t rounds;
} game;

static void *answer(void *unused) {
  (void)unused;
  pin(game.cpu);
  for (uint32_t i = 0; i < game.rounds; i++) {
    while (__atomic_load_n(&game.ball, __ATOMIC_ACQUIRE) != 2 * i + 1) __builtin_ia32_pause();
    __atomic_store_n(&game.ball, 2 * i + 2, __ATOMIC_RELEASE);
  }
  return NULL;
}

struct play {
  uint32_t cpu;
  uint32_t *ticks;
};

static void *play(void *argument) {
  const struct play *play = argument;
  pin(play->cpu);
  for (uint32_t i = 0; i < game.rounds; i++) {
    uint64_t before = __builtin_ia32_rdtsc();
    __atomic_store_n(&game.ball, 2 * i + 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&game.ball, __ATOMIC_ACQUIRE) != 2 * i + 2) __builtin_ia32_pause();
    play->ticks[i] = (uint32_t)(__builtin_ia32_rdtsc() - before);
  }
  return NULL;
}

/** Round trips over one line between two cores, in TSC ticks each. 0, or an errno. */
EXPORT int32_t bench_ping_pong(uint32_t cpu, uint32_t other, uint32_t *ticks, uint32_t rounds) {
  game.ball = 0;
  game.cpu = other;
  game.rounds = rounds;
  struct play player = {cpu, ticks};
  pthread_t one, two;
  int error = pthread_create(&one, NULL, answer, NULL);
  if (error) return error;
  error = pthread_create(&two, NULL, play, &player);
  if (!error) pthread_join(two, NULL);
  pthread_join(one, NULL);
  return error;
}

/**
 * Answers CALL_NOP in the synchronous cell until something else comes (1) or the core's command
 * word changes (0).
 */
EXPORT int32_t bench_respond(struct sx_hypercall_page *page, const struct sx_vcpu_block *block,
                             const struct sx_core_block *core) {
  uint32_t answered = page->response.seq;
  while (__atomic_load_n(&core->command, __ATOMIC_RELAXED) == SX_CORE_RUN) {
    uint32_t seq = __atomic_load_n(&page->request.seq, __ATOMIC_ACQUIRE);
    if (seq != answered) {
      if (page->request.number != SX_CALL_NOP) return 1;
      page->response.status = SX_OK;
      page->response.value_lo = 0;
      page->response.value_hi = 0;
      __atomic_store_n(&page->response.seq, seq, __ATOMIC_RELEASE);
      answered = seq;
    }
    if (__atomic_load_n(&block->event.seq, __ATOMIC_ACQUIRE) != block->completion.seq) return 1;
    __builtin_ia32_pause();
  }
  return 0;
}

/* A frame of guests/net.c. */
struct frame {
  uint8_t to[6];
  uint8_t from[6];
  uint8_t type[2];
  uint16_t kind; /* an answer's is its request's, plus one */
  uint32_t number;
} __attribute__((packed));

#define REQUEST 3
#define FRAME_MAX 1518
#define PATIENCE UINT32_MAX /* TSC ticks; a second or more */

struct errand {
  int tap;
  uint32_t cpu;
  uint32_t bytes;
  uint32_t *ticks;
  uint32_t rounds;
  int error;
};

/* Whether the frame that was read answers request `number`. */
static int answers(const uint8_t *bytes, ssize_t length, uint32_t number) {
  struct frame frame;
  if (length < (ssize_t)sizeof frame) return 0;
  memcpy(&frame, bytes, sizeof frame);
  return frame.type[0] == 0x88 && frame.type[1] == 0xb5 && frame.kind == REQUEST + 1 &&
         frame.number == number;
}

static void *ask(void *argument) {
  struct errand *errand = argument;
  pin(errand->cpu);
  uint8_t sent[FRAME_MAX] = {0}, got[FRAME_MAX];
  for (uint32_t i = 0; i < errand->rounds; i++) {
    struct frame request = {.type = {0x88, 0xb5}, .kind = REQUEST, .number = i};
    memset(request.to, 0xff, sizeof request.to);
    memcpy(sent, &request, sizeof request);
    uint64_t before = __builtin_ia32_rdtsc();
    if (write(errand->tap, sent, errand->bytes) < 0) {
      errand->error = errno;
      return NULL;
    }
    uint64_t took;
    ssize_t length;
    do {
      length = read(errand->tap, got, sizeof got);
      took = __builtin_ia32_rdtsc() - before;
      if (took > PATIENCE) {
        errand->error = ETIMEDOUT;
        return NULL;
      }
    } while (!answers(got, length, i));
    errand->ticks[i] = (uint32_t)took;
  }
  return NULL;
}

/**
 * Requests of so many bytes to whoever answers `net` on a TAP interface, each sent when the one
 * before is answered, from one core; in TSC ticks each. 0, or an errno.
 *
 * @param name of the interface, ended by 0
 */
EXPORT int32_t bench_tap_round_trips(const char *name, uint32_t cpu, uint32_t bytes,
                                     uint32_t *ticks, uint32_t rounds) {
  if (bytes < sizeof(struct frame) || bytes > FRAME_MAX) return EINVAL;
  struct ifreq interface = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(interface.ifr_name, name, IFNAMSIZ - 1);
  int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap < 0) return errno;
  struct errand errand = {tap, cpu, bytes, ticks, rounds, 0};
  pthread_t thread;
  if (ioctl(tap, TUNSETIFF, &interface)) errand.error = errno;
  if (!errand.error) errand.error = pthread_create(&thread, NULL, ask, &errand);
  if (!errand.error) pthread_join(thread, NULL);
  close(tap);
  return errand.error;
}
