/*
 * What the figures are held against: the floor of two cores that talk through one cache line, and
 * the same ring as the runtime's answered by C.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

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
