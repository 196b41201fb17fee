#include "guest.h"

static u32 cell_seq[MAX_VCPUS];
static u32 ring_head[MAX_VCPUS];

static void fill(volatile struct sx_request *request, u32 number, u64 a0, u64 a1, u64 a2) {
  request->number = number;
  request->a0_lo = (u32)a0;
  request->a0_hi = (u32)(a0 >> 32);
  request->a1_lo = (u32)a1;
  request->a1_hi = (u32)(a1 >> 32);
  request->a2_lo = (u32)a2;
  request->a2_hi = (u32)(a2 >> 32);
}

/*
 * Publishes `seq` and rings when nobody polls. The exchange is a full barrier: either the
 * hypervisor, about to sleep, sees the new seq, or this sees its doorbell word.
 */
static void publish(struct sx_hypercall_page *page, u32 *seq_word, u32 seq) {
  (void)__atomic_exchange_n(seq_word, seq, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&page->doorbell, __ATOMIC_RELAXED)) out32(SX_PORT_DOORBELL, 0);
}

static struct answer read_answer(const volatile struct sx_response *response) {
  return (struct answer){(int)response->status, (u64)response->value_hi << 32 | response->value_lo};
}

struct answer call_by_exit(u32 number, u64 a0, u64 a1, u64 a2) {
  struct sx_hypercall_page *page = hypercall_page();
  fill(&page->request, number, a0, a1, a2);
  out32(SX_PORT_HYPERCALL, number);
  return read_answer(&page->response);
}

struct answer call_by_ring(u32 number, u64 a0, u64 a1, u64 a2) {
  struct sx_hypercall_page *page = hypercall_page();
  u32 seq = ++cell_seq[page->vcpu];
  fill(&page->request, number, a0, a1, a2);
  publish(page, &page->request.seq, seq);
  while (__atomic_load_n(&page->response.seq, __ATOMIC_ACQUIRE) != seq) relax();
  return read_answer(&page->response);
}

struct answer call(u32 number, u64 a0, u64 a1, u64 a2) {
  return hypercall_page()->notification == SX_NOTIFY_POLLED ? call_by_ring(number, a0, a1, a2)
                                                            : call_by_exit(number, a0, a1, a2);
}

void post(u32 number, u64 a0, u64 a1, u64 a2) {
  struct sx_hypercall_page *page = hypercall_page();
  u32 head = ring_head[page->vcpu]++;
  while (head - __atomic_load_n(&page->ring_tail, __ATOMIC_ACQUIRE) >= SX_RING_DEPTH) relax();
  struct sx_request *slot = &page->ring[head % SX_RING_DEPTH];
  fill(slot, number, a0, a1, a2);
  publish(page, &slot->seq, head + 1);
}

void post_drain(void) {
  struct sx_hypercall_page *page = hypercall_page();
  while (__atomic_load_n(&page->ring_tail, __ATOMIC_ACQUIRE) != ring_head[page->vcpu]) relax();
}
