#include <errno.h>

#include "stub.h"

#define SLOT_BITS 8
#define SLOTS (1 << SLOT_BITS)
#define GENERATIONS (1 << 20)

struct slot {
  void *_Atomic object;
  _Atomic int generation;
};

static struct slot tables[HANDLE_KINDS][SLOTS];
static const int limits[HANDLE_KINDS] = {SX_MAX_VMS, SX_MAX_VCPUS, SX_MAX_CORES, SX_MAX_FILES,
                                         SX_MAX_TAPS, SX_MAX_STREAMS};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int handle_open(enum handle_kind kind, void *object) {
  pthread_mutex_lock(&lock);
  for (int i = 0; i < limits[kind]; i++) {
    struct slot *slot = &tables[kind][i];
    if (atomic_load(&slot->object)) continue;
    int generation = atomic_load(&slot->generation) % GENERATIONS + 1;
    atomic_store(&slot->generation, generation);
    atomic_store(&slot->object, object);
    pthread_mutex_unlock(&lock);
    return generation << SLOT_BITS | i;
  }
  pthread_mutex_unlock(&lock);
  return -ENFILE;
}

static struct slot *slot_of(enum handle_kind kind, int handle) {
  if (handle <= 0) return NULL;
  struct slot *slot = &tables[kind][handle & (SLOTS - 1)];
  return atomic_load(&slot->generation) == handle >> SLOT_BITS ? slot : NULL;
}

void *handle_get(enum handle_kind kind, int handle) {
  struct slot *slot = slot_of(kind, handle);
  return slot ? atomic_load(&slot->object) : NULL;
}

void *handle_close(enum handle_kind kind, int handle) {
  struct slot *slot = slot_of(kind, handle);
  return slot ? atomic_exchange(&slot->object, NULL) : NULL;
}
