#include "soft/machine.h"

#include "soft/translation/code_cache.h"
#include "soft/mailbox.h"
#include "soft/memory/paging.h"
#include "soft/system/system.h"

static void post(struct mailbox_queue *queue, uint64_t value) {
  uint32_t at = atomic_load(&queue->posted);
  if (at - atomic_load(&queue->served) < MAILBOX_DEPTH) queue->values[at % MAILBOX_DEPTH] = value;
  else atomic_store(&queue->overflow, true);
  atomic_store(&queue->posted, at + 1);
}

void machine_protect(struct cpu *cpu, const uint8_t *host) {
  struct machine *machine = cpu->machine;
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    struct cpu *other = atomic_load(&machine->processors[i]);
    if (!other || other == cpu) continue;
    pthread_mutex_lock(&machine->lock);
    post(&other->mailbox->protect, (uint64_t)(uintptr_t)host);
    uint32_t ticket = atomic_load(&other->mailbox->protect.posted);
    pthread_mutex_unlock(&machine->lock);
    cpu_disturb(other);
    while (atomic_load(&other->running) && (int32_t)(atomic_load(&other->mailbox->protect.served) - ticket) < 0) {
      mailbox_serve_protect(cpu); /* it may be waiting for us */
      __builtin_ia32_pause();
    }
  }
}

void machine_code_written(struct cpu *cpu, uint64_t page) {
  struct machine *machine = cpu->machine;
  for (uint32_t i = 0; i < MOST_PROCESSORS; i++) {
    struct cpu *other = atomic_load(&machine->processors[i]);
    if (!other || other == cpu) continue;
    pthread_mutex_lock(&machine->lock);
    post(&other->mailbox->forget, page);
    pthread_mutex_unlock(&machine->lock);
    cpu_disturb(other);
  }
}

void mailbox_serve_protect(struct cpu *cpu) {
  struct mailbox_queue *queue = &cpu->mailbox->protect;
  uint32_t posted = atomic_load(&queue->posted), served = atomic_load(&queue->served);
  if (posted == served) return;
  pthread_mutex_lock(&cpu->machine->lock);
  posted = atomic_load(&queue->posted);
  bool overflow = atomic_exchange(&queue->overflow, false);
  for (; !overflow && served != posted; served++) {
    tlb_protect(cpu, (const uint8_t *)(uintptr_t)queue->values[served % MAILBOX_DEPTH]);
  }
  if (overflow) tlb_protect_all(cpu);
  atomic_store(&queue->served, posted);
  pthread_mutex_unlock(&cpu->machine->lock);
}

void machine_serve(struct cpu *cpu) {
  if (atomic_exchange(&cpu->ept_changed, false)) tlb_flush_all(cpu);
  mailbox_serve_protect(cpu);
  struct mailbox_queue *queue = &cpu->mailbox->forget;
  while (atomic_load(&queue->posted) != atomic_load(&queue->served)) {
    if (atomic_exchange(&queue->overflow, false)) {
      atomic_store(&queue->served, atomic_load(&queue->posted));
      code_forget_all(cpu);
      return;
    }
    uint32_t at = atomic_load(&queue->served);
    uint64_t page = queue->values[at % MAILBOX_DEPTH];
    atomic_store(&queue->served, at + 1);
    code_forget_page(cpu, page);
  }
}
